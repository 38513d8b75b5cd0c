//! Applying entries to an overlay. A defect that a fact meets is contained there: its changes are taken back and it is skipped.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jackfield_core::apply::{Applied, Cost};
use jackfield_core::effect::Effect;
use jackfield_core::fact::{Entry, Outcome};
use jackfield_core::tables::{self, APPLIED, ReadError};

use super::overlay::Overlay;
use crate::panics::panic_message;
use crate::projection::Failure;
use crate::rules::Rules;

/// What happens when a fact meets a defect: a panic of the rules, a row that is not what it should be, or too much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDefect {
    /// The fact is skipped with its reason, the same on every host.
    Skip,
    /// It is told, because the tables may be damaged or of another edition.
    Tell,
}

/// Applies one entry.
pub(crate) fn apply_one(
    overlay: &mut Overlay<'_>,
    entry: &Entry,
    rules: &Rules,
    on_defect: OnDefect,
) -> Result<Applied, Failure> {
    let failure = match attempt(overlay, entry, rules.work, |overlay| (rules.apply)(overlay, entry)) {
        Ok(applied) => return Ok(applied),
        Err(failure) => failure,
    };
    // What was in vain was work all the same.
    let cost = Cost { rows: 0, bytes: overlay.work() };
    overlay.roll_back();
    match (failure, on_defect) {
        (Failure::Defect(reason), OnDefect::Skip) => {
            skip(overlay, entry, rules, &reason).map(|applied| Applied { cost, ..applied })
        }
        (failure, _) => Err(failure),
    }
}

fn skip(overlay: &mut Overlay<'_>, entry: &Entry, rules: &Rules, reason: &str) -> Result<Applied, Failure> {
    tracing::error!(seq = entry.seq.0, reason, "a fact met a defect and is skipped; a mended version applies it again");
    match attempt(overlay, entry, u64::MAX, |overlay| (rules.skip)(overlay, entry, reason)) {
        Err(Failure::Defect(why)) => {
            tracing::error!(seq = entry.seq.0, reason = why, "the skipped fact could not be noted");
            overlay.roll_back();
            overlay.begin(u64::MAX);
            tables::Write::put(overlay, APPLIED.to_vec(), entry.seq.0.to_be_bytes().to_vec());
            let outcome = Outcome::Skipped { reason: reason.to_owned() };
            Ok(Applied { outcome, effects: vec![Effect::Skipped], cost: Cost::default() })
        }
        Err(failure) => {
            overlay.roll_back();
            Err(failure)
        }
        Ok(applied) => Ok(applied),
    }
}

fn attempt(
    overlay: &mut Overlay<'_>,
    entry: &Entry,
    work: u64,
    run: impl FnOnce(&mut Overlay<'_>) -> tables::Result<Applied>,
) -> Result<Applied, Failure> {
    overlay.begin(work);
    let result = catch_unwind(AssertUnwindSafe(|| run(overlay)));
    // Whatever the rules made of it, a failure of the storage is never the fact's.
    if let Some(why) = overlay.failure() {
        return Err(Failure::Storage(why));
    }
    if let Some(excess) = overlay.excess() {
        return Err(Failure::Defect(excess));
    }
    match result {
        Ok(Ok(applied)) => match tables::applied(overlay) {
            Ok(seq) if seq == entry.seq => Ok(applied),
            Ok(seq) => Err(Failure::Defect(format!("the applied number is {seq} after it"))),
            Err(ReadError::Io(why)) => Err(Failure::Storage(why)),
            Err(ReadError::Broken(why)) => Err(Failure::Defect(why)),
        },
        Ok(Err(ReadError::Io(why))) => Err(Failure::Storage(why)),
        Ok(Err(ReadError::Broken(why))) => Err(Failure::Defect(why)),
        Err(panic) => Err(Failure::Defect(format!("apply panicked: {}", panic_message(&*panic)))),
    }
}
