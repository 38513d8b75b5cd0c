//! Reading JSON that somebody else wrote: unknown members are ignored, missing ones are `None`, and a number may come as text.
//!
//! Split a body with [`members`] and [`elements`] down to its items, and only then read each item with [`item`]. So an item with a
//! fault of its own (half an emoji, a number too large) cannot take its siblings with it, and can be kept as it came.

use std::collections::BTreeMap;

use serde_json::Value;
pub use serde_json::value::RawValue as Raw;

use crate::Timestamp;

/// An object's members, unread.
pub type Members<'a> = BTreeMap<String, &'a Raw>;

/// The whole body as one unread value. Fails if it is no JSON.
pub fn body(bytes: &[u8]) -> Result<&Raw, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))
}

/// The members of an object, unread. Fails for anything else.
pub fn members(raw: &Raw) -> Result<Members<'_>, String> {
    serde_json::from_str(raw.get()).map_err(|_| "an object was expected here".into())
}

/// The elements of an array, unread. Fails for anything else.
pub fn elements(raw: &Raw) -> Result<Vec<&Raw>, String> {
    serde_json::from_str(raw.get()).map_err(|_| "a list was expected here".into())
}

/// One item, read. Halves of surrogate pairs, which some providers leave where they cut a text, become U+FFFD. Fails when even that
/// does not help.
pub fn item(raw: &Raw) -> Result<Value, String> {
    serde_json::from_str(raw.get())
        .or_else(|error| serde_json::from_str(&mend_surrogates(raw.get())).map_err(|_| error))
        .map_err(|error| format!("the item cannot be read: {error}"))
}

/// Looking into a value by a path of names with dots between; a number is an index into a list, the empty path the value itself.
pub trait Look {
    /// What is there, or null.
    fn at(&self, path: &str) -> &Value;

    /// A text that is not empty, or a number as text.
    fn text(&self, path: &str) -> Option<String>;

    /// As [`Look::text`], or the reason that it is missing.
    fn need(&self, path: &str) -> Result<String, String>;

    /// As [`Look::need`], but an empty text is one too: an id that the channel left empty. It is never matched to another.
    fn need_or_empty(&self, path: &str) -> Result<String, String>;

    /// A whole number, or a text that is one.
    fn int(&self, path: &str) -> Option<i64>;

    /// A number, or a text that is one.
    fn float(&self, path: &str) -> Option<f64>;

    /// Whether it is true (or the text `true`).
    fn flag(&self, path: &str) -> bool;

    /// The elements of a list; empty for anything else.
    fn list(&self, path: &str) -> &[Value];

    /// A moment: seconds or milliseconds since 1970, as number or text.
    fn time(&self, path: &str) -> Option<Timestamp>;
}

impl Look for Value {
    fn at(&self, path: &str) -> &Value {
        if path.is_empty() {
            return self;
        }
        path.split('.').fold(self, |value, step| match value {
            Value::Array(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)).unwrap_or(&Value::Null),
            other => other.get(step).unwrap_or(&Value::Null),
        })
    }

    fn text(&self, path: &str) -> Option<String> {
        match self.at(path) {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn need(&self, path: &str) -> Result<String, String> {
        self.text(path).ok_or_else(|| format!("`{path}` is missing or is neither text nor number"))
    }

    fn need_or_empty(&self, path: &str) -> Result<String, String> {
        if self.at(path).as_str() == Some("") { Ok(String::new()) } else { self.need(path) }
    }

    fn int(&self, path: &str) -> Option<i64> {
        match self.at(path) {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_i64(),
        }
    }

    fn float(&self, path: &str) -> Option<f64> {
        match self.at(path) {
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            value => value.as_f64(),
        }
    }

    fn flag(&self, path: &str) -> bool {
        match self.at(path) {
            Value::String(text) => text == "true",
            value => value.as_bool() == Some(true),
        }
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map_or(&[], Vec::as_slice)
    }

    fn time(&self, path: &str) -> Option<Timestamp> {
        // 10^11 seconds are the year 5138, 10^11 milliseconds the year 1973: no message is from either.
        match u64::try_from(self.int(path)?).ok()? {
            0 => None,
            seconds @ 1..100_000_000_000 => Some(seconds * 1000),
            milliseconds => Some(milliseconds),
        }
    }
}

/// An object without the members that are null, for providers that tell null from absent.
#[must_use]
pub fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

fn mend_surrogates(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let unit = |at: usize| {
            let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
            u16::from_str_radix(digits, 16).ok()
        };
        let (taken, keep) = match (unit(0), unit(6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, true),
            (Some(0xD800..=0xDFFF), _) => (6, false),
            (Some(_), _) => (6, true),
            // A backslash and the character after it, which may be another backslash.
            (None, _) => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), true),
        };
        mended.push_str(if keep { &rest[..taken] } else { "\\ufffd" });
        rest = &rest[taken..];
    }
    mended.push_str(rest);
    mended
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_may_come_as_text_and_a_text_as_number() {
        let value = json!({"a": "12", "b": 12, "c": "", "d": {"e": [{"f": 9_007_199_254_740_993_u64}]}, "g": "true", "h": "1.5"});
        assert_eq!((value.int("a"), value.int("b"), value.int("c")), (Some(12), Some(12), None));
        assert_eq!(
            (value.text("a").as_deref(), value.text("b").as_deref(), value.text("c")),
            (Some("12"), Some("12"), None)
        );
        assert_eq!(value.text("d.e.0.f").as_deref(), Some("9007199254740993"));
        assert_eq!(
            (value.flag("g"), value.float("h"), value.list("d.e").len(), value.list("a").len()),
            (true, Some(1.5), 1, 0)
        );
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let value = json!({"s": "1454119029", "ms": 1_459_991_487_970_u64, "zero": 0, "past": -5, "word": "soon"});
        assert_eq!(value.time("s"), Some(1_454_119_029_000));
        assert_eq!(value.time("ms"), Some(1_459_991_487_970));
        assert_eq!((value.time("zero"), value.time("past"), value.time("word")), (None, None, None));
    }

    #[test]
    fn an_item_with_a_fault_of_its_own_spares_its_siblings() {
        let whole =
            body(br#"{"list": [{"id": 1}, {"id": 1e999}, {"id": "\ud83d"}, {"id": "\\ud83d \ud83d\ude00"}]}"#).unwrap();
        let members = members(whole).unwrap();
        let list = elements(members["list"]).unwrap();
        assert_eq!(item(list[0]).unwrap().int("id"), Some(1));
        assert!(item(list[1]).is_err());
        assert_eq!(item(list[2]).unwrap().text("id").as_deref(), Some("\u{fffd}"));
        assert_eq!(item(list[3]).unwrap().text("id").as_deref(), Some("\\ud83d \u{1f600}"));
    }

    #[test]
    fn half_a_pair_before_a_whole_one_loses_only_itself() {
        let raw = body(br#""a\ud83d\ud83d\ude00\ude00z""#).unwrap();
        assert_eq!(item(raw).unwrap(), json!("a\u{fffd}\u{1f600}\u{fffd}z"));
    }
}
