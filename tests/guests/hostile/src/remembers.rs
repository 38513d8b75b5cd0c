//! Keeps what it is told in its own memory, for whoever calls next.

use std::sync::Mutex;

use jackfield_sdk::{Outcome, Reply, state};

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Tells everything that this instance was told so far. `trap` ends it, `write` tries to have state without a signature.
pub fn remembers(body: &[u8]) -> Outcome {
    let told = String::from_utf8_lossy(body).into_owned();
    assert_ne!(told, "trap", "This instance stops here.");
    if told == "write" {
        let _ = state::set("told", b"all");
    }
    let mut all = TOLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    all.push(told);
    Outcome::reply(Reply::text(200, all.join(",")))
}
