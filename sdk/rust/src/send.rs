//! Words of sending that share their names with words of receiving, and sending in several calls.

use crate::{Failure, Problem, Receipt};

pub use crate::bindings::exports::jackfield::connector::send::{Edit, Reaction};

/// Sends `items` in order with one call of `send` each, which gets whether it is the first and gives the channel's id. Once
/// something has been sent, no later failure may make the host send all of it again: it becomes `uncertain` and says what went out.
pub fn in_order<T>(
    items: Vec<T>,
    mut send: impl FnMut(T, bool) -> Result<String, Failure>,
) -> Result<Receipt, Failure> {
    let count = items.len();
    if count == 0 {
        return Err(Failure::rejected("There is nothing to send."));
    }
    let mut message_ids = Vec::with_capacity(count);
    for item in items {
        match send(item, message_ids.is_empty()) {
            Ok(id) => message_ids.push(id),
            Err(failure) if message_ids.is_empty() => return Err(failure),
            Err(failure) => return Err(half_sent(&message_ids, count, &failure)),
        }
    }
    Ok(Receipt { message_ids, events: Vec::new() })
}

fn half_sent(ids: &[String], count: usize, failure: &Failure) -> Failure {
    let (sent, problem) = (ids.len(), failure.problem());
    Failure::uncertain(Problem {
        message: format!(
            "{sent} of {count} parts were sent ({}); the next one failed: {}",
            ids.join(", "),
            problem.message
        ),
        code: problem.code.clone(),
    })
}

impl Receipt {
    /// Done, and no message was made.
    #[must_use]
    pub fn done() -> Self {
        Self { message_ids: Vec::new(), events: Vec::new() }
    }

    /// One message was made.
    #[must_use]
    pub fn of(id: String) -> Self {
        Self { message_ids: vec![id], events: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_sent() {
        assert!(matches!(in_order(Vec::<()>::new(), |(), _| Ok(String::new())), Err(Failure::Rejected(_))));
    }

    #[test]
    fn the_first_failure_is_told_as_it_is_and_a_later_one_as_uncertain() {
        let fail_at = |at: usize| {
            in_order(
                vec![1, 2, 3],
                move |item, _| {
                    if item == at { Err(Failure::retry("no")) } else { Ok(item.to_string()) }
                },
            )
        };
        assert!(matches!(fail_at(1), Err(Failure::Retry(_))));
        let Err(Failure::Uncertain(problem)) = fail_at(3) else { panic!("not uncertain") };
        assert_eq!(problem.message, "2 of 3 parts were sent (1, 2); the next one failed: no");
        assert_eq!(fail_at(4).unwrap().message_ids, ["1", "2", "3"]);
    }
}
