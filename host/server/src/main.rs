//! The program `jackfield`.

use std::process::ExitCode;

use clap::Parser as _;
use jackfield_server::cli::Cli;
use jackfield_server::commands;

fn main() -> ExitCode {
    commands::run(Cli::parse())
}
