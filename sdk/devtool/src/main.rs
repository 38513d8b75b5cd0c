//! `cargo xtask`: the project's own tasks. [`program`] has those that start a program of ours.

mod fuzz;
mod guests;
mod languages;
mod program;
mod python;
mod registry;
mod stranger;
mod tasks;
mod test;

use clap::{Parser, Subcommand};
use jackfield_devtool::{guest, progress, quiet, toolchain, workspace};

#[derive(Parser)]
#[command(name = "xtask", about = "The tasks of this project", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the story of the product against the real host, and leave it running
    Demo(program::Arguments),
    /// Build everything and run every test
    Test(test::Arguments),
    /// Kill the host, cut its power, damage its files, fill its disk; print what was lost
    Crash(program::Arguments),
    /// Walk the path of a stranger in each language: new, build, check, test, sign, plug in, receive, reply
    Stranger(stranger::Arguments),
    /// Swap a connector a hundred times under load; print what that cost
    Swap(program::Arguments),
    /// Attack the front door while good webhooks come in; print the table
    Siege(program::Arguments),
    /// Measure, and print the table of ratios
    Bench(program::Arguments),
    /// Throw mutated bytes at every parser that a stranger can reach
    Fuzz(fuzz::Arguments),
    /// Build the connectors, and the guests of the tests, as WebAssembly components
    Guests(guests::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(arguments) => program::DEMO.run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Crash(arguments) => program::CRASH.run(&arguments),
        Command::Stranger(arguments) => stranger::run(&arguments),
        Command::Swap(arguments) => program::SWAP.run(&arguments),
        Command::Siege(arguments) => program::SIEGE.run(&arguments),
        Command::Bench(arguments) => program::BENCHMARKS.run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Guests(arguments) => guests::run(&arguments),
    }
}
