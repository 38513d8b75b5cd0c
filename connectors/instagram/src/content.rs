//! The content of a message.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Interaction, Location, Media, Part};
use serde_json::Value;

/// At least one part.
pub fn parts(message: &Value) -> Vec<Part> {
    let mut parts: Vec<_> = words(message).into_iter().collect();
    parts.extend(message.list("attachments").iter().map(attachment));
    if message.flag("is_unsupported") {
        parts.push(Part::other("unsupported", message));
    }
    if parts.is_empty() {
        parts.push(Part::other("message", message));
    }
    parts
}

/// A text; or a quick reply, whose text is the button's title.
fn words(message: &Value) -> Option<Part> {
    let (text, payload) = (message.text("text"), message.text("quick_reply.payload"));
    match (text, payload) {
        (text, Some(payload)) => {
            let title = text.unwrap_or_else(|| payload.clone());
            Some(Part::Interaction(Interaction { title, payload: Some(payload) }))
        }
        (Some(text), None) => Some(Part::Text(text)),
        (None, None) => None,
    }
}

/// Posts, reels, story mentions and all kinds to come are kept as they are.
fn attachment(attachment: &Value) -> Part {
    let kind = attachment.at("type").as_str().unwrap_or("attachment");
    let known = match kind {
        "image" => media(attachment).map(Part::Image),
        "video" => media(attachment).map(Part::Video),
        "audio" => media(attachment).map(Part::Audio),
        "file" => media(attachment).map(Part::File),
        "sticker" => media(attachment).map(Part::Sticker),
        "location" => location(attachment).map(Part::Location),
        _ => None,
    };
    known.unwrap_or_else(|| Part::other(kind, attachment))
}

/// The URL is open to everybody who knows it, and expires.
fn media(attachment: &Value) -> Option<Media> {
    let (id, url) = (attachment.text("payload.attachment_id"), attachment.text("payload.url"));
    (id.is_some() || url.is_some()).then(|| Media {
        id,
        url,
        filename: attachment.text("payload.title"),
        ..Media::default()
    })
}

fn location(attachment: &Value) -> Option<Location> {
    let (latitude, longitude) =
        attachment.float("payload.coordinates.lat").zip(attachment.float("payload.coordinates.long"))?;
    Some(Location { latitude, longitude, name: attachment.text("title"), address: None })
}
