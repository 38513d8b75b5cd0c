//! Phone numbers in bytes, in the forms in which people and programs write them: international or national, with or without separators.

use std::collections::BTreeSet;
use std::ops::Range;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

/// Digits of a national form: fewer stand alone in too much.
const SHORTEST: usize = 9;

/// Digits of the longest form: `00`, 15 digits of E.164, and the national prefix between them.
const LONGEST: usize = 18;

/// Bytes that may stand between two groups of a number's digits, as in `+62 (0)812 - 3456`.
const GAP: usize = 3;

/// The digits of a person's numbers, in every form.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(BTreeSet<Vec<u8>>);

impl Numbers {
    /// Adds a number in E.164. What is none adds nothing.
    pub(super) fn add(&mut self, e164: &str) {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(e164, None::<Region>) else { return };
        let national = digits_of(&PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::National));
        let international = digits_of(e164);
        let significant = number.get_national_significant_number().into_bytes();
        let country = international.strip_suffix(significant.as_slice()).unwrap_or_default().to_vec();
        for nation in [&national, &significant] {
            if nation.len() >= SHORTEST {
                self.0.insert(nation.clone());
            }
            // The prefix of the country's own calls may stay, as in `+62 (0)812`.
            let whole = [country.as_slice(), nation].concat();
            self.0.insert([b"00", whole.as_slice()].concat());
            self.0.insert(whole);
        }
    }

    /// Whether one of them is in there, made of whole groups of digits. Linear: from each group a bounded number of digits is looked at.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let (digits, groups) = groups(text);
        (0..groups.len()).any(|first| self.begins_at(&digits, groups.get(first..).unwrap_or_default()))
    }

    /// Whether one of them is made of the first of these groups, or of more that hang together with it.
    fn begins_at(&self, digits: &[u8], groups: &[Group]) -> bool {
        let Some(first) = groups.first().filter(|first| first.begins_word) else { return false };
        let together = groups.iter().enumerate().take_while(|(n, group)| *n == 0 || group.continues);
        let fitting =
            together.map(|(_, group)| group).take_while(|group| group.digits.end - first.digits.start <= LONGEST);
        fitting
            .filter(|group| group.ends_word)
            .any(|last| digits.get(first.digits.start..last.digits.end).is_some_and(|found| self.0.contains(found)))
    }
}

/// Digits that stand together.
struct Group {
    /// Which of all digits of the text.
    digits: Range<usize>,
    /// Whether nothing but separators is between it and the group before.
    continues: bool,
    /// Whether no letter stands before it, and none behind it.
    begins_word: bool,
    ends_word: bool,
}

/// The digits of a text, and how they are grouped.
fn groups(text: &[u8]) -> (Vec<u8>, Vec<Group>) {
    let (mut digits, mut groups): (Vec<u8>, Vec<Group>) = (Vec::new(), Vec::new());
    let mut at = 0;
    // How many separators came since the last group; none where something else came as well.
    let mut gap = None;
    while let Some(byte) = text.get(at) {
        if !byte.is_ascii_digit() {
            gap = gap.map(|gap: usize| gap + 1).filter(|gap| *gap <= GAP && is_separator(*byte));
            at += 1;
            continue;
        }
        let group = text.get(at..).unwrap_or_default();
        let length = group.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let from = digits.len();
        digits.extend_from_slice(group.get(..length).unwrap_or_default());
        let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
        groups.push(Group {
            digits: from..digits.len(),
            continues: gap.is_some(),
            begins_word: !is_letter(at.checked_sub(1).and_then(|before| text.get(before))),
            ends_word: !is_letter(text.get(at + length)),
        });
        gap = Some(0);
        at += length;
    }
    (digits, groups)
}

/// A form writes a space as `+`.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/' | b'+')
}

fn digits_of(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        let mut numbers = Numbers::default();
        numbers.add("+6281234567801");
        numbers
    }

    #[test]
    fn a_number_is_found_in_international_and_in_national_form_with_separators_or_without() {
        for text in [
            "6281234567801",
            "+62 812-3456-7801",
            "0062.812.3456.7801",
            "+62 (0)812 3456 7801",
            "call (0812) 3456/7801 2026-11-27",
            "on 2026-11-27 081234567801",
            "812 3456 7801",
            "tel=0812+3456+7801",
        ] {
            assert!(numbers().are_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_a_part_of_something_longer_or_of_several_things_is_no_number() {
        for text in [
            "16281234567801",
            "62812345678010",
            "x6281234567801",
            "081234567801x",
            "0812,3456,7801",
            "0812    3456 7801",
            "0812 3456 780 1x",
            "4567801",
            "",
        ] {
            assert!(!numbers().are_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_digits_and_separators_is_gone_through_in_linear_time() {
        let text = "0812 3456-".repeat(200_000);
        assert!(!numbers().are_in(text.as_bytes()));
    }
}
