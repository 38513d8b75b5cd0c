//! Comparing events.

use std::collections::BTreeMap;

use jackfield_core::event::{Event, EventBody};
use serde_json::Value;

use super::plan::Expected;
use super::report::{Fault, failed};

/// Events without their order, and how often each came.
pub(super) type Bag = BTreeMap<String, usize>;

/// The events as a bag.
pub(super) fn bag<'a>(events: impl IntoIterator<Item = &'a Event>) -> Bag {
    let mut bag = Bag::new();
    for event in events {
        *bag.entry(serde_json::to_string(event).unwrap_or_default()).or_default() += 1;
    }
    bag
}

/// What is in `whole` and not in `part`.
pub(super) fn without(whole: &Bag, part: &Bag) -> Bag {
    let left = whole.iter().map(|(event, n)| (event.clone(), n.saturating_sub(part.get(event).copied().unwrap_or(0))));
    left.filter(|(_, n)| *n > 0).collect()
}

/// Fails where the two differ, showing one event that does.
pub(super) fn same(expected: &Bag, found: &Bag, how: &str) -> Result<(), Fault> {
    let (lost, new) = (without(expected, found), without(found, expected));
    match (lost.keys().next(), new.keys().next()) {
        (None, None) => Ok(()),
        (Some(lost), Some(new)) => failed(format!("{how}, an event changed: {} became {}", clip(lost), clip(new))),
        (Some(lost), None) => failed(format!("{how}, an event was lost: {}", clip(lost))),
        (None, Some(new)) => failed(format!("{how}, an event came twice or anew: {}", clip(new))),
    }
}

/// Fails where an event of `expected` is not in `found`.
pub(super) fn contains(found: &Bag, expected: &Bag, how: &str) -> Result<(), Fault> {
    match without(expected, found).keys().next() {
        None => Ok(()),
        Some(lost) => failed(format!("{how}, an event was lost: {}", clip(lost))),
    }
}

/// Fails where the number of events is another than the plan says.
pub(super) fn count(expected: &Expected, events: &[Event], file: &str) -> Result<(), Fault> {
    let kinds = kinds(events);
    let right = match expected {
        Expected::Count(count) => *count == events.len(),
        Expected::Kinds(expected) => *expected == kinds,
    };
    match right {
        true => Ok(()),
        false => {
            failed(format!("{file} gives {} events, {kinds:?}; the plan expects {}", events.len(), show(expected)))
        }
    }
}

fn show(expected: &Expected) -> String {
    match expected {
        Expected::Count(count) => count.to_string(),
        Expected::Kinds(kinds) => format!("{kinds:?}"),
    }
}

fn kinds(events: &[Event]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for event in events {
        let value = serde_json::to_value(&event.body).unwrap_or_default();
        let kind = value.get("type").and_then(Value::as_str).unwrap_or("other");
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    kinds
}

/// Messages that nothing can be de-duplicated by.
pub(super) fn nameless(events: &[Event]) -> usize {
    let is_nameless = |event: &&Event| match &event.body {
        EventBody::Message(message) => message.id.is_empty() && event.id.is_empty(),
        _ => false,
    };
    events.iter().filter(is_nameless).count()
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(240) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::event::Property;

    use super::*;

    fn event(name: &str) -> Event {
        Event { id: name.to_owned(), body: EventBody::Other(Property { name: name.to_owned(), value: "1".to_owned() }) }
    }

    #[test]
    fn the_order_does_not_matter_and_the_number_does() {
        let (a, b) = (event("a"), event("b"));
        assert!(same(&bag([&a, &b]), &bag([&b, &a]), "Reversed").is_ok());
        assert!(same(&bag([&a, &b]), &bag([&a]), "Reversed").is_err());
        assert!(same(&bag([&a]), &bag([&a, &a]), "Reversed").is_err());
        assert!(contains(&bag([&a, &b]), &bag([&a]), "Mutated").is_ok());
        assert!(contains(&bag([&a]), &bag([&a, &a]), "Mutated").is_err());
    }

    #[test]
    fn kinds_are_counted_by_the_words_of_the_plan() {
        let events = [event("a"), event("b")];
        assert!(count(&Expected::Kinds([("other".to_owned(), 2)].into()), &events, "f").is_ok());
        assert!(count(&Expected::Count(3), &events, "f").is_err());
    }
}
