//! Doing what an agent wants done, as calls of `/messages`.

use jackfield_sdk::json::{Look, without_nulls};
use jackfield_sdk::{
    Action, Contact, Content, Delivery, Failure, Identifier, Location, Media, Part, Receipt, Template, send, state,
};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::graph;
use crate::message::group_key;
use crate::person::{digits, is_user_id};

/// Characters.
const TEXT_LIMIT: usize = 4096;

/// Does one thing.
pub fn deliver(config: &Config, delivery: &Delivery) -> Result<Receipt, Failure> {
    let to = address(delivery)?;
    match &delivery.action {
        Action::Message(content) => message(config, &to, content),
        Action::Template(wanted) => post(config, &to, "template", template(wanted)?, None).map(Receipt::of),
        Action::Reaction(reaction) => {
            let emoji = reaction.emoji.as_deref().unwrap_or_default();
            let body = json!({"message_id": reaction.message_id, "emoji": emoji});
            post(config, &to, "reaction", body, None)?;
            Ok(Receipt::done())
        }
        Action::MarkRead(id) => {
            let body = json!({"messaging_product": "whatsapp", "status": "read", "message_id": id});
            graph::act(config.url("/messages"), &body)?;
            Ok(Receipt::done())
        }
        Action::Typing => {
            Err(Failure::unsupported("WhatsApp shows typing only together with the read mark of a message."))
        }
        Action::Edit(_) | Action::Delete(_) => {
            Err(Failure::unsupported("WhatsApp lets nobody change or take back a message through the Cloud API."))
        }
        Action::Call => Err(Failure::unsupported("This connector makes no calls.")),
        Action::Other(property) => Err(Failure::unsupported(format!("WhatsApp has no action `{}`.", property.name))),
    }
}

/// The members that say who it goes to.
fn address(delivery: &Delivery) -> Result<Value, Failure> {
    if let Some(group) = delivery.thread.as_ref().filter(|thread| matches!(state::get(&group_key(thread)), Ok(Some(_))))
    {
        return Ok(json!({"recipient_type": "group", "to": group}));
    }
    let Identifier { kind, value, .. } = &delivery.to;
    match kind.as_str() {
        "whatsapp" if is_user_id(value) => Ok(json!({"recipient_type": "individual", "recipient": value})),
        "whatsapp" | "phone" => digits(value)
            .map(|digits| json!({"recipient_type": "individual", "to": digits}))
            .ok_or_else(|| Failure::rejected(format!("`{value}` is no address on WhatsApp."))),
        other => Err(Failure::rejected(format!("WhatsApp cannot write to an address of kind `{other}`."))),
    }
}

/// One call a part; only the first is the answer.
fn message(config: &Config, to: &Value, content: &Content) -> Result<Receipt, Failure> {
    let bodies = content.parts.iter().map(bodies).collect::<Result<Vec<_>, _>>()?.concat();
    send::in_order(bodies, |(kind, body), is_first| {
        post(config, to, &kind, body, content.reply_to.as_deref().filter(|_| is_first))
    })
}

/// Posts one message; its id.
fn post(config: &Config, to: &Value, kind: &str, body: Value, answers: Option<&str>) -> Result<String, Failure> {
    let mut message = to.as_object().cloned().unwrap_or_default();
    message.insert("messaging_product".into(), "whatsapp".into());
    message.insert("type".into(), kind.into());
    message.insert(kind.into(), body);
    if let Some(id) = answers {
        message.insert("context".into(), json!({"message_id": id}));
    }
    let answer = graph::act(config.url("/messages"), &Value::Object(message))?;
    answer
        .text("messages.0.id")
        .ok_or_else(|| Failure::uncertain("WhatsApp accepted the message but gave no id of it."))
}

