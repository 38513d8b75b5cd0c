//! Doing what an agent wants done, as calls of `/messages`.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Action, Delivery, Failure, Media, Part, Receipt, send};
use serde_json::{Value, json};

use crate::config::Config;
use crate::graph;

/// Bytes of UTF-8, not characters.
const TEXT_LIMIT: usize = 1000;

/// Does one thing.
pub fn deliver(config: &Config, delivery: &Delivery) -> Result<Receipt, Failure> {
    let to = recipient(delivery)?;
    match &delivery.action {
        Action::Message(content) => {
            let messages = content.parts.iter().map(messages).collect::<Result<Vec<_>, _>>()?.concat();
            send::in_order(messages, |message, _| post(config, &to, message))
        }
        Action::Reaction(reaction) => {
            let mut payload = json!({"message_id": reaction.message_id});
            if let Some(emoji) = &reaction.emoji {
                payload["reaction"] = name_of(emoji).into();
            }
            let action = if reaction.emoji.is_some() { "react" } else { "unreact" };
            sign(config, json!({"recipient": to, "sender_action": action, "payload": payload}))
        }
        Action::MarkRead(_) => sign(config, json!({"recipient": to, "sender_action": "mark_seen"})),
        Action::Typing => sign(config, json!({"recipient": to, "sender_action": "typing_on"})),
        Action::Template(_) => Err(Failure::unsupported("Instagram has no templates that open a closed window.")),
        Action::Edit(_) | Action::Delete(_) => {
            Err(Failure::unsupported("Instagram lets nobody change or take back a message by its API."))
        }
        Action::Call => Err(Failure::unsupported("This connector makes no calls.")),
        Action::Other(property) => Err(Failure::unsupported(format!("Instagram has no action `{}`.", property.name))),
    }
}

/// A direct thread has the person's id; any other thread is under a post, for everybody to read.
fn recipient(delivery: &Delivery) -> Result<Value, Failure> {
    let to = &delivery.to;
    if to.kind != "instagram" {
        return Err(Failure::rejected(format!("Instagram cannot write to an address of kind `{}`.", to.kind)));
    }
    match &delivery.thread {
        Some(thread) if *thread != to.value => {
            Err(Failure::unsupported("This thread is public comments. Answer the person in their direct thread."))
        }
        _ => Ok(json!({"id": to.value})),
    }
}

fn post(config: &Config, to: &Value, message: Value) -> Result<String, Failure> {
    let body = json!({"recipient": to, "messaging_type": "RESPONSE", "message": message});
    let answer = graph::act(config.messages_url(), &body)?;
    answer.text("message_id").ok_or_else(|| Failure::uncertain("Instagram accepted the message but gave no id of it."))
}

fn sign(config: &Config, body: Value) -> Result<Receipt, Failure> {
    graph::act(config.messages_url(), &body)?;
    Ok(Receipt::done())
}

/// What one part becomes: a message, or two where words stand under an attachment, which takes none.
fn messages(part: &Part) -> Result<Vec<Value>, Failure> {
    match part {
        Part::Text(words) => Ok(vec![text(words)?]),
        Part::Image(media) | Part::Sticker(media) => attachment("image", media),
        Part::Video(media) => attachment("video", media),
        Part::Audio(media) => attachment("audio", media),
        Part::File(media) => attachment("file", media),
        // A whole message in the provider's own form.
        Part::Other(property) if property.name == "message" => serde_json::from_str(&property.value)
            .map(|message| vec![message])
            .map_err(|_| Failure::rejected("The value of `message` is not JSON.")),
        Part::Location(_) | Part::Contact(_) | Part::Interaction(_) | Part::Other(_) => {
            Err(Failure::unsupported("Instagram takes text, images, videos, sounds and files."))
        }
    }
}

fn text(words: &str) -> Result<Value, Failure> {
    let bytes = words.len();
    if bytes > TEXT_LIMIT {
        return Err(Failure::rejected(format!("The text has {bytes} bytes; Instagram takes {TEXT_LIMIT}.")));
    }
    Ok(json!({"text": words}))
}

fn attachment(kind: &str, media: &Media) -> Result<Vec<Value>, Failure> {
    let payload = match (&media.url, &media.id) {
        (Some(url), _) => json!({"url": url}),
        (None, Some(id)) => json!({"attachment_id": id}),
        (None, None) => return Err(Failure::rejected("The attachment has neither a URL nor an id.")),
    };
    let words = media.caption.as_deref().map(text).transpose()?;
    Ok([json!({"attachment": {"type": kind, "payload": payload}})].into_iter().chain(words).collect())
}

/// The heart has a name in the API; the others are themselves.
fn name_of(emoji: &str) -> &str {
    match emoji {
        "❤" | "❤️" => "love",
        other => other,
    }
}
