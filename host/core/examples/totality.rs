//! Applies facts at random, by a seed, each journal twice, and prints the largest row and the largest cost of one fact. Ends with an error
//! at the first fact that `apply` does not take, or at rows that are not the same the second time.
//!
//! `cargo run --release -p jackfield-core --example totality -- 10000000 1`

#[path = "../tests/domain/arbitrary.rs"]
mod arbitrary;

use arbitrary::Arbitrary;
use jackfield_core::apply::{Cost, apply};
use jackfield_core::tables::Memory;

/// Events of one journal.
const EVENTS: u64 = 40_000;

fn journal(seed: u64) -> Result<(Memory, u64, Cost), String> {
    let (mut arbitrary, mut tables, mut largest) = (Arbitrary::new(seed), Memory::default(), Cost::default());
    while arbitrary.events < EVENTS {
        let entry = arbitrary.entry();
        let applied = apply(&mut tables, &entry).map_err(|e| format!("seed {seed}, fact {}: {e}", entry.seq))?;
        largest = Cost { rows: largest.rows.max(applied.cost.rows), bytes: largest.bytes.max(applied.cost.bytes) };
    }
    Ok((tables, arbitrary.events, largest))
}

#[allow(clippy::print_stdout, reason = "a program that prints its result")]
fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().map_err(|e| format!("{text}: {e}")));
    let wanted = arguments.next().unwrap_or(Ok(1_000_000))?;
    let first = arguments.next().unwrap_or(Ok(1))?;
    let (mut seed, mut events, mut cost, mut row) = (first, 0, Cost::default(), (0, 0));
    while events < wanted {
        let (tables, count, largest) = journal(seed)?;
        if journal(seed)?.0 != tables {
            return Err(format!("seed {seed}: the rows are not the same the second time"));
        }
        let of = tables.0.iter().map(|(key, value)| (value.len(), key[0])).max();
        row = row.max(of.unwrap_or_default());
        cost = Cost { rows: cost.rows.max(largest.rows), bytes: cost.bytes.max(largest.bytes) };
        events += count;
        seed += 1;
    }
    println!("{events} events in {} journals, each applied twice with equal rows: no failure", seed - first);
    println!("largest row: {} bytes (table {})", row.0, row.1);
    println!("largest cost of one fact: {} rows, {} bytes read and written", cost.rows, cost.bytes);
    Ok(())
}
