//! What the calls of a channel logged last, and how those ended that came to nothing: for the author and the operator who look on.
//!
//! Lines are in memory only, the latest of them; they are the connector's words about messages, so nobody but an operator sees them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jackfield_core::ids::Millis;
use jackfield_sandbox::{LogLevel, LogLine};
use tokio::sync::watch;

use crate::clock;

/// Lines that are remembered, and bytes of them: a hundred channels that all talk without end take 25 MiB.
const REMEMBERED: usize = 500;
const BYTES: usize = 256 << 10;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number on the channel since the start, from 1.
    pub number: u64,
    /// When its call ended.
    pub at: Millis,
    /// In which function.
    pub function: &'static str,
    /// How much it matters.
    pub level: LogLevel,
    /// What was logged, secrets replaced; or why the call came to nothing.
    pub message: String,
}

/// The last lines of a channel.
#[derive(Debug, Default)]
pub struct CallLog {
    lines: Mutex<Lines>,
    /// The number of the last line.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Lines {
    fn push(&mut self, line: Line) {
        self.bytes += line.message.len();
        self.lines.push_back(line);
        while self.lines.len() > REMEMBERED || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.message.len();
        }
    }
}

impl CallLog {
    /// A call has ended.
    pub(crate) fn add(&self, function: &'static str, logged: &[LogLine], fault: Option<&str>) {
        let logged = logged.iter().map(|line| (line.level, line.message.as_str()));
        let said: Vec<_> = logged.chain(fault.map(|fault| (LogLevel::Error, fault))).collect();
        if said.is_empty() {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = *self.last.borrow();
        for (level, message) in said {
            number += 1;
            lines.push(Line { number, at: clock::now(), function, level, message: message.to_owned() });
        }
        // Under the lock, so that no other call takes the same numbers.
        self.last.send_replace(number);
    }

    /// The lines behind number `after` that are still remembered.
    #[must_use]
    pub fn after(&self, after: u64) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.lines.iter().filter(|line| line.number > after).cloned().collect()
    }

    /// Tells the number of the last line, each time there are new ones.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_end_at_the_same_time_have_lines_with_numbers_of_their_own() {
        let log = CallLog::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| log.add("receive", &[], Some("It trapped."))));
            }
        });
        let numbers: Vec<u64> = log.after(0).into_iter().map(|line| line.number).collect();
        assert_eq!(numbers, (1..=400).collect::<Vec<u64>>());
    }

    #[test]
    fn the_latest_lines_are_remembered_in_order_with_how_calls_ended() {
        let log = CallLog::default();
        let line = |message: &str| LogLine { level: LogLevel::Info, message: message.to_owned() };
        log.add("receive", &[], None);
        log.add("receive", &[line("a"), line("b")], Some("It trapped."));
        let said: Vec<_> = log.after(1).into_iter().map(|line| (line.number, line.level, line.message)).collect();
        assert_eq!(said, [(2, LogLevel::Info, "b".to_owned()), (3, LogLevel::Error, "It trapped.".to_owned())]);
        for _ in 0..REMEMBERED {
            log.add("poll", &[line("x")], None);
        }
        assert_eq!((log.after(0).len(), log.after(0)[0].number), (REMEMBERED, 4));
        assert_eq!(*log.watch().borrow(), 3 + REMEMBERED as u64);
        let long = line(&"x".repeat(BYTES / 4));
        (0..9).for_each(|_| log.add("poll", std::slice::from_ref(&long), None));
        assert_eq!(log.after(0).len(), 4, "as many as there is room for");
    }
}
