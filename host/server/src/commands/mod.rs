//! What the program does when it is called. Results go to standard output, words to people and logs to standard error.

mod ask;
mod channel;
mod check;
mod connector;
mod customer;
mod export;
mod import;
mod key;
mod parked;
mod rebuild;
mod remote;
mod serve;

use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use jackfield_sandbox::{CompileBounds, compile_child, printable};

use crate::cli::{Cli, Command, ConfigFile};
use crate::config::Config;
use crate::logging;

/// Does what was asked. The status is 0 if that went well, and 1 if not.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Serve(file) => serve::run(&file),
        Command::Check(file) => check::run(&file),
        Command::Key(command) => key::run(command),
        Command::Connector(command) => connector::run(command),
        Command::Channel(command) => channel::run(command),
        Command::Customer(command) => customer::run(command),
        Command::Reload(place) => channel::reload(&place),
        Command::Parked(command) => parked::run(command),
        Command::Rebuild { config, check } => rebuild::run(&config, check),
        Command::Export(file) => export::run(&file),
        Command::Compile { cpu_seconds, memory_mib } => Ok(compile_child(CompileBounds::new(cpu_seconds, memory_mib))),
        Command::Import(file) => import::run(&file),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // A server's words are among them.
            format!("jackfield: {}", in_words(&error)).lines().for_each(|line| tell(&printable(line)));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each said once: many an error says its cause itself.
fn in_words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        said if said.contains(&cause) => said.to_owned(),
        said => format!("{said}: {cause}"),
    })
}

/// Reads the configuration and sets log lines up: warnings only, since the output of a command is what counts.
fn prepare(file: &ConfigFile) -> anyhow::Result<Config> {
    let mut config = Config::read(&file.config)?;
    config.log.level = String::from("warn");
    logging::init(&config.log)?;
    Ok(config)
}

/// Runs something that waits, on all processors.
fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the threads of the host cannot be started")?.block_on(work)
}

/// A line on standard output.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output cannot be written")
}

/// A line on standard error.
fn tell(line: &str) {
    // Nobody is left to be told when that fails.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_of_an_error_is_said_once() {
        let missing = std::io::Error::other("no such file");
        let error =
            anyhow::Error::new(missing).context("cannot read a.toml: no such file").context("the host cannot start");
        assert_eq!(in_words(&error), "the host cannot start: cannot read a.toml: no such file");
    }
}
