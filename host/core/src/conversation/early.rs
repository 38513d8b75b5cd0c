//! Which updates wait for a message that has not come: a bounded number, of which those count most that take something back.

use crate::event::EventBody;
use crate::ids::Millis;
use crate::limits;

/// The place of one more update among those that wait for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyPlace {
    /// It is left out.
    None,
    /// It waits with the others, if it is not one too many.
    Behind,
    /// It waits, and this one is left out.
    InsteadOf(usize),
}

/// The place of an update. Of several edits the latest waits, since one may be large; a deletion always finds a place, since what was taken
/// back must not be shown.
pub(crate) fn place(waiting: &[&EventBody], body: &EventBody) -> EarlyPlace {
    let at = |is_such: fn(&EventBody) -> bool| waiting.iter().rposition(|before| is_such(before));
    if waiting.contains(&body) {
        return EarlyPlace::None;
    }
    match body {
        EventBody::Edit { at: edited, .. } => match at(is_edit).and_then(|index| Some((index, *waiting.get(index)?))) {
            Some((_, EventBody::Edit { at: before, .. })) if is_later(*before, *edited) => return EarlyPlace::None,
            Some((index, _)) => return EarlyPlace::InsteadOf(index),
            None => {}
        },
        EventBody::Deletion { .. } if at(is_deletion).is_some() => return EarlyPlace::None,
        _ => {}
    }
    if waiting.len() < limits::EARLY {
        return EarlyPlace::Behind;
    }
    if is_deletion(body) {
        return EarlyPlace::InsteadOf(at(is_content).unwrap_or(waiting.len() - 1));
    }
    EarlyPlace::None
}

/// The place of an update in journals whose ids are not given by place.
pub(crate) fn place_before(waiting: &[&EventBody], body: &EventBody) -> EarlyPlace {
    if waiting.len() >= limits::EARLY || waiting.contains(&body) { EarlyPlace::None } else { EarlyPlace::Behind }
}

fn is_edit(body: &EventBody) -> bool {
    matches!(body, EventBody::Edit { .. })
}

fn is_deletion(body: &EventBody) -> bool {
    matches!(body, EventBody::Deletion { .. })
}

/// Whether it comes to nothing once the message is deleted.
fn is_content(body: &EventBody) -> bool {
    matches!(body, EventBody::Edit { .. } | EventBody::Reaction { .. })
}

/// Whether the first of two was later than the second, by what the channel says.
fn is_later(first: Option<Millis>, second: Option<Millis>) -> bool {
    matches!((first, second), (Some(first), Some(second)) if first > second)
}
