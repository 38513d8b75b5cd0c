//! Addresses that a customer wrote into a message. They are claims: anybody can type anybody's number.

use rlibphonenumber::phonenumber_matcher::{Leniency, PHONE_MATCHER_FACTORY};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::event::Identifier;
use crate::forms::{self, Context};

/// How many claims one message can make.
pub const MAX_PER_MESSAGE: usize = 5;
/// Only the beginning of a text is searched, in bytes.
const SEARCHED: usize = 4096;
/// A phone number has at least this many digits.
const FEWEST_DIGITS: usize = 7;

/// The phone numbers and e-mail addresses in a text, canonical, each once.
#[must_use]
pub fn in_text(text: &str, context: &Context) -> Vec<Identifier> {
    let end = (0..=text.len().min(SEARCHED)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let text = &text[..end];
    let mut found: Vec<Identifier> = Vec::new();
    for identifier in phones(text, context).into_iter().chain(emails(text, context)) {
        if found.len() < MAX_PER_MESSAGE && !found.iter().any(|f| forms::same_address(f, &identifier)) {
            found.push(identifier);
        }
    }
    found
}

fn phones(text: &str, context: &Context) -> Vec<Identifier> {
    // The finder is thorough and slow; most texts hold no number at all.
    let holds_number = |run: &str| run.bytes().filter(u8::is_ascii_digit).count() >= FEWEST_DIGITS;
    if !text.split(char::is_alphabetic).any(holds_number) {
        return Vec::new();
    }
    let region = context.region.as_deref().and_then(|r| r.parse::<Region>().ok());
    let finder = PHONE_MATCHER_FACTORY
        .matcher_builder(text)
        .leniency(Leniency::Valid)
        .max_tries(50)
        .preferred_region(region)
        .build();
    let written = finder.map(|m| PHONE_NUMBER_UTIL.format(&m.number, PhoneNumberFormat::E164).to_string());
    written.filter_map(|value| forms::identifier(claim("phone", &value), context)).collect()
}

fn emails(text: &str, context: &Context) -> Vec<Identifier> {
    if !text.contains('@') {
        return Vec::new();
    }
    let words = text.split(|c: char| c.is_whitespace() || "<>()[],;:\"".contains(c)).filter(|word| word.contains('@'));
    let trimmed = words.map(|word| word.trim_matches(|c: char| ".!?'*_".contains(c)));
    trimmed.filter_map(|value| forms::identifier(claim("email", value), context)).collect()
}

fn claim(kind: &str, value: &str) -> Identifier {
    Identifier { kind: kind.to_owned(), namespace: String::new(), value: value.to_owned(), raw: None, scope: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let context = Context { channel: "shop".parse().unwrap(), region: Some(String::from("ID")) };
        in_text(text, &context).into_iter().map(|i| format!("{}:{}", i.kind, i.value)).collect()
    }

    #[test]
    fn a_number_in_running_text_is_found_however_it_is_written() {
        for text in ["my number is 0812-3456-7890, thanks", "wa: +62 812 3456 7890!", "call +6281234567890"] {
            assert_eq!(found(text), ["phone:+6281234567890"], "{text}");
        }
    }

    #[test]
    fn an_address_in_running_text_is_found() {
        assert_eq!(found("write to <Ana@Example.com>."), ["email:ana@example.com"]);
    }

    #[test]
    fn order_numbers_and_prices_are_no_phone_numbers() {
        for text in ["order 4711", "it costs Rp 1.299.000", "invoice 2026/11/21-0001", "hello"] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn one_message_makes_a_bounded_number_of_claims() {
        let text: String = (0..50).map(|i| format!("a{i}@example.com ")).collect();
        assert_eq!(found(&text).len(), MAX_PER_MESSAGE);
    }
}
