//! Reads a manifest. Errors of form name the line; errors of sense name the item.

use std::collections::BTreeSet;

use http::{HeaderName, Method};
use serde::{Deserialize, Deserializer};

use super::{Manifest, Place, SecretUse, reply_headers};
use crate::printable::steers;

/// Why a connector's manifest cannot be accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file is something else.
    #[error("The file is not a WebAssembly component: {0}.")]
    NotAComponent(String),
    /// There is no manifest in it.
    #[error("The component has no manifest: its custom section `{section}` is missing. Build it with the SDK's tool, which embeds connector.toml.", section = super::SECTION)]
    Missing,
    /// There are several.
    #[error("The component has more than one manifest.")]
    Repeated,
    /// It is too large.
    #[error("The component's manifest has {bytes} bytes; at most {limit} are read.")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What is read.
        limit: usize,
    },
    /// The component defines resources.
    #[error(
        "The component defines resources of its own. A connector has no use for them, and the host cannot bound them."
    )]
    OwnResources,
    /// It is not TOML, or not of the right form. The text names the line.
    #[error("The component's manifest cannot be read. {0}")]
    Form(String),
    /// It does not make sense.
    #[error("The component's manifest is wrong: {0}.")]
    Invalid(String),
    /// It was built for a contract that this host does not know.
    #[error(
        "The connector was built for version {found} of the contract; this host knows {known}. Use a newer Jackfield, or build the connector with an SDK of version {known}."
    )]
    Contract {
        /// The manifest's.
        found: String,
        /// The host's.
        known: &'static str,
    },
}

/// The version of the contract that this host serves.
pub(crate) const CONTRACT: &str = "0.1.0";

