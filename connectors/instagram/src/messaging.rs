//! One item of `messaging`: a message, or something that happened to one.

use jackfield_sdk::json::{Look, Raw};
use jackfield_sdk::{
    Author, Deletion, DeliveryScope, DeliveryState, DeliveryUpdate, Edit, Event, EventBody, Interaction, Message, Part,
    Property, Reaction, Thread, Timestamp, Touchpoint,
};
use serde_json::Value;

use crate::account::Account;
use crate::content;

/// What every kind of item needs to know.
struct Context<'a> {
    account: &'a Account,
    person: String,
    by_account: bool,
    at: Option<Timestamp>,
}

/// The event of an item. Fails with the reason where the item lacks what its kind cannot be without.
pub fn read(account: &Account, item: Value, raw: &Raw) -> Result<Event, String> {
    let at = item.time("timestamp").or(account.time);
    let (person, by_account) = account.other_side(&item)?;
    let context = Context { account, person, by_account, at };
    for (name, reader) in KINDS {
        if item.at(name).is_object() {
            return Ok(reader(&context, item.at(name))?.unwrap_or_else(|| other(&item, raw)));
        }
    }
    Ok(other(&item, raw))
}

/// Gives nothing where the item is to be kept as it is.
type Reader = fn(&Context<'_>, &Value) -> Result<Option<Event>, String>;

const KINDS: [(&str, Reader); 7] = [
    ("message", message),
    ("postback", postback),
    ("reaction", reaction),
    ("read", read_mark),
    ("delivery", delivery),
    ("message_edit", edit),
    ("referral", referral),
];

/// Named by the member that is not in every item.
fn other(item: &Value, raw: &Raw) -> Event {
    let is_common = |name: &&String| ["sender", "recipient", "timestamp"].contains(&name.as_str());
    let telling = item.as_object().and_then(|members| members.keys().find(|name| !is_common(name)));
    EventBody::Other(Property::raw(telling.map_or("messaging", String::as_str), raw.get())).into()
}

fn message(context: &Context<'_>, message: &Value) -> Result<Option<Event>, String> {
    let id = message.need_or_empty("mid")?;
    if message.flag("is_deleted") {
        message.need("mid")?;
        let deletion = Deletion { message_id: id.clone(), deleted_at: context.at };
        return Ok(Some(Event::new(["deletion:", &id].concat(), EventBody::Deletion(deletion))));
    }
    let reply_to = message.text("reply_to.mid");
    let extra = kept(message, &[("story", "reply_to.story"), ("referral", "referral"), ("commands", "commands")]);
    Ok(Some(said(context, id, content::parts(message), reply_to, extra)))
}

fn postback(context: &Context<'_>, postback: &Value) -> Result<Option<Event>, String> {
    let (title, payload) = (postback.text("title"), postback.text("payload"));
    let id = postback.text("mid").unwrap_or_else(|| context.id("postback", payload.as_deref().unwrap_or_default()));
    let title = title.or_else(|| payload.clone()).ok_or("the button has neither a title nor a payload")?;
    let parts = vec![Part::Interaction(Interaction { title, payload })];
    Ok(Some(said(context, id, parts, None, kept(postback, &[("referral", "referral")]))))
}

fn said(context: &Context<'_>, id: String, parts: Vec<Part>, reply_to: Option<String>, extra: Vec<Property>) -> Event {
    let sender = context.account.sender(&context.person, None);
    let author = if context.by_account { Author::Account(sender) } else { Author::Customer(sender) };
    Message { id, thread: Thread::direct(&context.person), author, sent_at: context.at, parts, reply_to, extra }.into()
}

fn kept(item: &Value, paths: &[(&str, &str)]) -> Vec<Property> {
    let found = paths.iter().map(|(name, path)| (name, item.at(path)));
    found.filter(|(_, value)| !value.is_null()).map(|(name, value)| Property::json(name, value)).collect()
}

fn reaction(context: &Context<'_>, reaction: &Value) -> Result<Option<Event>, String> {
    if context.by_account {
        return Ok(None);
    }
    let message_id = reaction.need("mid")?;
    let is_taken_back = reaction.at("action").as_str() == Some("unreact");
    let emoji = reaction.text("emoji").or_else(|| reaction.text("reaction")).filter(|_| !is_taken_back);
    let id = context.id(if is_taken_back { "unreact" } else { "react" }, &message_id);
    let sender = context.account.sender(&context.person, None);
    Ok(Some(Event::new(id, EventBody::Reaction(Reaction { message_id, sender, emoji, at: context.at }))))
}

/// Names one message, or the moment up to which all were read.
fn read_mark(context: &Context<'_>, read: &Value) -> Result<Option<Event>, String> {
    Ok(progress(context, read.text("mid"), read.time("watermark"), DeliveryState::Read))
}

fn delivery(context: &Context<'_>, delivery: &Value) -> Result<Option<Event>, String> {
    let only = delivery.text("mids.0").filter(|_| delivery.list("mids").len() == 1);
    Ok(progress(context, only, delivery.time("watermark"), DeliveryState::Delivered))
}

fn progress(
    context: &Context<'_>,
    mid: Option<String>,
    until: Option<Timestamp>,
    state: DeliveryState,
) -> Option<Event> {
    let word = if state == DeliveryState::Read { "read" } else { "delivered" };
    // The watermark says more than one id does, but the id is exact.
    let (id, about) = match (mid, until.or(context.at)) {
        (Some(mid), _) => ([word, ":", &mid].concat(), DeliveryScope::Message(mid)),
        (None, Some(until)) => {
            (format!("{word}:{}:{until}", context.person), DeliveryScope::ThreadUntil((context.person.clone(), until)))
        }
        (None, None) => return None,
    };
    Some(Event::new(id, EventBody::Delivery(DeliveryUpdate { about, state, at: context.at })))
}

fn edit(context: &Context<'_>, edit: &Value) -> Result<Option<Event>, String> {
    let message_id = edit.need("mid")?;
    let Some(text) = edit.text("text") else { return Ok(None) };
    let id = ["edit:", &message_id, ":", &edit.text("num_edit").unwrap_or_else(|| context.at.unwrap_or(0).to_string())]
        .concat();
    Ok(Some(Event::new(id, EventBody::Edit(Edit { message_id, edited_at: context.at, parts: vec![Part::Text(text)] }))))
}

fn referral(context: &Context<'_>, referral: &Value) -> Result<Option<Event>, String> {
    let source = referral.text("source").unwrap_or_else(|| "a link".into());
    let label =
        referral.text("ref").or_else(|| referral.text("ad_id")).map(|label| format!(" ({label})")).unwrap_or_default();
    let touchpoint = Touchpoint {
        sender: context.account.sender(&context.person, None),
        kind: "referral".into(),
        at: context.at,
        summary: format!("Came to the chat by {source}{label}"),
        extra: vec![Property::json("referral", referral)],
    };
    Ok(Some(Event::new(context.id("referral", ""), EventBody::Touchpoint(touchpoint))))
}

impl Context<'_> {
    /// An id for an event to which Instagram gives none; the same whenever it is delivered again.
    fn id(&self, word: &str, what: &str) -> String {
        format!("{word}:{}:{}:{what}", self.person, self.at.unwrap_or(0))
    }
}
