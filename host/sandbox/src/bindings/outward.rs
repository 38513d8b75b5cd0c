//! What a guest is given.

use jackfield_core::event::{Identifier, Media, Part, Property};
use jackfield_core::ids::ChannelId;

use super::exports::{receive, send};
use super::types;
use crate::exchange::{Action, Delivery, Request};

pub(crate) fn request(request: Request) -> receive::Request {
    receive::Request {
        method: request.method,
        url: request.url,
        headers: request.headers.into_iter().map(|(name, value)| types::Header { name, value }).collect(),
        body: request.body,
        received_at: request.received_at.0,
    }
}

pub(crate) fn delivery(delivery: Delivery, channel: &ChannelId) -> send::Delivery {
    send::Delivery {
        to: identifier(delivery.to, channel),
        thread: delivery.thread,
        action: action(delivery.action, channel),
    }
}

/// The namespace that the host put in for the connector is taken out again.
pub(crate) fn identifier(identifier: Identifier, channel: &ChannelId) -> types::Identifier {
    let Identifier { kind, namespace, value, .. } = identifier;
    let own = namespace.is_empty() || namespace == channel.as_str();
    types::Identifier { kind, namespace: (!own).then_some(namespace), value }
}

/// Somebody to ask about. Who is of a granted scope is named as the connector names them, so that nobody of its own is meant.
pub(crate) fn person(who: Identifier, channel: &ChannelId, granted: &[String]) -> types::Identifier {
    let scope = who.scope.clone().filter(|scope| granted.contains(scope));
    let mut person = identifier(who, channel);
    if let Some(scope) = scope {
        person.namespace = Some(format!("{scope}/{}", person.namespace.unwrap_or_default()));
    }
    person
}

fn action(action: Action, channel: &ChannelId) -> send::Action {
    match action {
        Action::Message { parts, reply_to } => send::Action::Message(content(parts, reply_to, channel)),
        Action::Template { name, language, parameters, extra } => send::Action::Template(send::Template {
            name,
            language,
            parameters,
            extra: extra.into_iter().map(property).collect(),
        }),
        Action::Edit { message_id, parts, reply_to } => {
            send::Action::Edit(send::Edit { message_id, content: content(parts, reply_to, channel) })
        }
        Action::Delete(message_id) => send::Action::Delete(message_id),
        Action::Reaction { message_id, emoji } => send::Action::Reaction(send::Reaction { message_id, emoji }),
        Action::MarkRead(message_id) => send::Action::MarkRead(message_id),
        Action::Typing => send::Action::Typing,
        Action::Call => send::Action::Call,
        Action::Other(other) => send::Action::Other(property(other)),
    }
}

fn content(parts: Vec<Part>, reply_to: Option<String>, channel: &ChannelId) -> send::Content {
    send::Content { parts: parts.into_iter().map(|p| part(p, channel)).collect(), reply_to }
}

fn part(part: Part, channel: &ChannelId) -> types::Part {
    match part {
        Part::Text { text } => types::Part::Text(text),
        Part::Image(m) => types::Part::Image(media(m)),
        Part::Audio(m) => types::Part::Audio(media(m)),
        Part::Video(m) => types::Part::Video(media(m)),
        Part::File(m) => types::Part::File(media(m)),
        Part::Sticker(m) => types::Part::Sticker(media(m)),
        Part::Location { latitude, longitude, name, address } => {
            types::Part::Location(types::Location { latitude, longitude, name, address })
        }
        Part::Contact { name, identifiers } => types::Part::Contact(types::Contact {
            name,
            identifiers: identifiers.into_iter().map(|i| identifier(i, channel)).collect(),
        }),
        Part::Interaction { title, payload } => types::Part::Interaction(types::Interaction { title, payload }),
        // A template is an action of its own; among other parts the connector is told what it was.
        Part::Template { name, language, parameters } => types::Part::Other(types::Property {
            name: "template".to_owned(),
            value: serde_json::json!({"name": name, "language": language, "parameters": parameters}).to_string(),
        }),
        Part::Other { name, value } => types::Part::Other(types::Property { name, value }),
    }
}

pub(crate) fn media(media: Media) -> types::Media {
    let Media { id, url, mime, filename, size, sha256, caption } = media;
    types::Media { id, url, mime, filename, size, sha256, caption }
}

fn property(property: Property) -> types::Property {
    types::Property { name: property.name, value: property.value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_of_a_granted_scope_is_named_with_it() {
        let channel: ChannelId = "shop".parse().unwrap();
        let named = |namespace: &str, scope: &str| {
            let (kind, value, raw) = ("external".into(), "4711".into(), None);
            let who = Identifier { kind, namespace: namespace.into(), value, raw, scope: Some(scope.into()) };
            person(who, &channel, &["crm".into()]).namespace
        };
        assert_eq!(named("account", "crm").as_deref(), Some("crm/account"));
        assert_eq!(named("shop", "crm").as_deref(), Some("crm/"));
        assert_eq!(named("account", "own").as_deref(), Some("account"));
        assert_eq!(named("shop", "own"), None);
    }
}
