//! Text behind escapes of JSON and of URLs: read, and written again with the very same escapes.

use std::ops::Range;

/// A text without its escapes.
pub(crate) struct Unescaped {
    pub(crate) bytes: Vec<u8>,
    /// Where in the text what each byte came from begins; and the end of the text.
    begins: Vec<usize>,
}

impl Unescaped {
    /// None if the text has no escapes.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        // Most texts have none.
        text.iter().find(|byte| matches!(byte, b'\\' | b'%'))?;
        let (mut bytes, mut begins) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        let mut at = 0;
        while let Some(unit) = text.get(at..).and_then(Unit::first) {
            let before = bytes.len();
            unit.meant.push_to(&mut bytes);
            begins.resize(begins.len() + bytes.len() - before, at);
            at += unit.length;
        }
        begins.push(at);
        (bytes.len() < text.len()).then_some(Self { bytes, begins })
    }

    /// What some of the bytes came from.
    pub(crate) fn origin(&self, bytes: &Range<usize>) -> Range<usize> {
        let begin = |at: usize| self.begins.get(at).copied().unwrap_or_default();
        begin(bytes.start)..begin(bytes.end)
    }
}

/// How a text is escaped, one sign for each byte, character or half of a pair: `.` as it is, `s` as `\n`, a hexadecimal digit as `\u002f`
/// and `g` to `j` as `%2f`, where the sign says which hexadecimal digits are upper case.
pub(crate) fn escapes_of(text: &[u8]) -> String {
    let (mut signs, mut at) = (String::new(), 0);
    while let Some(unit) = text.get(at..).and_then(Unit::first) {
        let escape = text.get(at..at + unit.length).unwrap_or_default();
        match (escape, unit.meant) {
            ([b'\\', b'u', first @ ..], _) => {
                signs.extend(sign(0, first.get(..4).unwrap_or_default()));
                signs.extend(first.get(6..).and_then(|second| sign(0, second)));
            }
            ([b'\\', _], _) => signs.push('s'),
            ([b'%', digits @ ..], Meant::Byte(_)) if !digits.is_empty() => signs.extend(sign(PERCENT, digits)),
            _ => signs.push('.'),
        }
        at += unit.length;
    }
    signs
}

/// The text escaped as the signs say; none if they are not about this text.
pub(crate) fn escaped(text: &str, signs: &str) -> Option<String> {
    let (mut escaped, mut at, mut signs) = (Vec::new(), 0, signs.chars());
    while let Some(sign) = signs.next() {
        let byte = *text.as_bytes().get(at)?;
        match sign {
            '.' => {
                escaped.push(byte);
                at += 1;
            }
            's' => {
                escaped.extend([b'\\', SHORT.iter().find(|(_, meant)| *meant == byte)?.0]);
                at += 1;
            }
            'g'..='j' => {
                escaped.push(b'%');
                escaped.extend(hex(u32::from(byte), 2, sign.to_digit(36)? - PERCENT));
                at += 1;
            }
            '0'..='9' | 'a'..='f' => {
                let character = text.get(at..)?.chars().next()?;
                for (n, unit) in character.encode_utf16(&mut [0; 2]).iter().enumerate() {
                    let cases = if n == 0 { sign } else { signs.next()? }.to_digit(16)?;
                    escaped.extend(b"\\u");
                    escaped.extend(hex(u32::from(*unit), 4, cases));
                }
                at += character.len_utf8();
            }
            _ => return None,
        }
    }
    String::from_utf8(escaped).ok().filter(|_| at == text.len())
}

/// The sign `g`, which stands for an escape of a URL whose digits are lower case.
const PERCENT: u32 = 16;

