//! What a connector answers when something went wrong.

use jackfield_core::event::Problem;

/// The contract's `failure`: what went wrong, said as what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not now; the same again later.
    Retry {
        /// Milliseconds to wait, if the channel said so.
        after_ms: Option<u64>,
        /// Why.
        problem: Problem,
    },
    /// Too much at once: hold the whole channel.
    RateLimited {
        /// Milliseconds to wait, if the channel said so.
        after_ms: Option<u64>,
        /// Why.
        problem: Problem,
    },
    /// Never: the same request would fail for ever.
    Rejected(Problem),
    /// The person cannot be reached on this address any more.
    RecipientGone(Problem),
    /// Only a template may be sent.
    WindowClosed(Problem),
    /// The channel's credentials do not work.
    Credentials(Problem),
    /// This connector or channel cannot do that.
    Unsupported(Problem),
    /// It may have happened, and nobody can tell.
    Uncertain(Problem),
    /// The request did not prove that it comes from the provider.
    Unauthenticated(Problem),
    /// The configuration of the channel is wrong.
    Misconfigured(Problem),
    /// Something else.
    Other(Problem),
}

impl Failure {
    /// `retry`, `rate_limited`, …: for logs, metrics and the journal.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected(_) => "rejected",
            Self::RecipientGone(_) => "recipient_gone",
            Self::WindowClosed(_) => "window_closed",
            Self::Credentials(_) => "credentials",
            Self::Unsupported(_) => "unsupported",
            Self::Uncertain(_) => "uncertain",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Misconfigured(_) => "misconfigured",
            Self::Other(_) => "other",
        }
    }

    /// The sentence, whatever the class.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Retry { problem, .. } | Self::RateLimited { problem, .. } => problem,
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
