//! What the end of an attempt means: for the message, and for the channel.

use jackfield_core::event::Problem;
use jackfield_core::fact::SendResult;
use jackfield_core::ids::Millis;
use jackfield_core::rows::Outgoing;
use jackfield_sandbox::{CallError, CallErrorKind, Failure};

use crate::jobs::backoff;

/// Attempts after which a connector that breaks down before it has sent anything is not tried again.
const FAULTS: u32 = 3;

/// What is known of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The message's place in the outbox, as it was before.
    pub outgoing: &'a Outgoing,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// Whether the channel recognises a repeated attempt.
    pub idempotent: bool,
    /// When it ended.
    pub now: Millis,
    /// The first wait, milliseconds.
    pub base_ms: u64,
    /// From 0 to 1.
    pub random: f64,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// For the message.
    pub result: SendResult,
    /// Until when the whole channel sends nothing.
    pub hold: Option<Millis>,
}

impl From<SendResult> for Verdict {
    fn from(result: SendResult) -> Self {
        Self { result, hold: None }
    }
}

impl Attempt<'_> {
    /// The connector answered with a failure.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> Verdict {
        let class = failure.class();
        match failure {
            Failure::Retry { after_ms, problem } => self.again(after_ms, problem, true).into(),
            Failure::RateLimited { after_ms, problem } => {
                let own = backoff::wait(self.number, self.base_ms, 1.0);
                // A provider that asks for no wait, or for the same for ever, is asked less and less often.
                let too_soon = after_ms.is_some_and(|ms| ms < backoff::SHORTEST);
                let patient = self.number <= backoff::ATTEMPTS && !too_soon;
                let asked = after_ms.unwrap_or(own);
                let wait = backoff::asked_for(if patient { asked } else { asked.max(own) });
                Verdict { result: self.again(Some(wait), problem, too_soon), hold: Some(self.after(wait)) }
            }
            // What is misconfigured fails for every message, like credentials that do not work, and is mended in the same way.
            Failure::Credentials(problem) | Failure::Misconfigured(problem) => {
                SendResult::Credentials { problem }.into()
            }
            Failure::Uncertain(problem) => self.unknown(problem).into(),
            Failure::Rejected(problem)
            | Failure::RecipientGone(problem)
            | Failure::WindowClosed(problem)
            | Failure::Unsupported(problem)
            | Failure::Unauthenticated(problem)
            | Failure::Other(problem) => {
                // `unauthenticated` is a word for webhooks; here it says nothing.
                let class = if class == "unauthenticated" { "other" } else { class };
                SendResult::Failed { class: class.to_owned(), problem }.into()
            }
        }
    }

    /// The call came to nothing.
    #[must_use]
    pub fn broke_down(&self, error: &CallError) -> Verdict {
        let problem = Problem { message: error.message.clone(), code: Some(error.kind.as_str().to_owned()) };
        if error.usage.http_sent > 0 && error.kind != CallErrorKind::Busy {
            return self.unknown(problem).into();
        }
        self.sent_nothing(error, problem).into()
    }

    /// A file of the message is not with the provider. Nobody sees a file that is not sent, so that is certain.
    #[must_use]
    pub fn not_uploaded(&self, failure: Failure) -> Verdict {
        match failure {
            Failure::Uncertain(problem) => self.again(None, problem, true).into(),
            failure => self.failed(failure),
        }
    }

    /// The call that was to give the provider a file came to nothing.
    #[must_use]
    pub fn upload_broke_down(&self, error: &CallError) -> Verdict {
        let problem = Problem { message: error.message.clone(), code: Some(error.kind.as_str().to_owned()) };
        self.sent_nothing(error, problem).into()
    }

    fn sent_nothing(&self, error: &CallError, problem: Problem) -> SendResult {
        if matches!(error.kind, CallErrorKind::Busy | CallErrorKind::Revoked) {
            return self.again(None, problem, false);
        }
        if self.number >= FAULTS {
            return SendResult::Failed { class: String::from("connector_fault"), problem };
        }
        self.again(None, problem, true)
    }

    /// The host is stopping and could wait no longer.
    #[must_use]
    pub fn interrupted(&self) -> Verdict {
        let message = "The host stopped before the channel had answered, so nobody can tell whether it was sent.";
        self.unknown(Problem { message: String::from(message), code: Some(String::from("interrupted")) }).into()
    }

    /// The host made a mistake in its middle.
    #[must_use]
    pub fn broke_off(&self) -> Verdict {
        let message = "The host made a mistake in the middle of this attempt, so nobody can tell whether it was sent; see its log.";
        self.unknown(Problem { message: String::from(message), code: Some(String::from("interrupted")) }).into()
    }

    /// The message could not be read, so nothing was called.
    #[must_use]
    pub fn not_made(&self) -> Verdict {
        let message = "The host could not read the message; see its log.";
        self.again(None, Problem { message: String::from(message), code: None }, false).into()
    }

    /// It may have happened: where the channel recognises a repeated attempt that does not matter.
    fn unknown(&self, problem: Problem) -> SendResult {
        match self.idempotent {
            true => self.again(None, problem, true),
            false => SendResult::Uncertain { problem },
        }
    }

    fn again(&self, after_ms: Option<u64>, problem: Problem, counted: bool) -> SendResult {
        let wait = after_ms.map(backoff::asked_for);
        let at = self.after(wait.unwrap_or_else(|| backoff::wait(self.number, self.base_ms, self.random)));
        match backoff::given_up(self.outgoing, self.number, at, counted) {
            None => SendResult::Retry { at, problem },
            Some(why) => {
                let problem = Problem { message: format!("{why} The last answer was: {}", problem.message), ..problem };
                SendResult::Failed { class: String::from("gave_up"), problem }
            }
        }
    }

    fn after(&self, ms: u64) -> Millis {
        Millis(self.now.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::{MessageId, Seq};
    use jackfield_sandbox::Usage;

    use super::*;

    fn outgoing() -> Outgoing {
        let (message, since) = (MessageId::new(Seq(1), 0), Millis(1_000));
        Outgoing {
            message,
            identity: None,
            thread: String::from("t"),
            running: None,
            at: since,
            attempts: 0,
            since,
            mark: None,
        }
    }

    fn attempt(outgoing: &Outgoing, number: u32, idempotent: bool) -> Attempt<'_> {
        Attempt { outgoing, number, idempotent, now: Millis(10_000), base_ms: 1_000, random: 0.5 }
    }

    fn problem() -> Problem {
        Problem { message: String::from("no"), code: None }
    }

    fn error(kind: CallErrorKind, http_sent: u32) -> CallError {
        let usage = Usage { http_sent, ..Usage::default() };
        CallError { kind, message: String::from("broken"), authenticated: false, log: Vec::new(), usage }
    }

    #[test]
    fn the_wait_that_the_channel_asks_for_is_kept() {
        let row = outgoing();
        let verdict = attempt(&row, 1, false).failed(Failure::Retry { after_ms: Some(7_000), problem: problem() });
        assert_eq!(
            verdict,
            Verdict { result: SendResult::Retry { at: Millis(17_000), problem: problem() }, hold: None }
        );
    }

    #[test]
    fn a_rate_limit_holds_the_whole_channel() {
        let row = outgoing();
        let verdict =
            attempt(&row, 5, false).failed(Failure::RateLimited { after_ms: Some(3_000), problem: problem() });
        assert_eq!(verdict.hold, Some(Millis(13_000)));
        assert_eq!(verdict.result, SendResult::Retry { at: Millis(13_000), problem: problem() });
    }

    #[test]
    fn a_rate_limit_without_a_wait_neither_spins_nor_goes_on_for_ever() {
        let row = outgoing();
        let limited = |number, after_ms| {
            attempt(&row, number, false).failed(Failure::RateLimited { after_ms: Some(after_ms), problem: problem() })
        };
        assert_eq!(limited(1, 0).hold, Some(Millis(11_000)), "at least a second");
        assert!(matches!(limited(12, 0).result, SendResult::Failed { class, .. } if class == "gave_up"));
        assert_eq!(limited(5, 0).hold, Some(Millis(10_000 + 16_000)), "and more each time");
        assert!(
            matches!(limited(13, 2_000).result, SendResult::Retry { .. }),
            "a limit that has a wait is not counted"
        );
        assert_eq!(limited(20, 2_000).hold, Some(Millis(10_000 + 300_000)));
    }

    #[test]
    fn no_provider_silences_a_channel_for_longer_than_an_hour() {
        let row = outgoing();
        for failure in [
            Failure::RateLimited { after_ms: Some(u64::MAX), problem: problem() },
            Failure::Retry { after_ms: Some(u64::MAX), problem: problem() },
        ] {
            let verdict = attempt(&row, 1, false).failed(failure);
            assert_eq!(verdict.result, SendResult::Retry { at: Millis(3_610_000), problem: problem() });
            assert!(verdict.hold.is_none_or(|hold| hold == Millis(3_610_000)));
        }
    }

    #[test]
    fn what_never_succeeds_is_given_up() {
        let row = outgoing();
        let verdict = attempt(&row, 12, false).failed(Failure::Retry { after_ms: None, problem: problem() });
        assert!(matches!(verdict.result, SendResult::Failed { class, .. } if class == "gave_up"));
    }

    #[test]
    fn an_uncertain_send_is_repeated_only_where_that_is_safe() {
        let row = outgoing();
        let failure = || Failure::Uncertain(problem());
        assert!(matches!(attempt(&row, 1, false).failed(failure()).result, SendResult::Uncertain { .. }));
        assert!(matches!(attempt(&row, 1, true).failed(failure()).result, SendResult::Retry { .. }));
        assert!(matches!(attempt(&row, 1, false).interrupted().result, SendResult::Uncertain { .. }));
    }

    #[test]
    fn a_fault_after_a_request_went_out_is_uncertain() {
        let row = outgoing();
        let verdict = attempt(&row, 1, false).broke_down(&error(CallErrorKind::WallExceeded, 1));
        assert!(matches!(verdict.result, SendResult::Uncertain { .. }));
    }

    #[test]
    fn a_message_whose_file_is_not_with_the_provider_was_certainly_not_sent() {
        let row = outgoing();
        let attempt = attempt(&row, 1, false);
        assert!(matches!(attempt.not_uploaded(Failure::Uncertain(problem())).result, SendResult::Retry { .. }));
        assert!(matches!(attempt.not_uploaded(Failure::Rejected(problem())).result, SendResult::Failed { .. }));
        let late = error(CallErrorKind::WallExceeded, 1);
        assert!(matches!(attempt.upload_broke_down(&late).result, SendResult::Retry { .. }));
    }

    #[test]
    fn a_fault_before_anything_went_out_is_tried_three_times() {
        let row = outgoing();
        let trap = error(CallErrorKind::Trap, 0);
        assert!(matches!(attempt(&row, 2, false).broke_down(&trap).result, SendResult::Retry { .. }));
        let third = attempt(&row, 3, false).broke_down(&trap).result;
        assert!(matches!(third, SendResult::Failed { class, .. } if class == "connector_fault"));
        let busy = attempt(&row, 30, false).broke_down(&error(CallErrorKind::Busy, 0));
        assert!(matches!(busy.result, SendResult::Retry { .. }), "nothing has run");
    }

    #[test]
    fn broken_credentials_and_settings_park_the_channel_and_keep_the_message() {
        let row = outgoing();
        for failure in [Failure::Credentials(problem()), Failure::Misconfigured(problem())] {
            assert_eq!(attempt(&row, 1, false).failed(failure).result, SendResult::Credentials { problem: problem() });
        }
    }

    #[test]
    fn what_will_never_work_fails_with_its_class() {
        let row = outgoing();
        let cases = [
            (Failure::Rejected(problem()), "rejected"),
            (Failure::RecipientGone(problem()), "recipient_gone"),
            (Failure::WindowClosed(problem()), "window_closed"),
            (Failure::Unsupported(problem()), "unsupported"),
            (Failure::Other(problem()), "other"),
        ];
        for (failure, expected) in cases {
            let result = attempt(&row, 1, true).failed(failure).result;
            assert_eq!(result, SendResult::Failed { class: expected.to_owned(), problem: problem() });
        }
    }
}
