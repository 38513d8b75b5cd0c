//! Bad days, one after the other: `cargo xtask crash`. Prints counts, and fails where anything acknowledged was lost or doubled.
#![allow(clippy::print_stdout, reason = "its counts are its result")]

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use jackfield_tests::crash::{damage, full_disk, kill, power};

/// How often each thing is done, unless the command line says otherwise.
struct Counts {
    kills: usize,
    power_losses: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let counts = counts(std::env::args().skip(1))?;
    let began = Instant::now();
    println!("{} × kill -9 at random moments under load", counts.kills);
    let killed = kill::run(counts.kills).await?;
    println!("  {killed}");
    println!("{} × power loss: the disk's image copied as it stands, mounted and opened", counts.power_losses);
    match power::run(counts.power_losses).await? {
        Some(lost) => println!("  {lost}"),
        None => bail!("simulating a power loss takes root and a loop device; run it where there is one"),
    }
    println!("damaged databases");
    for (kind, what) in damage::views().await? {
        println!("  {kind}: {what}");
    }
    println!("a bad record in the middle of the journal");
    println!("  {}", damage::journal().await?);
    println!("a full disk");
    println!("  {}", full_disk::run().await?);
    println!("all of it in {} s: nothing acknowledged was lost, nothing was doubled", began.elapsed().as_secs());
    Ok(())
}

fn counts(mut arguments: impl Iterator<Item = String>) -> Result<Counts> {
    let mut counts = Counts { kills: 500, power_losses: 100 };
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok());
        match (name.as_str(), number) {
            ("--kills", Some(number)) => counts.kills = number,
            ("--power-losses", Some(number)) => counts.power_losses = number,
            _ => bail!("crash knows --kills N (500) and --power-losses N (100); `{name}` is neither"),
        }
    }
    ensure!(counts.kills > 0 && counts.power_losses > 0, "a count of none shows nothing");
    Ok(counts)
}
