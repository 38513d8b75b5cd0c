//! Throws mutated bytes at every parser that a stranger can reach, for as long as it is told to.
//!
//! Without coverage: the compiler of this project is the stable one, and what instruments code is not in it. Each target gets inputs that
//! are made of good ones; the same seed makes the same inputs. An input that panics, or takes long, is written to `target/fuzz` and ends the run.

mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::mutate::{Random, mutate};
use crate::targets::Target;

/// No parser may take longer for one input of 64 KiB.
const LONG: Duration = Duration::from_secs(5);

/// Inputs that are kept to be changed further.
const POOL: usize = 256;

#[derive(Parser)]
struct Arguments {
    /// For how long, all targets together
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Which inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these targets
    targets: Vec<String>,
}

#[allow(clippy::print_stdout, reason = "the program's output")]
fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let wanted = |target: &Target| arguments.targets.is_empty() || arguments.targets.iter().any(|n| n == target.name);
    let targets: Vec<Target> = targets::all()?.into_iter().filter(wanted).collect();
    let count = u32::try_from(targets.len()).unwrap_or(1).max(1);
    let each = Duration::from_secs_f64(arguments.minutes * 60.0) / count;
    for target in &targets {
        let inputs = fuzz(target, arguments.seed, each)?;
        println!("{:<10} {inputs} inputs, none that panicked or took long", target.name);
    }
    Ok(())
}

/// How many inputs there were.
fn fuzz(target: &Target, seed: u64, time: Duration) -> Result<u64> {
    let (mut random, mut pool) = (Random::new(seed), target.seeds.clone());
    let (end, mut inputs) = (Instant::now() + time, 0_u64);
    for seed in &target.seeds {
        one(target, seed)?;
    }
    while Instant::now() < end {
        let mut input = pool[random.below(pool.len())].clone();
        mutate(&mut input, &mut random, target.words, &pool);
        one(target, &input)?;
        inputs += 1;
        // Some of what was made is changed further, so that inputs get far from the good ones; the good ones stay.
        match pool.len() < POOL {
            true => pool.push(input),
            false => {
                let place = target.seeds.len() + random.below(POOL - target.seeds.len());
                pool[place] =
                    if random.below(4) == 0 { target.seeds[random.below(target.seeds.len())].clone() } else { input };
            }
        }
    }
    Ok(inputs)
}

fn one(target: &Target, input: &[u8]) -> Result<()> {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let what = match ended {
        Err(_) => "panicked",
        Ok(()) if began.elapsed() > LONG => "took long",
        Ok(()) => return Ok(()),
    };
    let folder = Path::new("target/fuzz");
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}-{}", target.name, what.replace(' ', "-")));
    std::fs::write(&file, input).with_context(|| file.display().to_string())?;
    bail!("{} {what}; the input is {}", target.name, file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_survives_its_first_thousand_inputs() {
        for target in targets::all().unwrap() {
            let mut random = Random::new(7);
            for n in 0..1_000 {
                let mut input = target.seeds[n % target.seeds.len()].clone();
                mutate(&mut input, &mut random, target.words, &target.seeds);
                one(&target, &input).unwrap();
            }
        }
    }
}
