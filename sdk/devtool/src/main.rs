//! `cargo xtask`: the project's own tasks, one file a command.

mod bench;
mod crash;
mod demo;
mod fuzz;
mod guests;
mod languages;
mod python;
mod registry;
mod siege;
mod stranger;
mod swap;
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
    Demo(demo::Arguments),
    /// Build everything and run every test
    Test(test::Arguments),
    /// Kill the host, cut its power, damage its files, fill its disk; print what was lost
    Crash(crash::Arguments),
    /// Walk the path of a stranger in each language: new, build, check, test, sign, plug in, receive, reply
    Stranger(stranger::Arguments),
    /// Swap a connector a hundred times under load; print what that cost
    Swap(swap::Arguments),
    /// Attack the front door while good webhooks come in; print the table
    Siege(siege::Arguments),
    /// Measure, and print the table of ratios
    Bench(bench::Arguments),
    /// Throw mutated bytes at every parser that a stranger can reach
    Fuzz(fuzz::Arguments),
    /// Build the connectors, and the guests of the tests, as WebAssembly components
    Guests(guests::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Crash(arguments) => crash::run(&arguments),
        Command::Stranger(arguments) => stranger::run(&arguments),
        Command::Swap(arguments) => swap::run(&arguments),
        Command::Siege(arguments) => siege::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Guests(arguments) => guests::run(&arguments),
    }
}
