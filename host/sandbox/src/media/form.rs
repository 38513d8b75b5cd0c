//! A file as the body of a request: as it is, or as a field of a form.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Something before, a part of a file of known length, something after.
pub(super) struct FileBody {
    pub(super) before: Bytes,
    pub(super) file: Pin<Box<dyn AsyncRead + Send>>,
    /// Bytes of the file that are still to come.
    pub(super) left: u64,
    pub(super) after: Bytes,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if !this.before.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.before)))));
        }
        if this.left > 0 {
            let want = usize::try_from(this.left).unwrap_or(PIECE).min(PIECE);
            let mut piece = BytesMut::zeroed(want);
            let mut buffer = ReadBuf::new(&mut piece);
            ready!(this.file.as_mut().poll_read(context, &mut buffer))?;
            let read = buffer.filled().len();
            if read == 0 {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            }
            piece.truncate(read);
            this.left -= u64::try_from(read).unwrap_or(u64::MAX).min(this.left);
            return Poll::Ready(Some(Ok(Frame::data(piece.freeze()))));
        }
        if !this.after.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.after)))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.before.is_empty() && self.left == 0 && self.after.is_empty()
    }

    // Exact, so that the request has a length.
    fn size_hint(&self) -> SizeHint {
        let around = u64::try_from(self.before.len() + self.after.len()).unwrap_or(u64::MAX);
        SizeHint::with_exact(around.saturating_add(self.left))
    }
}

/// A field of a form.
pub(crate) enum Field {
    Text { name: String, value: String },
    File { name: String },
}

/// What stands before and after the file in a form of these fields, of which exactly one is the file. `boundary` is random, so it
/// is nowhere in the file.
pub(super) fn around(fields: &[Field], filename: &str, mime: &str, boundary: &str) -> Option<(Bytes, Bytes)> {
    let (mut before, mut after, mut seen) = (String::new(), String::new(), false);
    for field in fields {
        let text = if seen { &mut after } else { &mut before };
        match field {
            Field::Text { name, value } => {
                *text += &format!(
                    "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
                    quoted(name)
                );
            }
            Field::File { .. } if seen => return None,
            Field::File { name } => {
                seen = true;
                before += &format!(
                    "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {mime}\r\n\r\n",
                    quoted(name),
                    quoted(filename)
                );
                after += "\r\n";
            }
        }
    }
    after += &format!("--{boundary}--\r\n");
    seen.then(|| (Bytes::from(before), Bytes::from(after)))
}

/// As browsers write names into forms.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn body(left: u64, content: &'static [u8]) -> FileBody {
        let file = Box::pin(std::io::Cursor::new(content));
        FileBody { before: Bytes::from_static(b"<"), file, left, after: Bytes::from_static(b">") }
    }

    #[tokio::test]
    async fn a_part_of_a_file_stands_between_its_fields() {
        let body = body(3, b"abcdef");
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "<abc>");
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_it_was_ends_the_transfer() {
        assert_eq!(body(7, b"abcdef").collect().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn names_cannot_break_out_of_a_form() {
        let fields = [Field::File { name: "a\"\r\nx: y".to_owned() }];
        let (before, after) = around(&fields, "b\"; filename=\"c", "text/plain", "B").unwrap();
        assert_eq!(
            before,
            "--B\r\ncontent-disposition: form-data; name=\"a%22%0D%0Ax: y\"; filename=\"b%22; filename=%22c\"\r\ncontent-type: text/plain\r\n\r\n"
        );
        assert_eq!(after, "\r\n--B--\r\n");
    }

    #[test]
    fn a_form_has_exactly_one_file() {
        let file = || Field::File { name: "f".to_owned() };
        assert!(around(&[file(), file()], "", "", "B").is_none());
        assert!(around(&[Field::Text { name: "t".to_owned(), value: String::new() }], "", "", "B").is_none());
    }
}
