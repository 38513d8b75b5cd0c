//! A connector that is swapped under load: `cargo xtask swap`. Prints figures, and fails where anything failed, was lost or doubled.
#![allow(clippy::print_stdout, reason = "its figures are its result")]

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use jackfield_tests::cycles;
use jackfield_tests::swap::{Scale, run};

#[tokio::main]
async fn main() -> Result<()> {
    let (scale, cycles) = scale(std::env::args().skip(1))?;
    let report = run(scale, &|line| println!("{line}")).await?;
    println!("{report}");
    if cycles > 0 {
        println!("loading and unloading {cycles} times");
        let (early, late) = cycles::run(cycles).await?;
        println!("{:.1} MiB after {} cycles, {:.1} MiB after {}", early.pss, early.cycles, late.pss, late.cycles);
    }
    ensure!(report.is_good(), "something failed, was lost or doubled");
    Ok(())
}

fn scale(mut arguments: impl Iterator<Item = String>) -> Result<(Scale, usize)> {
    let mut cycles = 1_000;
    let mut scale = Scale { swaps: 100, webhooks: 200.0, replies: 40.0, steady: Duration::from_secs(20) };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| anyhow::anyhow!("{argument} takes a number"));
        match argument.as_str() {
            "--swaps" => scale.swaps = value()?.parse()?,
            "--webhooks" => scale.webhooks = value()?.parse()?,
            "--cycles" => cycles = value()?.parse()?,
            "--replies" => scale.replies = value()?.parse()?,
            _ => bail!(
                "`--swaps N`, `--webhooks A-SECOND`, `--replies A-SECOND` and `--cycles N` are known, `{argument}` is not"
            ),
        }
    }
    Ok((scale, cycles))
}