impl Manifest {
    /// Reads the text of a `connector.toml`.
    ///
    /// # Errors
    ///
    /// A sentence that says what to mend, with the line where it can be named.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        // The contract first: a newer manifest may have fields that this version does not know.
        if let Ok(Versioned { contract: Some(found) }) = toml::from_str::<Versioned>(text)
            && !is_known(&found)
        {
            return Err(ManifestError::Contract { found: found.chars().take(40).collect(), known: CONTRACT });
        }
        let manifest: Self =
            toml::from_str(text).map_err(|e| ManifestError::Form(e.to_string().trim_end().to_owned()))?;
        manifest.check().map_err(ManifestError::Invalid)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        is_word(&self.id, "`id`")?;
        for (field, text, limit) in
            [("version", &self.version, 64), ("name", &self.name, 100), ("description", &self.description, 1_000)]
        {
            if text.trim().is_empty() || text.len() > limit {
                return Err(format!("`{field}` has 1 to {limit} bytes"));
            }
        }
        self.check_text()?;
        self.check_http()?;
        if let Some(name) = self.reply_headers.iter().find(|name| !reply_headers::may_be_set(name)) {
            return Err(format!(
                "`reply_headers`: `{name}` is not the name of a header that begins with `x-`, in lower case, or is one that browsers or \
                 proxies act on"
            ));
        }
        let secrets = self.check_secrets()?;
        self.check_credentials(&secrets)?;
        unique(self.identifiers.iter().map(|declared| declared.kind.as_str()), "the identifier kind")?;
        for declared in &self.identifiers {
            is_word(&declared.kind, "`identifiers.kind`")?;
        }
        for kind in &self.channel.content {
            is_word(kind, "`channel.content`")?;
        }
        match self.channel.rate_per_second {
            Some(rate) if !rate.is_finite() || rate <= 0.0 => {
                Err("`channel.rate_per_second` is a number above zero".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What a manifest says reaches terminals and pages, so nothing in it steers one.
    fn check_text(&self) -> Result<(), String> {
        let paths = self.http.iter().flat_map(|need| need.paths.iter().map(|path| ("a path", path)));
        let prompts = self.secrets.iter().flat_map(|secret| {
            let pattern = secret.pattern.iter().map(|pattern| ("a secret's pattern", pattern));
            [("a secret's prompt", &secret.prompt)].into_iter().chain(pattern)
        });
        let itself =
            [("`version`", &self.version), ("`name`", &self.name), ("`description`", &self.description)].into_iter();
        if let Some(text) = [&self.version, &self.name].into_iter().find(|text| text.contains(['\n', '\r', '\t'])) {
            return Err(format!("`{}` is on one line", text.escape_debug()));
        }
        if let Some((what, _)) = itself.chain(paths).chain(prompts).find(|(_, text)| steers(text)) {
            return Err(format!("{what} has a control character, or a mark that changes the direction of text"));
        }
        match schema_steers(&self.config) {
            true => Err(
                "the schema of the configuration has a control character, or a mark that changes the direction of text"
                    .to_owned(),
            ),
            false => Ok(()),
        }
    }

    fn check_http(&self) -> Result<(), String> {
        let wants: usize = self.http.iter().map(|need| need.methods.len() * need.paths.len()).sum();
        if wants + self.credentials.len() * self.http.len().max(1) > WANTS {
            return Err(format!("it asks for more than {WANTS} combinations of origin, method and path"));
        }
        for need in &self.http {
            if need.methods.is_empty() || need.paths.is_empty() {
                return Err(format!("`http` for {} names at least one method and one path", need.origin));
            }
            if let Some(path) =
                need.paths.iter().find(|path| !path.starts_with('/') || path.contains(['?', '#', '\\', '%']))
            {
                return Err(format!("`http` for {}: `{path}` is not the beginning of a path", need.origin));
            }
            let properties = self.config.get("properties");
            if let Some(key) = &need.config
                && properties.and_then(|properties| properties.get(key)).is_none()
            {
                return Err(format!(
                    "`http` for {} takes its origin from `{key}`, which `[config.properties]` does not have",
                    need.origin
                ));
            }
        }
        Ok(())
    }

    fn check_secrets(&self) -> Result<BTreeSet<&str>, String> {
        for secret in &self.secrets {
            is_word(&secret.name, "`secrets.name`")?;
            if let Some(pattern) = &secret.pattern {
                super::schema::matches(pattern, "")
                    .map_err(|_| format!("the pattern of the secret `{}` is not one", secret.name))?;
            }
        }
        unique(self.secrets.iter().map(|secret| secret.name.as_str()), "the secret")
    }

    fn check_credentials(&self, secrets: &BTreeSet<&str>) -> Result<(), String> {
        for credential in &self.credentials {
            if let Some(uses) =
                self.secrets.iter().find(|need| need.name == credential.secret).and_then(|n| n.uses.as_ref())
                && !uses.contains(&SecretUse::Send)
            {
                return Err(format!("`credentials` sends `{}`, whose `use` does not have `send`", credential.secret));
            }
            if !secrets.contains(credential.secret.as_str()) {
                return Err(format!(
                    "`credentials` uses the secret `{}`, which `secrets` does not declare",
                    credential.secret
                ));
            }
            let unknown =
                credential.origins.iter().flatten().find(|origin| self.http.iter().all(|need| need.origin != **origin));
            if let Some(origin) = unknown {
                return Err(format!(
                    "`credentials` sends `{}` to {origin}, which `http` does not have",
                    credential.secret
                ));
            }
        }
        Ok(())
    }
}

/// Combinations of origin, method and path that a manifest may ask for. An operator has to read them.
const WANTS: usize = 1_000;

fn schema_steers(schema: &serde_json::Value) -> bool {
    use serde_json::Value;
    match schema {
        Value::String(text) => steers(text),
        Value::Array(items) => items.iter().any(schema_steers),
        Value::Object(fields) => fields.iter().any(|(key, value)| steers(key) || schema_steers(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[derive(Deserialize)]
struct Versioned {
    contract: Option<String>,
}

/// Within `0.1` nothing may break (wit/VERSIONING.md), so the last number does not matter.
pub(super) fn is_known(contract: &str) -> bool {
    contract.strip_prefix("0.1.").is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

fn is_word(text: &str, what: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    match fits {
        true => Ok(()),
        false => Err(format!(
            "{what} is 1 to 64 of a-z, 0-9, `-` and `_`; `{}` is not",
            text.chars().take(80).collect::<String>()
        )),
    }
}

fn unique<'a>(items: impl Iterator<Item = &'a str>, what: &str) -> Result<BTreeSet<&'a str>, String> {
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(item) {
            return Err(format!("{what} `{item}` is declared twice"));
        }
    }
    Ok(seen)
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Method>, D::Error> {
    use serde::de::Error;
    let names = Vec::<String>::deserialize(deserializer)?;
    let known = |name: String| match name.as_str() {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => name.parse().map_err(D::Error::custom),
        _ => Err(D::Error::custom(format!("`{name}` is not one of GET, HEAD, POST, PUT, PATCH, DELETE"))),
    };
    names.into_iter().map(known).collect()
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            None if text == "bearer" => Ok(Self::Bearer),
            None if text == "basic" => Ok(Self::Basic),
            None if text == "path" => Ok(Self::Path),
            Some(("header", name)) => {
                let name: HeaderName =
                    name.parse().map_err(|_| D::Error::custom(format!("`{name}` is not a header's name")))?;
                match crate::egress::headers::is_forbidden(&name)
                    || name == http::header::CONTENT_LENGTH
                    || name == http::header::ACCEPT_ENCODING
                {
                    true => Err(D::Error::custom(format!("no credential goes into the header `{name}`"))),
                    false => Ok(Self::Header(name)),
                }
            }
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            _ => Err(D::Error::custom(format!("`{text}` is not one of bearer, basic, header:NAME, query:NAME, path"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "example"
        version = "1.0.0"
        contract = "0.1.0"
        name = "Example"
        description = "An example."

        [[http]]
        origin = "https://api.example.com"
        config = "api_base"
        methods = ["GET", "POST"]
        paths = ["/v1/"]

        [[secrets]]
        name = "token"
        prompt = "The token"
        pattern = "^[a-z]+$"

        [[credentials]]
        secret = "token"
        place = "header:X-Api-Key"

        [[identifiers]]
        kind = "phone"
        trust = "attested"

        [channel]
        content = ["text", "template"]
        text_limit = { max = 1000, unit = "bytes" }
        reply_window_hours = 24
        receipts = ["sent", "read"]
        rate_per_second = 30

        [limits]
        memory_mib = 128

        [config]
        type = "object"
        required = ["account"]
        properties.account = { type = "string", pattern = "^[0-9]+$" }
        properties.api_base = { type = "string" }
    "#;

    fn error(replace: &str, with: &str) -> String {
        assert!(GOOD.contains(replace), "{replace}");
        Manifest::from_toml(&GOOD.replace(replace, with)).unwrap_err().to_string()
    }

    #[test]
    fn a_good_manifest_is_read() {
        let manifest = Manifest::from_toml(GOOD).unwrap();
        let rules = manifest.channel_rules(true);
        assert_eq!(rules.reply_window_ms, Some(86_400_000));
        assert!(rules.templates && rules.sends && !rules.idempotent);
        assert_eq!(manifest.config["additionalProperties"], false);
        assert!(manifest.secrets[0].required);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let message = error("prompt = \"The token\"", "promt = \"The token\"");
        assert!(message.contains("line 16") && message.contains("promt"), "{message}");
    }

    #[test]
    fn errors_of_form_name_the_line() {
        for (replace, with, line) in [
            ("\"https://api.example.com\"", "\"https://api.example.com/v1\"", "line 9"),
            ("\"POST\"", "\"CONNECT\"", "line 11"),
            ("header:X-Api-Key", "cookie", "line 21"),
            ("header:X-Api-Key", "header:Host", "line 21"),
            ("\"attested\"", "\"agent\"", "line 25"),
            ("\"bytes\"", "\"words\"", "line 29"),
        ] {
            let message = error(replace, with);
            assert!(message.contains(line), "{with}: {message}");
        }
    }

    #[test]
    fn another_contract_is_refused_with_what_to_do() {
        // A field that this version does not know must not hide the reason.
        let message = error("contract = \"0.1.0\"", "contract = \"0.2.0\"\nnovelty = 1");
        assert!(message.contains("0.2.0") && message.contains("newer Jackfield"), "{message}");
        assert!(Manifest::from_toml(&GOOD.replace("0.1.0", "0.1.7")).is_ok());
    }

    #[test]
    fn errors_of_sense_name_the_item() {
        for (replace, with, name) in [
            ("secret = \"token\"", "secret = \"other\"", "`other`"),
            ("config = \"api_base\"", "config = \"base\"", "`base`"),
            ("id = \"example\"", "id = \"Example!\"", "`id`"),
            ("paths = [\"/v1/\"]", "paths = []", "https://api.example.com"),
            ("paths = [\"/v1/\"]", "paths = [\"v1\"]", "`v1`"),
            ("pattern = \"^[a-z]+$\"", "pattern = \"(\"", "`token`"),
            ("rate_per_second = 30", "rate_per_second = 0", "rate_per_second"),
        ] {
            let message = error(replace, with);
            assert!(message.contains(name), "{with}: {message}");
        }
    }

    #[test]
    fn text_that_steers_a_terminal_or_a_page_is_refused() {
        for (replace, with, name) in [
            ("version = \"1.0.0\"", r#"version = "1.0\u001b[2K""#, "`version`"),
            ("name = \"Example\"", r#"name = "Exam\u202eple""#, "`name`"),
            ("prompt = \"The token\"", r#"prompt = "The\u0007 token""#, "prompt"),
            ("paths = [\"/v1/\"]", r#"paths = ["/v1/\u2066"]"#, "path"),
            ("pattern = \"^[0-9]+$\" }", r#"description = "a\u009bb" }"#, "schema"),
        ] {
            let message = error(replace, with);
            assert!(message.contains(name) && message.contains("direction"), "{with}: {message}");
        }
    }

    #[test]
    fn a_secret_is_used_for_what_the_manifest_declares_or_its_credentials_imply() {
        let uses = |text: &str| Manifest::from_toml(text).unwrap().uses("token");
        assert_eq!(uses(GOOD), [SecretUse::Verify, SecretUse::Send].into());
        let declared = GOOD.replace("prompt = ", "use = [\"send\", \"sign\"]\n        prompt = ");
        assert_eq!(uses(&declared), [SecretUse::Sign, SecretUse::Send].into());
        let message = error("prompt = ", "use = [\"verify\"]\n        prompt = ");
        assert!(message.contains("`send`"), "{message}");
    }

    #[test]
    fn a_schema_that_refers_to_itself_is_refused() {
        let message = error("type = \"object\"", "\"$ref\" = \"#\"");
        assert!(message.contains("$ref"), "{message}");
    }
}