/// The letters of short escapes in JSON, and what they mean.
const SHORT: [(u8, u8); 8] =
    [(b'"', b'"'), (b'\\', b'\\'), (b'/', b'/'), (b'b', 8), (b'f', 12), (b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];

#[derive(Clone, Copy)]
enum Meant {
    Byte(u8),
    Char(char),
}

impl Meant {
    fn push_to(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => bytes.push(byte),
            Self::Char(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// A byte or an escape.
struct Unit {
    meant: Meant,
    /// Bytes of the text.
    length: usize,
}

impl Unit {
    /// The first one of a text.
    fn first(text: &[u8]) -> Option<Self> {
        let byte = *text.first()?;
        Some(Self::escape(text).unwrap_or(Self { meant: Meant::Byte(byte), length: 1 }))
    }

    fn escape(text: &[u8]) -> Option<Self> {
        match text {
            [b'\\', b'u', ..] => {
                let first = utf16(text)?;
                if let Some(character) = char::from_u32(first) {
                    return Some(Self { meant: Meant::Char(character), length: 6 });
                }
                let second = utf16(text.get(6..)?)?;
                let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
                let character = char::decode_utf16(pair).next()?.ok()?;
                Some(Self { meant: Meant::Char(character), length: 12 })
            }
            [b'\\', letter, ..] => {
                let (_, meant) = SHORT.iter().find(|(short, _)| short == letter)?;
                Some(Self { meant: Meant::Byte(*meant), length: 2 })
            }
            [b'%', a, b, ..] => {
                let byte = u8::try_from(value(&[*a, *b])?).ok()?;
                Some(Self { meant: Meant::Byte(byte), length: 3 })
            }
            _ => None,
        }
    }
}

/// The number of an escape `\u002f` at the beginning.
fn utf16(text: &[u8]) -> Option<u32> {
    value(text.strip_prefix(b"\\u")?.get(..4)?)
}

fn value(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |all, digit| Some(all * 16 + char::from(*digit).to_digit(16)?))
}

/// The sign for hexadecimal digits: `kind`, and a bit for each that is upper case.
fn sign(kind: u32, digits: &[u8]) -> Option<char> {
    let bits = digits.iter().enumerate().map(|(n, digit)| u32::from(digit.is_ascii_uppercase()) << n);
    char::from_digit(kind + bits.sum::<u32>(), 36)
}

/// A number in hexadecimal digits, those upper case whose bit is set.
fn hex(number: u32, digits: u32, cases: u32) -> impl Iterator<Item = u8> {
    (0..digits).map(move |n| {
        let digit = char::from_digit(number >> (4 * (digits - 1 - n)) & 15, 16).unwrap_or_default();
        let digit = if cases >> n & 1 == 1 { digit.to_ascii_uppercase() } else { digit };
        u8::try_from(digit).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_read_and_written_again() {
        for (text, plain, signs) in [
            (r"a\u002Fb\/%2f%2F", "a/b/\u{2f}/", ".8.sgi"),
            (r"\uD83d\uDE00\n", "😀\n", "13s"),
            (r"\u00e9é", "éé", "0.."),
            (r"\u00\q%2", r"\u00\q%2", "........"),
        ] {
            let read = Unescaped::of(text.as_bytes()).map_or_else(|| text.as_bytes().to_vec(), |read| read.bytes);
            assert_eq!(String::from_utf8_lossy(&read), plain, "{text}");
            assert_eq!(escapes_of(text.as_bytes()), signs, "{text}");
            let again = escaped(plain, signs);
            assert_eq!(again.as_deref(), Some(text), "{text}");
        }
        assert_eq!(escaped("ab", "."), None);
        assert_eq!(escaped("a", "s"), None);
        assert!(Unescaped::of(b"plain").is_none());
    }

    proptest! {
        #[test]
        fn whatever_reads_as_a_text_is_written_again_byte_for_byte(
            text in r#"([a-zé😀/"]|\\u[0-9a-fA-F]{4}|\\[nrt/bf"]|%[0-9a-fA-F]{2}){0,30}"#
        ) {
            if let Some(read) = Unescaped::of(text.as_bytes())
                && let Ok(plain) = String::from_utf8(read.bytes)
            {
                prop_assert_eq!(escaped(&plain, &escapes_of(text.as_bytes())), Some(text));
            }
        }
    }
}
