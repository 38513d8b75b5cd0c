//! The compiler's process, for tests of this crate. The host is its own: `jackfield compile`.

use std::process::ExitCode;

use jackfield_sandbox::{CompileBounds, compile_child};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map_while(|text| text.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(cpu_seconds), Some(memory_mib)) => compile_child(CompileBounds::new(cpu_seconds, memory_mib)),
        _ => ExitCode::FAILURE,
    }
}
