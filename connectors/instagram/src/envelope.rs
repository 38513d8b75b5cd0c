//! From the body of a webhook to its items.

use jackfield_sdk::json::{self, Look, Members, Raw};
use jackfield_sdk::{EventBody, Failure, Outcome, Property, log};

use crate::account::Account;
use crate::config::Config;
use crate::{comment, messaging};

/// What is read from a body that is known to be genuine. Fails (`rejected`) only if it is no JSON.
pub fn read(config: &Config, body: &[u8]) -> Result<Outcome, Failure> {
    let whole = json::body(body).map_err(Failure::rejected)?;
    let mut outcome = Outcome::accepted();
    match json::members(whole) {
        Ok(members) if members.contains_key("entry") => {
            outcome.each(members.get("entry").copied(), &mut |outcome, raw| entry(config, outcome, raw));
        }
        _ => outcome.unreadable(whole.get(), "this is no webhook of Instagram: it has no `entry`"),
    }
    Ok(outcome)
}

fn entry(config: &Config, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let members = json::members(raw)?;
    let value = |name: &str| members.get(name).and_then(|raw| json::item(raw).ok()).unwrap_or_default();
    let account = Account {
        id: value("id").text("").unwrap_or_else(|| config.account_id.clone()),
        configured_id: config.account_id.clone(),
        time: value("time").time(""),
    };
    // An app gets the webhooks of all its accounts; ours may be named by its other id, in the items.
    let is_ours = account.id == config.account_id || raw.get().contains(&format!("\"{}\"", config.account_id));
    if !is_ours {
        log::warn(&format!("An entry is for another account and kept as it is: {}.", account.id));
        outcome.push(EventBody::Other(Property::raw("another-account", raw.get())));
        return Ok(());
    }
    // `standby` holds what another app of the account is to answer.
    for name in ["messaging", "standby"] {
        outcome.each(members.get(name).copied(), &mut |outcome, raw| {
            outcome.events.push(messaging::read(&account, json::item(raw)?, raw)?);
            Ok(())
        });
    }
    outcome.each(members.get("changes").copied(), &mut |outcome, raw| change(&account, outcome, raw));
    if is_unknown(&members) {
        outcome.push(EventBody::Other(Property::raw("entry", raw.get())));
    }
    Ok(())
}

fn is_unknown(entry: &Members<'_>) -> bool {
    !["messaging", "standby", "changes"].iter().any(|name| entry.contains_key(*name))
}

fn change(account: &Account, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let change = json::members(raw)?;
    let field = change.get("field").and_then(|raw| json::item(raw).ok()?.text("")).unwrap_or_default();
    let value = *change.get("value").ok_or("the change has no `value`")?;
    let other =
        || EventBody::Other(Property::raw(if field.is_empty() { "unknown" } else { &field }, value.get())).into();
    let event = match field.as_str() {
        "comments" | "live_comments" => comment::read(account, &json::item(value)?)?.unwrap_or_else(other),
        _ => {
            let item = json::item(value)?;
            // Some subscriptions wrap in a change what others list under `messaging`.
            if item.at("sender").is_null() { other() } else { messaging::read(account, item, value)? }
        }
    };
    outcome.events.push(event);
    Ok(())
}
