//! `jackfield import`

use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{prepare, say, tell};
use crate::cli::ConfigFile;
use crate::start::store_options;

pub(super) fn run(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = prepare(file)?;
    let mut told = Instant::now();
    let mut progress = |facts| {
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            tell(&format!("facts: {facts}"));
        }
    };
    let lines = std::io::stdin().lock().lines();
    let last = jackfield_store::import(&config.data(), &store_options(&config), lines, &mut progress)?;
    say(&format!("{last} facts are in the journal; the next start builds the views"))?;
    Ok(ExitCode::SUCCESS)
}
