//! Doing what an agent wants done, as methods of the Bot API.

use jackfield_sdk::json::{Look, without_nulls};
use jackfield_sdk::{
    Action, Contact, Content, Delivery, Event, EventBody, Failure, Location, Media, Part, Property, Receipt, send,
};
use serde_json::{Value, json};

use crate::api::{self, Done};
use crate::chat;
use crate::config::Config;

/// UTF-16 units, as Telegram counts.
const TEXT_LIMIT: usize = 4096;
const CAPTION_LIMIT: usize = 1024;

/// Does one thing.
pub fn deliver(config: &Config, delivery: &Delivery) -> Result<Receipt, Failure> {
    let mut line = Line::to(config, delivery)?;
    let mut receipt = match &delivery.action {
        Action::Message(content) => message(&mut line, content)?,
        Action::Edit(edit) => change(&mut line, edit)?,
        Action::Delete(id) => line.about(id, "deleteMessage", json!({}))?,
        Action::Reaction(reaction) => {
            let put = reaction.emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect::<Vec<_>>();
            line.about(&reaction.message_id, "setMessageReaction", json!({"reaction": put}))?
        }
        Action::Typing => line.call("sendChatAction", json!({"action": "typing"})).map(|_| Receipt::done())?,
        Action::Template(_) => return Err(Failure::unsupported("Telegram has no templates.")),
        Action::MarkRead(_) => return Err(Failure::unsupported("Bots on Telegram have no read marks.")),
        Action::Call => return Err(Failure::unsupported("This connector makes no calls.")),
        Action::Other(property) => {
            return Err(Failure::unsupported(format!("Telegram has no action `{}`.", property.name)));
        }
    };
    receipt.events = line.events;
    Ok(receipt)
}

/// The way to one chat.
struct Line<'a> {
    config: &'a Config,
    chat: String,
    business: Option<String>,
    /// What the answers taught.
    events: Vec<Event>,
}

impl<'a> Line<'a> {
    fn to(config: &'a Config, delivery: &Delivery) -> Result<Self, Failure> {
        let to = &delivery.to;
        if to.kind != "telegram" {
            return Err(Failure::rejected(format!("Telegram cannot write to an address of kind `{}`.", to.kind)));
        }
        let wanted = delivery.thread.as_ref().unwrap_or(&to.value);
        let (chat, business) = (chat::today(wanted)?, chat::business(wanted)?);
        Ok(Self { config, chat, business, events: Vec::new() })
    }

    /// Calls a method for the chat; its result. A group that has moved is followed once.
    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Failure> {
        let parameters = self.address(parameters)?;
        match api::act(self.config, method, &parameters)? {
            Done::Yes(result) => Ok(result),
            Done::Moved(new) => {
                self.follow(new)?;
                let mut parameters = self.address(parameters)?;
                // Numbers of messages do not move along.
                parameters.as_object_mut().and_then(|members| members.remove("reply_parameters"));
                match api::act(self.config, method, &parameters)? {
                    Done::Yes(result) => Ok(result),
                    Done::Moved(_) => Err(Failure::rejected("The group has moved more than once.")),
                }
            }
        }
    }

    fn address(&self, mut parameters: Value) -> Result<Value, Failure> {
        let chat: i64 = self.chat.parse().map_err(|_| Failure::rejected(format!("`{}` is no chat.", self.chat)))?;
        parameters["chat_id"] = chat.into();
        if let Some(connection) = &self.business {
            parameters["business_connection_id"] = connection.as_str().into();
        }
        Ok(parameters)
    }

    fn follow(&mut self, new: String) -> Result<(), Failure> {
        chat::remember_move(&self.chat, &new)?;
        let moved = json!({"chat_id": self.chat, "migrate_to_chat_id": new});
        self.events.push(EventBody::Other(Property::json("migrate_to_chat_id", &moved)).into());
        self.chat = new;
        Ok(())
    }

    /// Calls a method about one message of the chat.
    fn about(&mut self, message_id: &str, method: &str, mut parameters: Value) -> Result<Receipt, Failure> {
        let (_, number) = chat::split(message_id)
            .ok_or_else(|| Failure::rejected(format!("`{message_id}` is no message of Telegram.")))?;
        parameters["message_id"] = number.into();
        match self.call(method, parameters) {
            // It is as it should be.
            Err(Failure::Rejected(problem)) if problem.message.contains("message is not modified") => {
                Ok(Receipt::done())
            }
            other => other.map(|_| Receipt::done()),
        }
    }
}

