//! Measures Jackfield and prints one table: `cargo xtask bench`.
//!
//! Every figure stands beside something run in the same minute on the same machine, in alternating rounds, so that the ratio means
//! something where the figure does not: clients and servers share the same cores here. Nothing is asserted; a table is to be read.
//!
//! * [`call`], [`webhooks`], [`views`], [`start`], [`memory`], [`hostile`], [`languages`]: one measurement each.
//! * [`native`]: the WhatsApp connector without the sandbox; [`native_host`]: a host with it; [`bare`]: a server that only
//!   verifies, parses and appends.
//! * [`load`]: the clients; [`shots`]: what they send; [`big_store`]: a million messages; [`child`]: processes.
//! * [`numbers`], [`table`]: what it comes to.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its table is its result")]

mod bare;
mod big_store;
mod call;
mod child;
mod hostile;
mod languages;
mod load;
mod memory;
mod native;
mod native_host;
mod numbers;
mod shots;
mod start;
mod table;
mod views;
mod webhooks;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use table::Table;

/// As in the host, so that what is compiled in differs from it in the sandbox alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "jackfield-bench", about = "Measure, and print the table of ratios", disable_version_flag = true)]
struct Arguments {
    /// Small counts: to see whether it runs, not how fast
    #[arg(long)]
    quick: bool,
    /// Only these
    #[arg(long, value_enum)]
    only: Vec<Measurement>,
    /// Where the large store is kept for the next run, and found if it is there already; without it, it is built and thrown away
    #[arg(long)]
    store: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What the program is besides, for itself.
#[derive(Subcommand)]
enum Role {
    /// A host whose WhatsApp connector is compiled in
    #[command(hide = true)]
    NativeHost {
        #[arg(long)]
        config: PathBuf,
    },
    /// A server that verifies, parses and appends, and nothing else
    #[command(hide = true)]
    Bare {
        #[arg(long)]
        file: PathBuf,
    },
    /// The compiler of the host whose connector is compiled in
    #[command(hide = true)]
    Compile { cpu_seconds: u64, memory_mib: u64 },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// One call of a sandboxed connector
    Call,
    /// Signed webhooks over HTTP
    Webhooks,
    /// The agent's view and the inbox on a large store
    Views,
    /// Starting and rebuilding a large store
    Start,
    /// Memory with fifteen connectors
    Memory,
    /// The same connector in Rust, TypeScript and Python
    Languages,
    /// Good webhooks while a hostile connector is called
    Hostile,
}

/// How much of everything.
#[derive(Clone, Copy)]
struct Scale {
    quick: bool,
}

impl Scale {
    fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::NativeHost { config }) => native_host::run(&config).await,
        Some(Role::Bare { file }) => bare::run(&file).await,
        Some(Role::Compile { cpu_seconds, memory_mib }) => compile(cpu_seconds, memory_mib),
        None => measure(&arguments).await,
    }
}

/// What the host that runs in this program starts for each component.
fn compile(cpu_seconds: u64, memory_mib: u64) -> Result<()> {
    let code = jackfield_sandbox::compile_child(jackfield_sandbox::CompileBounds::new(cpu_seconds, memory_mib));
    anyhow::ensure!(code == std::process::ExitCode::SUCCESS, "it was not compiled");
    Ok(())
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let scale = Scale { quick: arguments.quick };
    let wanted = |m| arguments.only.is_empty() || arguments.only.contains(&m);
    let began = Instant::now();
    let mut table = Table::default();
    if wanted(Measurement::Call) {
        say("one call of a sandboxed connector, and the same natively");
        table.0.extend(call::run(scale).await?);
    }
    if wanted(Measurement::Webhooks) {
        say("webhooks over HTTP: the host, a host with the connector compiled in, a bare server");
        table.0.extend(webhooks::run(scale).await?);
    }
    if wanted(Measurement::Hostile) {
        say("good webhooks while a hostile connector is called");
        table.0.extend(hostile::run(scale).await?);
    }
    if wanted(Measurement::Memory) {
        say("memory with fifteen connectors");
        table.0.extend(memory::run().await?);
    }
    if wanted(Measurement::Views) || wanted(Measurement::Start) {
        let store = big_store::BigStore::make(arguments.store.as_deref(), scale).await?;
        if wanted(Measurement::Views) {
            say("the agent's view and the inbox");
            table.0.extend(views::run(&store, scale).await?);
        }
        if wanted(Measurement::Start) {
            say("starts and a rebuild");
            table.0.extend(start::run(&store, scale).await?);
        }
    }
    let mut languages = None;
    if wanted(Measurement::Languages) {
        say("the same connector in each language; each is built anew");
        languages = Some(languages::run(scale).await?);
    }
    let counts = if arguments.quick { ", with small counts: for trying only" } else { "" };
    println!("\nMeasured in {} s on {}{counts}.\n", began.elapsed().as_secs(), table::machine());
    if !table.0.is_empty() {
        println!("{table}");
    }
    if let Some(languages) = languages {
        print!("{languages}");
    }
    Ok(())
}

/// Says what is being done; a run takes a while.
fn say(what: &str) {
    eprintln!("bench: {what}");
}
