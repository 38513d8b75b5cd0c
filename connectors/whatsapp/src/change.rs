//! People who go on under another address.

use jackfield_sdk::json::{self, Look, Raw};
use jackfield_sdk::{Event, EventBody, IdentityChange, Outcome, Property};
use serde_json::Value;

use crate::person::Book;

/// A message of kind `system`: a new number or user id. Other news, and such that does not name both addresses, is kept as it is.
pub fn system(book: &Book<'_>, item: &Value, raw: &Raw) -> Event {
    let id = item.text("id").unwrap_or_default();
    let body = changed(book, item)
        .map_or_else(|| EventBody::Other(Property::raw("system", raw.get())), EventBody::IdentityChange);
    Event::new(id, body)
}

fn changed(book: &Book<'_>, item: &Value) -> Option<IdentityChange> {
    let system = item.at("system");
    if !matches!(
        system.at("type").as_str()?,
        "user_changed_number" | "customer_changed_number" | "user_changed_user_id"
    ) {
        return None;
    }
    let left = book.person(item.text("from").or_else(|| system.text("customer")), item.text("from_user_id"));
    let new_number = system.text("wa_id").or_else(|| system.text("new_wa_id"));
    let found = book.person(new_number, system.text("user_id"));
    let (old, new) = book.identity(&left).zip(book.identity(&found)).filter(|(old, new)| old != new)?;
    let reason = system.text("body").unwrap_or_else(|| "The person has a new number.".into());
    Some(IdentityChange { old, new, at: item.time("timestamp"), reason })
}

/// One item of `user_id_update`.
pub fn user_id_update(book: &Book<'_>, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let item = json::item(raw)?;
    let (old, new) = (item.need("user_id.previous")?, item.need("user_id.current")?);
    let id = ["user_id_update:", &old, ":", &new].concat();
    let change = IdentityChange {
        old: book.identifier(&old),
        new: book.identifier(&new),
        at: item.time("timestamp"),
        reason: item.text("detail").unwrap_or_else(|| "WhatsApp gave the person a new user id.".into()),
    };
    outcome.push(Event::new(id, EventBody::IdentityChange(change)));
    Ok(())
}
