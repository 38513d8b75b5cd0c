//! Why no answer came, said as what may have happened on the other side.

use std::fmt;

use crate::Failure;

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The host did not let it out: the origin is not granted, the address is prohibited, or it is no request at all. Trying again
    /// does not help.
    Denied(String),
    /// Nothing was sent: no such name, connection refused, no TLS.
    Unsent(String),
    /// Something was sent and no whole answer came: it may have been done.
    Unanswered(String),
}

impl Error {
    /// The failure of something that must not be done twice: `uncertain` where it may have been done.
    #[must_use]
    pub fn of_action(self) -> Failure {
        match self {
            Self::Denied(_) => Failure::misconfigured(self.to_string()),
            Self::Unsent(_) => Failure::retry(self.to_string()),
            Self::Unanswered(_) => Failure::uncertain(self.to_string()),
        }
    }

    /// The failure of a question, which can be asked again.
    #[must_use]
    pub fn of_query(self) -> Failure {
        match self {
            Self::Denied(_) => Failure::misconfigured(self.to_string()),
            Self::Unsent(_) | Self::Unanswered(_) => Failure::retry(self.to_string()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why) => write!(f, "The host refused the request: {why}."),
            Self::Unsent(why) => write!(f, "The provider was not reached: {why}."),
            Self::Unanswered(why) => write!(f, "The request went out and no answer came back: {why}."),
        }
    }
}

impl std::error::Error for Error {}
