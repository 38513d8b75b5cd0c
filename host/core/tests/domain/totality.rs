//! No fact, however unlikely, makes `apply` fail; what it costs is bounded; and the same facts make the same rows. The program
//! `examples/totality.rs` does the same with millions of events.

use crate::arbitrary::Arbitrary;
use jackfield_core::apply::{Cost, apply};
use jackfield_core::limits::{WORK_BYTES, WORK_ROWS};
use jackfield_core::tables::Memory;

fn run(seed: u64, facts: usize) -> (Memory, Cost) {
    let (mut arbitrary, mut tables, mut largest) = (Arbitrary::new(seed), Memory::default(), Cost::default());
    for _ in 0..facts {
        let entry = arbitrary.entry();
        let applied = apply(&mut tables, &entry).unwrap_or_else(|error| panic!("seed {seed}: {error}: {entry:?}"));
        largest = Cost { rows: largest.rows.max(applied.cost.rows), bytes: largest.bytes.max(applied.cost.bytes) };
    }
    (tables, largest)
}

#[test]
fn no_fact_makes_apply_fail_and_the_same_facts_make_the_same_rows() {
    for seed in 1..=12 {
        let (tables, cost) = run(seed, 1_500);
        println!("seed {seed}: {cost:?}");
        assert!(cost.rows < WORK_ROWS / 3 && cost.bytes < WORK_BYTES / 3, "seed {seed}: {cost:?}");
        if seed % 4 == 0 {
            assert_eq!(run(seed, 1_500).0, tables, "seed {seed}");
        }
    }
}
