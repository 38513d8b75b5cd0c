//! Strangers' text, made harmless for terminals, logs and pages.

/// The text on one line, control characters and direction marks escaped, so that it cannot forge other lines of a log.
pub fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => line.push(' '),
            _ if c.is_control() || is_direction_mark(c) => line.extend(c.escape_default()),
            _ => line.push(c),
        }
    }
    line
}

/// Whether a text has characters that steer a terminal or a page. Line breaks and tabs are none.
pub(crate) fn steers(text: &str) -> bool {
    text.chars().any(|c| is_direction_mark(c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t')))
}

/// Line and paragraph separators, and what changes the direction of text.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_cannot_forge_a_line() {
        assert_eq!(printable("a\nb\u{1b}[31m\u{202e}c"), "a\\nb\\u{1b}[31m\\u{202e}c");
    }
}
