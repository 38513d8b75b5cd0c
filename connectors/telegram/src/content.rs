//! The content of a message. What has no form is kept as `other`.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Contact, Identifier, Interaction, Location, Media, Part};
use serde_json::Value;

use crate::person;

/// Members of a message that are about it, not in it.
const ABOUT: [&str; 38] = [
    "author_signature",
    "business_connection_id",
    "caption",
    "caption_entities",
    "chat",
    "date",
    "direct_messages_topic",
    "edit_date",
    "effect_id",
    "entities",
    "external_reply",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_origin",
    "forward_sender_name",
    "forward_signature",
    "from",
    "has_media_spoiler",
    "has_protected_content",
    "is_automatic_forward",
    "is_from_offline",
    "is_topic_message",
    "link_preview_options",
    "media_group_id",
    "message_id",
    "message_thread_id",
    "paid_star_count",
    "quote",
    "reply_markup",
    "reply_to_message",
    "reply_to_story",
    "sender_boost_count",
    "sender_business_bot",
    "sender_chat",
    "show_caption_above_media",
    "via_bot",
];

/// Members that make a message news of the chat and nobody's words.
const NEWS: [&str; 14] = [
    "channel_chat_created",
    "chat_background_set",
    "delete_chat_photo",
    "group_chat_created",
    "left_chat_member",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "pinned_message",
    "supergroup_chat_created",
    "write_access_allowed",
];

/// Beginnings of more of them.
const NEWS_OF: [&str; 4] = ["forum_topic_", "general_forum_topic_", "giveaway", "video_chat_"];

/// The word for the news, if the message is that.
pub fn news(item: &Value) -> Option<&str> {
    let is_news = |name: &str| NEWS.contains(&name) || NEWS_OF.iter().any(|beginning| name.starts_with(beginning));
    item.as_object()?.keys().map(String::as_str).find(|name| is_news(name))
}

/// At least one part.
pub fn parts(item: &Value) -> Vec<Part> {
    if let Some(text) = item.text("text") {
        return vec![Part::Text(text)];
    }
    let known = media(item).or_else(|| place(item)).or_else(|| contact(item)).or_else(|| web_app(item));
    if let Some(part) = known {
        return vec![part];
    }
    let words = item.text("caption").map(Part::Text);
    words.into_iter().chain([unknown(item)]).collect()
}

/// Named by the member that is not about the message. With several of them the whole message is kept, so that none is lost.
fn unknown(item: &Value) -> Part {
    let names = item.as_object().into_iter().flat_map(|members| members.keys());
    let mut names = names.map(String::as_str).filter(|name| !ABOUT.contains(name));
    match (names.next(), names.next()) {
        (Some(name), None) => Part::other(name, item.at(name)),
        (Some(name), Some(_)) => Part::other(name, item),
        (None, _) => Part::other("message", item),
    }
}

/// An animation comes as a document as well, so it is looked for first.
fn media(item: &Value) -> Option<Part> {
    type Form = fn(Media) -> Part;
    const KINDS: [(&str, Form); 7] = [
        ("animation", Part::Video),
        ("video", Part::Video),
        ("video_note", Part::Video),
        ("audio", Part::Audio),
        ("voice", Part::Audio),
        ("sticker", Part::Sticker),
        ("document", Part::File),
    ];
    // The same picture in several sizes.
    let area = |photo: &&Value| photo.int("width").unwrap_or(0) * photo.int("height").unwrap_or(0);
    if let Some(largest) = item.list("photo").iter().max_by_key(area) {
        return file(largest, item).map(Part::Image);
    }
    KINDS.iter().find_map(|(name, part)| file(item.at(name), item).map(part))
}

/// Files have no open URL: the one that Telegram gives on demand carries the token.
fn file(file: &Value, item: &Value) -> Option<Media> {
    Some(Media {
        id: Some(file.text("file_id")?),
        mime: file.text("mime_type"),
        filename: file.text("file_name"),
        size: file.int("file_size").and_then(|size| u64::try_from(size).ok()),
        caption: item.text("caption"),
        ..Media::default()
    })
}

/// A venue comes as a location as well.
fn place(item: &Value) -> Option<Part> {
    let venue = item.at("venue");
    let point = if venue.is_null() { item.at("location") } else { venue.at("location") };
    let (latitude, longitude) = point.float("latitude").zip(point.float("longitude"))?;
    Some(Part::Location(Location { latitude, longitude, name: venue.text("title"), address: venue.text("address") }))
}

fn contact(item: &Value) -> Option<Part> {
    let card = item.at("contact");
    let phone = Identifier::phone(&card.text("phone_number")?);
    let account = card.text("user_id").map(person::identifier);
    let identifiers = [phone].into_iter().chain(account).collect();
    Some(Part::Contact(Contact { name: person::name(card).unwrap_or_default(), identifiers }))
}

fn web_app(item: &Value) -> Option<Part> {
    let data = item.at("web_app_data");
    let title = data.text("button_text").or_else(|| data.text("data"))?;
    Some(Part::Interaction(Interaction { title, payload: data.text("data") }))
}
