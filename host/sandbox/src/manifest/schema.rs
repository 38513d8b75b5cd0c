//! The JSON Schema in a manifest, and what it says of a configuration.
//!
//! The schema comes from a stranger, so references are refused (a schema that refers to itself could recurse without end) and regular
//! expressions run on an engine whose time is linear.

use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Problems of one configuration that are told at once.
const PROBLEMS: usize = 20;

/// Bytes of a compiled regular expression.
const PATTERN_BYTES: usize = 1 << 20;

/// The schema of a connector that needs no configuration: no property is known.
pub(super) fn empty() -> Value {
    json!({"type": "object", "additionalProperties": false})
}

/// A schema written as TOML. What it does not say about unknown properties is that they are refused.
pub(super) fn from_toml<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    use serde::de::Error;
    let table = toml::Table::deserialize(deserializer)?;
    let mut schema = serde_json::to_value(table).map_err(D::Error::custom)?;
    if let Some(object) = schema.as_object_mut() {
        object.entry("type").or_insert(json!("object"));
        object.entry("additionalProperties").or_insert(json!(false));
    }
    validator(&schema).map_err(D::Error::custom)?;
    Ok(schema)
}

/// Compiles a schema.
pub(crate) fn validator(schema: &Value) -> Result<Validator, String> {
    if let Some(keyword) = reference(schema) {
        return Err(format!("the schema of the configuration uses `{keyword}`; write out what it refers to"));
    }
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES))
        .should_validate_formats(true)
        .build(schema)
        .map_err(|e| format!("the schema of the configuration is not a JSON Schema: {e}"))
}

/// Sentences about what is wrong with a configuration; none if it is right.
pub(crate) fn problems(validator: &Validator, config: &Value) -> Vec<String> {
    let errors = validator.iter_errors(config).take(PROBLEMS);
    errors
        .map(|error| match error.instance_path().to_string().trim_start_matches('/') {
            "" => format!("The configuration is wrong: {error}."),
            path => format!("The configuration's `{}` is wrong: {error}.", path.replace('/', ".")),
        })
        .collect()
}

/// Whether a secret matches its pattern. The value appears in no error.
pub(crate) fn matches(pattern: &str, value: &str) -> Result<bool, String> {
    Ok(validator(&json!({"type": "string", "pattern": pattern}))?.is_valid(&Value::from(value)))
}

fn reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(object) => object.iter().find_map(|(key, value)| match key.as_str() {
            "$ref" | "$dynamicRef" | "$recursiveRef" => Some(key.as_str()),
            _ => reference(value),
        }),
        Value::Array(items) => items.iter().find_map(reference),
        _ => None,
    }
}
