//! `cargo xtask`: the project's own tasks, one file a command.

mod guest;
mod guests;
mod progress;
mod toolchain;
mod workspace;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "The tasks of this project", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the connectors, and the guests of the tests, as WebAssembly components
    Guests(guests::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Guests(arguments) => guests::run(&arguments),
    }
}
