//! What strangers say of a file, made fit for headers, file systems and eyes.

/// Bytes of a name, as file systems bound it.
const NAME_BYTES: usize = 255;

/// `type/subtype` in lower case, without parameters; none if it is no media type.
pub(super) fn mime(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    let token = |part: &str| {
        (1..=64).contains(&part.len())
            && part.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_' | b'!' | b'#' | b'$' | b'&' | b'^')
            })
    };
    (token(kind) && token(subtype)).then_some(essence)
}

/// The last part of what may be a path, without what no name should have.
pub(super) fn filename(text: &str) -> Option<String> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    // Marks of direction make `exe.txt` look like `txt.exe`.
    let harmless = |c: &char| {
        !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    let clean: String = last.chars().filter(harmless).collect();
    let clean = clean[..clean.floor_char_boundary(NAME_BYTES)].trim();
    (!matches!(clean, "" | "." | "..")).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_media_type_is_one() {
        assert_eq!(mime("Image/JPEG; q=1").as_deref(), Some("image/jpeg"));
        assert_eq!(
            mime("application/vnd.oasis.opendocument.text").as_deref(),
            Some("application/vnd.oasis.opendocument.text")
        );
        for text in
            ["", "image", "image/", "/png", "a/b\r\nx: y", "text/html<script>", &format!("a/{}", "x".repeat(65))]
        {
            assert_eq!(mime(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_is_no_path_and_no_trick() {
        assert_eq!(filename("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(filename("C:\\temp\\a b.png").as_deref(), Some("a b.png"));
        assert_eq!(filename("a\u{202e}gpj.exe\r\n").as_deref(), Some("agpj.exe"));
        assert_eq!(filename(&"é".repeat(200)).unwrap().len(), 254);
        for text in ["", "/", "..", ".", "\u{7}"] {
            assert_eq!(filename(text), None, "{text:?}");
        }
    }
}