fn message(line: &mut Line<'_>, content: &Content) -> Result<Receipt, Failure> {
    let calls = content.parts.iter().map(calls).collect::<Result<Vec<_>, _>>()?.concat();
    let answered = content.reply_to.as_deref().and_then(chat::split).filter(|(chat, _)| *chat == line.chat);
    let answered = answered.map(|(_, number)| number);
    send::in_order(calls, |(method, mut parameters), is_first| {
        if let Some(number) = answered.filter(|_| is_first) {
            parameters["reply_parameters"] = json!({"message_id": number, "allow_sending_without_reply": true});
        }
        let result = line.call(&method, parameters)?;
        let number = result.text("message_id");
        let number =
            number.ok_or_else(|| Failure::uncertain("Telegram accepted the message but gave no number of it."))?;
        Ok(chat::message_id(&result.text("chat.id").unwrap_or_else(|| line.chat.clone()), &number))
    })
}

/// A text, or the words under a file: Telegram changes nothing else by itself.
fn change(line: &mut Line<'_>, edit: &send::Edit) -> Result<Receipt, Failure> {
    match edit.content.parts.as_slice() {
        [Part::Text(words)] => line.about(&edit.message_id, "editMessageText", text(words)?),
        [Part::Image(media) | Part::Video(media) | Part::Audio(media) | Part::File(media)] => {
            let caption = media.caption.as_deref().unwrap_or_default();
            line.about(&edit.message_id, "editMessageCaption", json!({"caption": caption}))
        }
        _ => Err(Failure::unsupported("On Telegram only a text or the words under a file can be changed.")),
    }
}

/// What one part becomes: a call, or two where words do not fit under a file.
fn calls(part: &Part) -> Result<Vec<(String, Value)>, Failure> {
    let one = |method: &str, parameters: Value| Ok(vec![(method.to_owned(), parameters)]);
    match part {
        Part::Text(words) => one("sendMessage", text(words)?),
        Part::Image(media) => file("sendPhoto", "photo", media, true),
        Part::Video(media) => file("sendVideo", "video", media, true),
        Part::Audio(media) if media.mime.as_deref().is_some_and(|mime| mime.starts_with("audio/ogg")) => {
            file("sendVoice", "voice", media, true)
        }
        Part::Audio(media) => file("sendAudio", "audio", media, true),
        Part::File(media) => file("sendDocument", "document", media, true),
        Part::Sticker(media) => file("sendSticker", "sticker", media, false),
        Part::Location(place) => Ok(vec![location(place)]),
        Part::Contact(contact) => one("sendContact", card(contact)?),
        Part::Interaction(_) => Err(Failure::unsupported("Only a customer can press a button.")),
        // Any other method that sends something, with its parameters.
        Part::Other(property) if property.name.starts_with("send") => match serde_json::from_str(&property.value) {
            Ok(parameters @ Value::Object(_)) => one(&property.name, parameters),
            _ => Err(Failure::rejected(format!("The value of `{}` is not a JSON object.", property.name))),
        },
        Part::Other(property) => Err(Failure::unsupported(format!("Telegram has no content `{}`.", property.name))),
    }
}

/// Without `parse_mode`, so that no sign of the text means anything.
fn text(words: &str) -> Result<Value, Failure> {
    let units = units(words);
    if units > TEXT_LIMIT {
        return Err(Failure::rejected(format!("The text has {units} UTF-16 units; Telegram takes {TEXT_LIMIT}.")));
    }
    Ok(json!({"text": words}))
}

fn file(method: &str, name: &str, media: &Media, captioned: bool) -> Result<Vec<(String, Value)>, Failure> {
    let source = media.url.as_ref().or(media.id.as_ref());
    let source = source.ok_or_else(|| Failure::rejected("The attachment has neither a URL nor an id."))?;
    let mut parameters = json!({name: source});
    let mut words = None;
    match &media.caption {
        Some(caption) if captioned && units(caption) <= CAPTION_LIMIT => {
            parameters["caption"] = caption.as_str().into()
        }
        Some(caption) => words = Some(("sendMessage".to_owned(), text(caption)?)),
        None => {}
    }
    Ok([(method.to_owned(), parameters)].into_iter().chain(words).collect())
}

fn location(place: &Location) -> (String, Value) {
    let Location { latitude, longitude, name, address } = place;
    let method = if name.is_some() && address.is_some() { "sendVenue" } else { "sendLocation" };
    let (title, address) = if method == "sendVenue" { (name.as_ref(), address.as_ref()) } else { (None, None) };
    let parameters = json!({"latitude": latitude, "longitude": longitude, "title": title, "address": address});
    (method.to_owned(), without_nulls(parameters))
}

fn card(contact: &Contact) -> Result<Value, Failure> {
    let phone = contact.identifiers.iter().find(|identifier| identifier.kind == "phone");
    let phone = phone.ok_or_else(|| Failure::rejected("A contact on Telegram needs a phone number."))?;
    let name = if contact.name.is_empty() { &phone.value } else { &contact.name };
    Ok(json!({"phone_number": phone.value, "first_name": name}))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
