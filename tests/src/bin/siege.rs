//! Attacks on the front door: `cargo xtask siege`. Prints a table, and fails where one of them hurts a good client.
#![allow(clippy::print_stdout, reason = "its figures are its result")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jackfield_tests::siege::{Attack, FLOOR, Row, Scale, run};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[tokio::main]
async fn main() -> Result<()> {
    let (attacks, scale) = arguments(std::env::args().skip(1))?;
    // Thousands of connections from here; the host raises its own limit.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).context("more file descriptors")?;
    let mut rows = Vec::new();
    for attack in attacks {
        rows.push(run(attack, scale, &|line| println!("{line}")).await?);
    }
    println!("\n{}", Row::head());
    rows.iter().for_each(|row| println!("{row}"));
    println!("a good webhook may take 2 × the quiet p99, or {FLOOR:?} where that is more");
    let faults: Vec<String> =
        rows.iter().flat_map(|row| row.faults().into_iter().map(move |fault| format!("{row}\n  {fault}"))).collect();
    ensure!(faults.is_empty(), "{} fell short:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

fn arguments(mut arguments: impl Iterator<Item = String>) -> Result<(Vec<Attack>, Scale)> {
    let mut attacks = Vec::new();
    let seconds = Duration::from_secs;
    let mut scale = Scale { webhooks: 200.0, quiet: seconds(15), attacked: seconds(30) };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--attack" => {
                let name = value()?;
                let names = Attack::ALL.map(Attack::name).join(", ");
                let known = Attack::ALL.into_iter().find(|attack| attack.name() == name);
                attacks.push(known.with_context(|| format!("there is no attack {name}; there are: {names}"))?);
            }
            "--webhooks" => scale.webhooks = value()?.parse()?,
            "--quiet" => scale.quiet = seconds(value()?.parse()?),
            "--attacked" => scale.attacked = seconds(value()?.parse()?),
            _ => bail!(
                "`--attack NAME` (more than once), `--webhooks A-SECOND`, `--quiet SECONDS` and `--attacked SECONDS` are known, \
                 `{argument}` is not"
            ),
        }
    }
    if attacks.is_empty() {
        attacks.extend(Attack::ALL);
    }
    Ok((attacks, scale))
}
