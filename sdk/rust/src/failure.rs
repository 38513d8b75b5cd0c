//! Short ways to say what went wrong. Each takes a sentence that a person can act on, or a [`Problem`] with the provider's code.

use crate::{Failure, Problem};

impl Problem {
    /// A problem without a code.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None }
    }

    /// A problem with the provider's code of it.
    pub fn with_code(message: impl Into<String>, code: impl Into<String>) -> Self {
        Self { message: message.into(), code: Some(code.into()) }
    }
}

impl Failure {
    /// The same again later; nothing was sent.
    pub fn retry(problem: impl Into<Problem>) -> Self {
        Self::Retry((None, problem.into()))
    }

    /// Too much at once; `after_ms` if the channel said how long to wait.
    pub fn rate_limited(after_ms: Option<u64>, problem: impl Into<Problem>) -> Self {
        Self::RateLimited((after_ms, problem.into()))
    }

    /// The same request would fail for ever.
    pub fn rejected(problem: impl Into<Problem>) -> Self {
        Self::Rejected(problem.into())
    }

    /// The person cannot be reached on this address any more.
    pub fn recipient_gone(problem: impl Into<Problem>) -> Self {
        Self::RecipientGone(problem.into())
    }

    /// Only a template may be sent now.
    pub fn window_closed(problem: impl Into<Problem>) -> Self {
        Self::WindowClosed(problem.into())
    }

    /// The channel's credentials do not work.
    pub fn credentials(problem: impl Into<Problem>) -> Self {
        Self::Credentials(problem.into())
    }

    /// The connector or the channel cannot do that.
    pub fn unsupported(problem: impl Into<Problem>) -> Self {
        Self::Unsupported(problem.into())
    }

    /// It may have happened, and nobody can tell.
    pub fn uncertain(problem: impl Into<Problem>) -> Self {
        Self::Uncertain(problem.into())
    }

    /// The request did not prove that it comes from the provider.
    pub fn unauthenticated(problem: impl Into<Problem>) -> Self {
        Self::Unauthenticated(problem.into())
    }

    /// The channel's configuration is wrong.
    pub fn misconfigured(problem: impl Into<Problem>) -> Self {
        Self::Misconfigured(problem.into())
    }

    /// What the failure says, whatever it is.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Retry((_, problem)) | Self::RateLimited((_, problem)) => problem,
            Self::Rejected(problem)
            | Self::RecipientGone(problem)
            | Self::WindowClosed(problem)
            | Self::Credentials(problem)
            | Self::Unsupported(problem)
            | Self::Uncertain(problem)
            | Self::Unauthenticated(problem)
            | Self::Misconfigured(problem)
            | Self::Other(problem) => problem,
        }
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
