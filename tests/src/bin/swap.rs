//! A connector that is swapped under load: `cargo xtask swap`. Prints figures, and fails where anything failed, was lost or doubled.
#![allow(clippy::print_stdout, reason = "its figures are its result")]

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use jackfield_tests::swap::{Scale, run};

#[tokio::main]
async fn main() -> Result<()> {
    let report = run(scale(std::env::args().skip(1))?, &|line| println!("{line}")).await?;
    println!("{report}");
    ensure!(report.is_good(), "something failed, was lost or doubled");
    Ok(())
}

fn scale(mut arguments: impl Iterator<Item = String>) -> Result<Scale> {
    let mut scale = Scale { swaps: 100, webhooks: 200.0, replies: 40.0, steady: Duration::from_secs(20) };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| anyhow::anyhow!("{argument} takes a number"));
        match argument.as_str() {
            "--swaps" => scale.swaps = value()?.parse()?,
            "--webhooks" => scale.webhooks = value()?.parse()?,
            "--replies" => scale.replies = value()?.parse()?,
            _ => bail!("`--swaps N`, `--webhooks A-SECOND` and `--replies A-SECOND` are known, `{argument}` is not"),
        }
    }
    Ok(scale)
}
