//! Files, fetched from and given to providers. The connector says which requests; the host makes them, outside of any guest.
//!
//! * [`download`], [`upload`]: the two ways.
//! * [`form`]: a file as the body of a request.

mod download;
mod form;
mod labels;
mod upload;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::event::Problem;
use tokio::io::AsyncRead;

pub(crate) use form::Field;

use crate::binding::ChannelBinding;
use crate::egress::files::TransferError;
use crate::failure::Failure;
use crate::printable::printable;
use crate::report::bytes;

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// `type/subtype` in lower case, as the connector, the attachment or the server said it.
    pub mime: Option<String>,
    /// At most 255 bytes; neither a path nor anything else that a file system or a terminal could take amiss.
    pub filename: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Of what was fetched; hexadecimal.
    pub sha256: String,
}

/// A file that is to be given to a provider.
#[derive(Clone)]
pub struct Upload {
    /// What it is sent as: `image`, `audio`, `video`, `file`, `sticker`.
    pub kind: String,
    /// Its name.
    pub filename: String,
    /// Its type.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
    /// Its content.
    pub content: Arc<dyn FileContent>,
}

/// The content of a file, wherever it is kept.
pub trait FileContent: Send + Sync {
    /// Reads from `offset` on. An error of the reader ends the transfer, and nothing of the file counts as sent.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn open(&self, offset: u64) -> io::Result<Pin<Box<dyn AsyncRead + Send>>>;
}

/// A content that lies in memory.
impl FileContent for bytes::Bytes {
    fn open(&self, offset: u64) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        Ok(Box::pin(io::Cursor::new(self.slice(offset..))))
    }
}

/// What the host's own requests came to, in the contract's words.
pub(super) fn failure(trouble: TransferError, bound: &ChannelBinding) -> Failure {
    // What a server said may hold what it was told.
    let problem = |message: String| Problem { message: printable(&bound.redactor.text(&message)), code: None };
    match trouble {
        TransferError::Denied(reason) => {
            Failure::Misconfigured(problem(format!("The host refused the request: {reason}.")))
        }
        TransferError::Unreached(reason) => {
            Failure::Retry { after_ms: None, problem: problem(format!("The provider was not reached: {reason}.")) }
        }
        TransferError::Lost(reason) => {
            Failure::Retry { after_ms: None, problem: problem(format!("The file did not come whole: {reason}.")) }
        }
        TransferError::TooLarge => {
            Failure::Rejected(problem(format!("The file has more than {}.", bytes(bound.limits.media_bytes))))
        }
        TransferError::Local(error) => {
            Failure::Other(problem(format!("The host could not read or write the file: {error}.")))
        }
    }
}

/// What a status of a file server means.
pub(super) fn refused(status: u16, retry_after: Option<Duration>) -> Failure {
    let problem =
        Problem { message: format!("The provider answered with status {status}."), code: Some(status.to_string()) };
    let after_ms = retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    match status {
        401 | 403 => Failure::Credentials(problem),
        429 => Failure::RateLimited { after_ms, problem },
        408 | 500.. => Failure::Retry { after_ms, problem },
        _ => Failure::Rejected(problem),
    }
}
