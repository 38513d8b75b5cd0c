//! Escapes of JSON and of URLs, taken away.

/// How often escapes are taken away: a text may be JSON within JSON within a form.
const LEVELS: usize = 3;

/// A text as it is, and with its escapes taken away, level by level, as long as there are some.
pub(super) fn readings(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    std::iter::successors(Some(text.to_vec()), |text| unescaped(text)).take(LEVELS + 1)
}

/// The text without its escapes; none if it has none.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, after)) = rest.split_first() {
        rest = match escape(rest) {
            Some((meant, after)) => {
                plain.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
            None => {
                plain.push(*byte);
                after
            }
        };
    }
    (plain.len() < text.len()).then_some(plain)
}

/// The character that an escape stands for, and what is behind it. What is beyond ASCII in a URL is no character of an address.
fn escape(text: &[u8]) -> Option<(char, &[u8])> {
    match text {
        [b'\\', b'u', a, b, c, d, after @ ..] => {
            let unit = hex(&[*a, *b, *c, *d])?;
            // Half of a pair stands for no character of an address.
            Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), after))
        }
        [b'\\', short, after @ ..] => Some((short_escape(*short)?, after)),
        [b'%', a, b, after @ ..] => Some((char::from_u32(hex(&[*a, *b])?)?, after)),
        _ => None,
    }
}

fn short_escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' | b'f' | b'n' | b'r' | b't' => '\n',
        _ => return None,
    })
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |all, digit| Some(all * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::readings;

    #[test]
    fn escapes_are_taken_away_level_by_level() {
        let all: Vec<_> = readings(br"a\\u0031%5cn\q\u00").collect();
        assert_eq!(all, [&br"a\\u0031%5cn\q\u00"[..], br"a\u0031\n\q\u00", b"a1\n\\q\\u00"]);
        assert_eq!(readings(b"plain").count(), 1);
    }
}
