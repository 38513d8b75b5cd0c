//! `jackfield rebuild`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use jackfield_core::rows::Skipped;
use jackfield_store::{OpenError, Phase, Progress, Verification};

use super::{prepare, say, tell};
use crate::cli::ConfigFile;
use crate::start::store_options;

pub(super) fn run(file: &ConfigFile, check: bool) -> anyhow::Result<ExitCode> {
    let config = prepare(file)?;
    let (folder, options) = (config.data(), store_options(&config));
    let mut progress = teller();
    if check {
        return report(&jackfield_store::verify(&folder, &options, &mut progress).map_err(remedy)?);
    }
    let last = jackfield_store::rebuild(&folder, &options, &mut progress).map_err(remedy)?;
    say(&format!("the views are built again from {last} facts"))?;
    Ok(ExitCode::SUCCESS)
}

fn remedy(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Locked(_) => anyhow::anyhow!("{error}; stop the host first"),
        other => other.into(),
    }
}

fn report(found: &Verification) -> anyhow::Result<ExitCode> {
    if let Some(why) = &found.rebuilt {
        tell(&format!("the views were built again first: {why}"));
    }
    skipped(&found.skipped)?;
    let (rows, facts) = (found.rows, found.applied);
    if found.different == 0 {
        say(&format!("{rows} rows are what {facts} facts make them"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let different = found.different;
    say(&format!("{different} of {rows} rows are not what {facts} facts make them; `jackfield rebuild` mends that"))?;
    for difference in &found.differences {
        say(&format!(
            "key {}: in the views {}, by the journal {}",
            shown(Some(&difference.key)),
            shown(difference.views.as_deref()),
            shown(difference.journal.as_deref()),
        ))?;
    }
    Ok(ExitCode::FAILURE)
}

/// A line for each fact that was skipped.
pub(super) fn skipped(facts: &[Skipped]) -> anyhow::Result<()> {
    facts.iter().try_for_each(|fact| {
        let (seq, by, reason) = (fact.seq, &fact.actor, fact.reason.escape_debug());
        say(&format!("fact {seq} of {by} was skipped, since it met a defect of this version: {reason}"))
    })
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| String::from("nothing"), |bytes| bytes.escape_ascii().to_string())
}

/// Tells people how far it is, once a second.
fn teller() -> impl FnMut(Progress) {
    let mut told = Instant::now();
    move |progress| {
        if told.elapsed() < Duration::from_secs(1) {
            return;
        }
        told = Instant::now();
        let Progress { phase, done, total } = progress;
        let what = match phase {
            Phase::Checking => String::from("looking through the journal, bytes"),
            Phase::CatchingUp => String::from("catching up, facts"),
            Phase::Rebuilding(why) => format!("building the views again ({why}), facts"),
            Phase::Reapplying => String::from("applying the journal afresh, facts"),
            Phase::Comparing => String::from("comparing, rows"),
        };
        match total {
            0 => tell(&format!("{what}: {done}")),
            total => tell(&format!("{what}: {done} of {total}")),
        }
    }
}
