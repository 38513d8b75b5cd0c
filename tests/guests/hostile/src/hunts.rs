//! Looks for a secret in all of its memory, after having called everything that could bring it one.

use std::arch::wasm32::memory_size;

use jackfield_sdk::secrets::{self, Scheme};
use jackfield_sdk::{config, log};

use crate::calls;

/// What the secrets are disguised with, so that looking for one does not bring it into memory.
const MASK: u8 = 0x55;

/// A WebAssembly page.
const PAGE: usize = 64 << 10;

/// The task: `REQUESTS\nMASKED` (a JSON list of requests to make, and in hexadecimal the disguised secret). Answers how often the
/// secret lies in memory. What is asked for by another's name must not be found; what is disguised as one of the guest's own is.
pub fn hunts(task: &[u8]) -> usize {
    let text = String::from_utf8_lossy(task);
    let (requests, masked) = text.split_once('\n').unwrap_or_default();
    let masked: Vec<u8> =
        (0..masked.len() / 2).filter_map(|n| u8::from_str_radix(&masked[2 * n..2 * n + 2], 16).ok()).collect();
    // Whatever comes back stays in memory.
    let answers = calls::all(requests.as_bytes());
    let configuration = config::load::<serde_json::Value>();
    let compared = secrets::equals("app-secret", b"guess");
    let signed = secrets::sign("app-secret", &Scheme::HmacSha256, b"message");
    log::info(&String::from_utf8_lossy(&answers));
    let found = count(&masked);
    let _ = std::hint::black_box((answers, configuration, compared, signed));
    found
}

#[allow(
    unsafe_code,
    reason = "reading all of the guest's own memory is the point; the sandbox is what makes it harmless"
)]
fn count(masked: &[u8]) -> usize {
    if masked.is_empty() {
        return usize::MAX;
    }
    let end = memory_size(0) * PAGE - masked.len();
    let matches = |at: usize| {
        masked.iter().enumerate().all(|(n, byte)| {
            // Every address below the memory's size can be read.
            let there = unsafe { std::ptr::read_volatile((at + n) as *const u8) };
            there ^ MASK == *byte
        })
    };
    (8..end).filter(|at| matches(*at)).count()
}
