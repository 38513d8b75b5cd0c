//! The content of a message, kind by kind. What has no form, or not the form that its kind should have, is kept as `other`.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Contact, Identifier, Interaction, Location, Media, Part};
use serde_json::Value;

use crate::message::{kind, whole};
use crate::person::digits;

/// At least one part.
pub fn parts(item: &Value) -> Vec<Part> {
    let parts = match kind(item) {
        "contacts" => item.list("contacts").iter().map(contact).collect(),
        "order" => item.text("order.text").map(Part::Text).into_iter().chain([whole(item)]).collect(),
        // Sometimes the text of a message that "cannot be shown" is there all the same.
        "unsupported" => item.text("text.body").map(Part::Text).into_iter().chain([whole(item)]).collect(),
        kind => Vec::from_iter(single(kind, item)),
    };
    if parts.is_empty() { vec![whole(item)] } else { parts }
}

fn single(kind: &str, item: &Value) -> Option<Part> {
    let inner = item.at(kind);
    match kind {
        "text" => inner.text("body").map(Part::Text),
        "image" => media(inner).map(Part::Image),
        "video" => media(inner).map(Part::Video),
        "audio" | "voice" => media(inner).map(Part::Audio),
        "document" => media(inner).map(Part::File),
        "sticker" => media(inner).map(Part::Sticker),
        "location" => location(inner).map(Part::Location),
        "button" => interaction(inner, "text", "payload"),
        "interactive" => interactive(inner),
        _ => None,
    }
}

/// A URL that may be there as well wants the access token and dies within minutes, so only the id is of use.
fn media(inner: &Value) -> Option<Media> {
    Some(Media {
        id: Some(inner.text("id")?),
        mime: inner.text("mime_type"),
        filename: inner.text("filename"),
        size: inner.int("file_size").and_then(|size| u64::try_from(size).ok()),
        sha256: inner.text("sha256").and_then(|hash| hexadecimal(&hash)),
        caption: inner.text("caption"),
        ..Media::default()
    })
}

/// Meta writes hashes in base64.
pub fn hexadecimal(hash: &str) -> Option<String> {
    let is_hex = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex {
        return Some(hash.to_ascii_lowercase());
    }
    let bytes = data_encoding::BASE64.decode(hash.as_bytes()).ok().filter(|bytes| bytes.len() == 32)?;
    Some(data_encoding::HEXLOWER.encode(&bytes))
}

fn location(inner: &Value) -> Option<Location> {
    let (latitude, longitude) = inner.float("latitude").zip(inner.float("longitude"))?;
    Some(Location { latitude, longitude, name: inner.text("name"), address: inner.text("address") })
}

fn contact(card: &Value) -> Part {
    let name = card.text("name.formatted_name").or_else(|| card.text("name.first_name"));
    let phones = card.list("phones").iter().filter_map(|phone| {
        // With `wa_id` the number is known in full; without, it is as somebody typed it.
        let full = phone.text("wa_id").and_then(|id| digits(&id)).map(|id| Identifier::phone(&id));
        full.or_else(|| phone.text("phone").map(|typed| Identifier::global("phone", typed)))
    });
    let emails = card.list("emails").iter().filter_map(|email| Some(Identifier::global("email", email.text("email")?)));
    let identifiers = phones.chain(emails).collect();
    Part::Contact(Contact { name: name.unwrap_or_default(), identifiers })
}

fn interactive(inner: &Value) -> Option<Part> {
    match inner.at("type").as_str()? {
        kind @ ("button_reply" | "list_reply") => interaction(inner.at(kind), "title", "id"),
        // A filled form. Its answers are a JSON text, and not always an object.
        "nfm_reply" => {
            let form = inner.at("nfm_reply");
            let title = form.text("body").or_else(|| form.text("name")).unwrap_or_else(|| "form".into());
            let answers = form.at("response_json");
            let payload = form.text("response_json").or_else(|| (!answers.is_null()).then(|| answers.to_string()));
            Some(Part::Interaction(Interaction { title, payload }))
        }
        _ => None,
    }
}

fn interaction(inner: &Value, title: &str, payload: &str) -> Option<Part> {
    let (title, payload) = (inner.text(title), inner.text(payload));
    let title = title.or_else(|| payload.clone())?;
    Some(Part::Interaction(Interaction { title, payload }))
}
