//! The OpenAPI document, made from the handlers and their types. What holds for many operations is added here, by rules: who may ask,
//! and which problems can come back.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use jackfield_core::fact::Role;
use jackfield_core::views::feed::EventView;
use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::logs::LogLineView;
use super::{Api, auth, groups, hooks};
use crate::problem::{Document, MEDIA_TYPE};

/// The name of the way to show who one is.
const BEARER: &str = "bearer";

/// How the paths of commands end that need no body.
const BODY_MAY_BE_LEFT_OUT: [&str; 13] = [
    "/accept",
    "/reject",
    "/retry",
    "/resume",
    "/discard",
    "/keys/{id}/revoke",
    "/pause",
    "/connect",
    "/doctor",
    "/rollback",
    "/remove",
    "/replay",
    "/reload",
];

/// The OpenAPI document of this API.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "health",
    responses((status = 200, description = "This document", body = Object, content_type = "application/json")))]
pub(super) async fn get_openapi(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], api.document)
}

/// The whole description.
#[must_use]
pub fn document() -> Value {
    // A document of maps, lists and texts can be written.
    let mut document = serde_json::to_value(described()).unwrap_or_default();
    by_hand(&mut document["components"]["schemas"]);
    document
}

fn described() -> OpenApi {
    let description = "Webhooks in, one conversation for each customer, replies out. Errors are problem documents (RFC 9457). \
                       Times are RFC 3339 in UTC. A `POST` that sends, links or decides takes `Idempotency-Key`; the others \
                       that are commands refuse it (400, `idempotency_unsupported`).";
    let info = InfoBuilder::new()
        .title("Jackfield")
        .version("1")
        .description(Some(description))
        .license(Some(utoipa::openapi::License::new("Apache-2.0")));
    let mut all = OpenApiBuilder::new().info(info).components(Some(Components::new())).build();
    for group in groups() {
        let mut part = group.routes.into_openapi();
        for (path, item) in &mut part.paths.paths {
            operations(item).for_each(|operation| complete(path, operation, group.role));
        }
        all.merge(part);
    }
    let mut part = hooks::routes().into_openapi();
    part.paths.paths.values_mut().flat_map(operations).for_each(complete_hook);
    all.merge(part);
    let components = all.components.get_or_insert_with(Components::new);
    components.schemas.insert(String::from("Problem"), Document::schema());
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut events = vec![(String::from("EventView"), EventView::schema())];
    EventView::schemas(&mut events);
    events.push((String::from("LogLineView"), LogLineView::schema()));
    LogLineView::schemas(&mut events);
    components.schemas.extend(events);
    all
}

/// The document as text, as it stands in `openapi.json`.
#[must_use]
pub fn json(document: &Value) -> String {
    format!("{document:#}\n")
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [item.get.as_mut(), item.post.as_mut(), item.delete.as_mut()].into_iter().flatten()
}

fn complete(path: &str, operation: &mut Operation, role: Option<Role>) {
    if let Some(role) = role {
        let needed = format!("Needs a key with the role `{}` or higher.", auth::word(role));
        let said = operation.description.take().filter(|text| !text.is_empty());
        operation.description = Some(said.map_or_else(|| needed.clone(), |said| format!("{said}\n\n{needed}")));
        let nothing: [String; 0] = [];
        operation.security = Some(vec![SecurityRequirement::new(BEARER, nothing)]);
        problems(operation, &[(401, "There is no good key"), (403, "The key's role is too low"), (503, "Not now")]);
    }
    if path == "/readyz" {
        problems(operation, &[(503, "Not now")]);
    }
    let in_path = |p: &RefOr<Parameter>| matches!(p, RefOr::T(p) if p.parameter_in == ParameterIn::Path);
    let has_query = operation.parameters.iter().flatten().any(|p| !in_path(p));
    if has_query {
        problems(operation, &[(414, "The query is too long")]);
    }
    if has_query || operation.request_body.is_some() {
        problems(operation, &[(400, "The request is not what it should be")]);
    }
    if path.contains('{') || path == "/v1/customers/merge" || path == "/v1/customers/merge-preview" {
        problems(operation, &[(404, "There is no such thing")]);
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && BODY_MAY_BE_LEFT_OUT.iter().any(|end| path.ends_with(end))
    {
        body.required = Some(Required::False);
    }
    if operation.request_body.is_some() {
        problems(operation, &[(408, "The body came too slowly"), (413, "The body is too large")]);
        problems(operation, &[(415, "The body is not JSON")]);
        if path != "/v1/customers/merge-preview" {
            problems(operation, &[(409, "It cannot be done as things stand")]);
        }
    }
    if path == "/v1/customers/{id}" && needs_operator(role) {
        problems(operation, &[(409, "It cannot be done as things stand")]);
    }
    if path.starts_with("/v1/connectors/") && operation.request_body.is_some() {
        problems(operation, &[(422, "The component was refused, and why")]);
    }
    if path.ends_with("/pull") {
        problems(operation, &[(502, "The registry does not give it, and why")]);
    }
    if takes_key(path) && operation.request_body.is_some() {
        operation.parameters.get_or_insert_with(Vec::new).push(RefOr::T(idempotency_key()));
        problems(operation, &[(422, "It cannot be done at all, or the Idempotency-Key was used for another request")]);
    }
}

fn needs_operator(role: Option<Role>) -> bool {
    role.is_some_and(|role| role >= Role::Operator)
}

fn complete_hook(operation: &mut Operation) {
    problems(operation, &[(400, "The body broke off"), (401, "It did not prove where it comes from")]);
    problems(operation, &[(404, "There is no such channel"), (408, "The body took too long")]);
    problems(operation, &[(413, "The body is too large"), (503, "Come again")]);
}

/// Commands whose facts carry the client's own key.
fn takes_key(path: &str) -> bool {
    let ends = ["/messages", "/merge", "/unlink", "/accept", "/reject", "/reaction", "/read", "/edit", "/delete"];
    ends.iter().any(|end| path.ends_with(end))
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A key of the client's own. The same request with the same key is done once and gives the same answer.",
        ))
        .schema(Some(schema))
        .build()
}

