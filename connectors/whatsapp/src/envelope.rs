//! From the body of a webhook to its items: entries, changes, and the lists inside a change.

use jackfield_sdk::json::{self, Look, Members, Raw};
use jackfield_sdk::{EventBody, Failure, Outcome, Property, log};
use serde_json::Value;

use crate::config::Config;
use crate::person::Book;
use crate::{change, message, status};

/// What is read from a body that is known to be genuine. Fails (`rejected`) only if it is no JSON.
pub fn read(config: &Config, body: &[u8]) -> Result<Outcome, Failure> {
    let whole = json::body(body).map_err(Failure::rejected)?;
    let mut outcome = Outcome::accepted();
    match json::members(whole) {
        Ok(members) if members.contains_key("entry") => {
            outcome.each(members.get("entry").copied(), &mut |outcome, raw| entry(config, outcome, raw));
        }
        _ => outcome.unreadable(whole.get(), "this is no webhook of the Cloud API: it has no `entry`"),
    }
    Ok(outcome)
}

fn entry(config: &Config, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let members = json::members(raw)?;
    let account = account(config, &members);
    outcome.each(members.get("changes").copied(), &mut |outcome, raw| change(config, &account, outcome, raw));
    Ok(())
}

/// The business account, which identities are scoped to.
fn account(config: &Config, entry: &Members<'_>) -> String {
    let id = entry.get("id").and_then(|raw| json::item(raw).ok()?.text(""));
    id.or_else(|| config.waba_id.clone()).unwrap_or_else(|| config.phone_number_id.clone())
}

fn change(config: &Config, account: &str, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let change = json::members(raw)?;
    let field = change.get("field").and_then(|raw| json::item(raw).ok()?.text("")).unwrap_or_default();
    let value = *change.get("value").ok_or("the change has no `value`")?;
    let Ok(members) = json::members(value) else {
        return other(outcome, &field, value);
    };
    if let Some(number) = foreign_number(config, &members) {
        log::info(&format!("A change is for another phone number and kept as it is: {number}."));
        return other(outcome, "another-number", value);
    }
    let book = Book::new(account, read_or_null(&members, "contacts"));
    let mut known = false;
    for (name, reader) in LISTS {
        known |= members.contains_key(*name);
        outcome.each(members.get(*name).copied(), &mut |outcome, raw| reader(&book, outcome, raw));
    }
    if known { Ok(()) } else { other(outcome, &field, value) }
}

type Reader = fn(&Book<'_>, &mut Outcome, &Raw) -> Result<(), String>;

/// The lists that a change may hold. They are told by their names and not by the change's `field`, which providers between Meta and us
/// do not all keep.
const LISTS: &[(&str, Reader)] = &[
    ("messages", message::received),
    ("message_echoes", message::echoed),
    ("statuses", status::read),
    ("user_id_update", change::user_id_update),
    ("errors", error),
];

/// An error of the account, not of a message.
fn error(_: &Book<'_>, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    other(outcome, "errors", raw)
}

fn other(outcome: &mut Outcome, field: &str, raw: &Raw) -> Result<(), String> {
    let name = if field.is_empty() { "unknown" } else { field };
    outcome.push(EventBody::Other(Property::raw(name, raw.get())));
    Ok(())
}

/// The number that the change is for, if it is another than the channel's. An app gets the webhooks of all its numbers.
fn foreign_number(config: &Config, value: &Members<'_>) -> Option<String> {
    let number = read_or_null(value, "metadata").text("phone_number_id")?;
    (number != config.phone_number_id).then_some(number)
}

/// A fault in what only adds to a message must not cost the message.
fn read_or_null(members: &Members<'_>, name: &str) -> Value {
    members.get(name).and_then(|raw| json::item(raw).ok()).unwrap_or_default()
}
