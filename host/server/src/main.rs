//! The program `jackfield`.

use std::process::ExitCode;

use clap::Parser as _;
use jackfield_server::cli::Cli;
use jackfield_server::commands;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(Cli::parse())
}