fn problems(operation: &mut Operation, all: &[(u16, &str)]) {
    for (status, description) in all {
        let key = status.to_string();
        operation.responses.responses.entry(key).or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(Document::name()))));
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build()
}

/// Schemas that say more than a Rust type does.
fn by_hand(schemas: &mut Value) {
    close_parts(schemas);
    let ways = json!([needs("text", "string"), needs("parts", "array"), needs("template", "object")]);
    schemas["NewMessage"] = json!({ "allOf": [schemas["NewMessage"], { "oneOf": ways }] });
    schemas["PartView"] = part_view();
}

/// Objects that have this member, and not as null.
fn needs(field: &str, kind: &str) -> Value {
    json!({ "type": "object", "required": [field], "properties": { field: { "type": kind } } })
}

/// As a part, an attachment and its like have a `type` among their members, which they do not have by themselves.
fn close_parts(schemas: &mut Value) {
    let mut parts = schemas["NewPart"].take();
    for variant in parts["oneOf"].as_array_mut().into_iter().flatten() {
        *variant = closed(variant, schemas);
    }
    schemas["NewPart"] = parts;
    if let Some(schemas) = schemas.as_object_mut() {
        ["NewMedia", "NewLocation", "NewContact", "NewOther"].iter().for_each(|name| _ = schemas.remove(*name));
    }
}

fn closed(variant: &Value, schemas: &Value) -> Value {
    let name = variant["allOf"][0]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let (mut whole, tag) = match name {
        Some(name) => (schemas[name].clone(), &variant["allOf"][1]),
        None => (variant.clone(), variant),
    };
    whole["properties"]["type"] = tag["properties"]["type"].clone();
    let mut required = whole["required"].as_array().cloned().unwrap_or_default();
    required.retain(|name| name != "type");
    required.push(json!("type"));
    whole["required"] = Value::from(required);
    whole["additionalProperties"] = json!(false);
    whole["description"] = variant["description"].clone();
    match name {
        Some("NewMedia") => json!({ "allOf": [whole, { "anyOf": [needs("url", "string"), needs("id", "string")] }] }),
        _ => whole,
    }
}

/// One part of a message's content, as it is shown.
fn part_view() -> Value {
    let text = json!({ "type": ["string", "null"] });
    let attachment = json!({
        "type": "object",
        "description": "By reference: the channel's id of the file, or a URL.",
        "properties": { "id": text, "url": text, "sha256": text, "size": { "type": ["integer", "null"] } },
    });
    let identifiers = json!({
        "type": "array",
        "items": { "type": "object", "required": ["kind", "value"], "properties": { "kind": { "type": "string" }, "value": { "type": "string" } } },
    });
    json!({
        "type": "object",
        "description": "One part of the content. `type` says which of the other members are there: `text`: text; `image`, `audio`, `video`, \
                        `file`, `sticker`: attachment, mime, filename, caption; `location`: latitude, longitude, name, address; `contact`: \
                        name, identifiers; `interaction`: title, payload; `template`: name, language, parameters; `other`: name, value.",
        "required": ["type"],
        "properties": {
            "type": { "type": "string", "enum": [
                "text", "image", "audio", "video", "file", "sticker", "location", "contact", "interaction", "template", "other",
            ] },
            "text": { "type": "string" },
            "attachment": attachment,
            "mime": text, "filename": text, "caption": text,
            "latitude": { "type": "number" }, "longitude": { "type": "number" },
            "name": { "type": "string" }, "address": { "type": "string" },
            "identifiers": identifiers,
            "title": { "type": "string" }, "payload": { "type": "string" },
            "language": { "type": "string" }, "parameters": { "type": "array", "items": { "type": "string" } },
            "value": { "description": "Anything." },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    #[test]
    fn the_document_is_the_one_that_was_agreed_on() {
        let made = document();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(GOLDEN, json(&made)).unwrap();
        }
        let agreed: Value =
            serde_json::from_str(&std::fs::read_to_string(GOLDEN).unwrap_or_default()).unwrap_or_default();
        assert!(
            made == agreed,
            "the API has changed. Look at the difference, and if it is meant, run \
             UPDATE_GOLDEN=1 cargo test -p jackfield-server openapi"
        );
    }

    #[test]
    fn every_operation_has_its_own_name_and_every_reference_leads_somewhere() {
        let document = document();
        let mut names = std::collections::BTreeSet::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
            }
        }
        let text = document.to_string();
        for (at, _) in text.match_indices("\"#/components/schemas/") {
            let rest = &text[at + "\"#/components/schemas/".len()..];
            let name = &rest[..rest.find('"').unwrap()];
            assert!(document["components"]["schemas"][name].is_object(), "{name} is missing");
        }
    }
}
