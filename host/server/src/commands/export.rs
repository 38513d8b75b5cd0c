//! `jackfield export`

use std::io::{BufWriter, ErrorKind, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use super::prepare;
use crate::cli::ConfigFile;

pub(super) fn run(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = prepare(file)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for entry in jackfield_store::export(&config.data())? {
        let line = serde_json::to_string(&entry?).context("a fact cannot be written as JSON")?;
        match writeln!(out, "{line}") {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            written => written.context("standard output cannot be written")?,
        }
    }
    out.flush().context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