/// What one part becomes: the kind and the body of a message, or of two.
fn bodies(part: &Part) -> Result<Vec<(String, Value)>, Failure> {
    let one = |kind: &str, body: Value| Ok(vec![(kind.to_owned(), body)]);
    match part {
        Part::Text(text) if text.chars().count() > TEXT_LIMIT => {
            Err(Failure::rejected(format!("The text is longer than the {TEXT_LIMIT} characters that WhatsApp takes.")))
        }
        Part::Text(text) => one("text", text_body(text)),
        Part::Image(media) => one("image", media_body(media, true)?),
        Part::Video(media) => one("video", media_body(media, true)?),
        Part::File(media) => one("document", document_body(media)?),
        Part::Audio(media) => with_words("audio", media),
        Part::Sticker(media) => with_words("sticker", media),
        Part::Location(place) => one("location", location_body(place)),
        Part::Contact(contact) => one("contacts", json!([card(contact)])),
        Part::Interaction(_) => Err(Failure::unsupported("Only a customer can press a button.")),
        // The provider's own kinds, as its documentation describes them.
        Part::Other(property) => match serde_json::from_str(&property.value) {
            Ok(body) => one(&property.name, body),
            Err(_) => Err(Failure::rejected(format!("The value of `{}` is not JSON.", property.name))),
        },
    }
}

fn text_body(text: &str) -> Value {
    json!({"body": text, "preview_url": false})
}

fn location_body(place: &Location) -> Value {
    let Location { latitude, longitude, name, address } = place;
    without_nulls(json!({"latitude": latitude, "longitude": longitude, "name": name, "address": address}))
}

fn media_body(media: &Media, captioned: bool) -> Result<Value, Failure> {
    let mut body = Map::new();
    match (&media.url, &media.id) {
        (Some(url), _) => body.insert("link".into(), url.as_str().into()),
        (None, Some(id)) => body.insert("id".into(), id.as_str().into()),
        (None, None) => return Err(Failure::rejected("The attachment has neither a URL nor an id.")),
    };
    if let Some(caption) = media.caption.as_deref().filter(|_| captioned) {
        body.insert("caption".into(), caption.into());
    }
    Ok(Value::Object(body))
}

fn document_body(media: &Media) -> Result<Value, Failure> {
    let mut body = media_body(media, true)?;
    if let Some(filename) = &media.filename {
        body["filename"] = filename.as_str().into();
    }
    Ok(body)
}

/// Kinds that take no caption: the words follow as a message of their own.
fn with_words(kind: &str, media: &Media) -> Result<Vec<(String, Value)>, Failure> {
    let words = media.caption.as_deref().map(|words| ("text".to_owned(), text_body(words)));
    Ok([(kind.to_owned(), media_body(media, false)?)].into_iter().chain(words).collect())
}

fn card(contact: &Contact) -> Value {
    let of_kind = |kind: &'static str| contact.identifiers.iter().filter(move |id| id.kind == kind);
    json!({
        "name": {"formatted_name": contact.name, "first_name": contact.name},
        "phones": of_kind("phone").map(|id| json!({"phone": id.value})).collect::<Vec<_>>(),
        "emails": of_kind("email").map(|id| json!({"email": id.value})).collect::<Vec<_>>(),
    })
}

/// Parameters fill the body; an `extra` named `components` brings header and buttons, in the provider's form.
fn template(wanted: &Template) -> Result<Value, Failure> {
    let mut components = Vec::new();
    if !wanted.parameters.is_empty() {
        let parameters: Vec<_> = wanted.parameters.iter().map(|text| json!({"type": "text", "text": text})).collect();
        components.push(json!({"type": "body", "parameters": parameters}));
    }
    for extra in wanted.extra.iter().filter(|extra| extra.name == "components") {
        let more: Vec<Value> = serde_json::from_str(&extra.value)
            .map_err(|_| Failure::rejected("`components` of the template is not a list in JSON."))?;
        components.extend(more);
    }
    Ok(json!({"name": wanted.name, "language": {"code": wanted.language}, "components": components}))
}
