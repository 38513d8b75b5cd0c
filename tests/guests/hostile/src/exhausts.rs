//! Uses up whatever there is.

use std::hint::black_box;

use jackfield_sdk::bindings::wasi::http::types::Fields;
use jackfield_sdk::{Event, EventBody, Failure, Outcome, Property, Reply, Request, log, secrets, state};

/// Does it.
pub fn run(behaviour: &str, request: &Request) -> Result<Outcome, Failure> {
    match behaviour {
        "spins" => spins(),
        "allocates" => allocates(),
        "recurses" => {
            log::info(&recurses(1).to_string());
        }
        "traps" => panic!("This connector stops here."),
        "floods-reply" => return Ok(Outcome::reply(Reply::text(200, vec![b'x'; 32 << 20]))),
        "floods-events" => return verified(request, 5_000, 1),
        "floods-text" => return verified(request, 100, 60_000),
        "floods-log" => (0..100_000).for_each(|n| log::warn(&format!("line {n} {}", "x".repeat(100)))),
        "floods-host" => log::warn(&"x".repeat(16 << 20)),
        "fills-state" => return fills_state(request),
        "floods-state" => (0..10_000).for_each(|n| {
            let _ = state::set(&format!("key-{n}"), [b'x'; 1_000]);
        }),
        "hoards-handles" => {
            let hoard: Vec<Fields> = (0..1_000_000).map(|_| Fields::new()).collect();
            black_box(hoard);
        }
        other => return Err(Failure::unsupported(format!("There is no behaviour `{other}`."))),
    }
    Ok(Outcome::accepted())
}

/// Writes what the request says, `NUMBER SIZE`, until it may no longer, and tells how far it came and why. Genuine, so that it counts.
fn fills_state(request: &Request) -> Result<Outcome, Failure> {
    let signature = request.header("x-signature").unwrap_or_default();
    secrets::verify_hex("app-secret", &secrets::Scheme::HmacSha256, &request.body, signature)?;
    let text = String::from_utf8_lossy(&request.body);
    let (number, size) = text.split_once(' ').unwrap_or_default();
    let (number, size) = (number.parse().unwrap_or(0), size.parse().unwrap_or(0));
    let mut end = "all of it".to_owned();
    let mut written = 0;
    for n in 0..number {
        match state::set(&format!("key-{n:04}"), vec![b'x'; size]) {
            Ok(()) => written += 1,
            Err(failure) => {
                end = failure.problem().message.clone();
                break;
            }
        }
    }
    Ok(Outcome::reply(Reply::text(200, format!("{written}: {end}"))))
}

fn spins() {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

fn allocates() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}

fn recurses(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(true) { recurses(depth + 1) + frame[0] } else { 0 }
}

/// Many events of a request that is genuine, so that nothing else is wrong with them.
fn verified(request: &Request, number: usize, size: usize) -> Result<Outcome, Failure> {
    let signature = request.header("x-signature").unwrap_or_default();
    secrets::verify_hex("app-secret", &secrets::Scheme::HmacSha256, &request.body, signature)?;
    let mut outcome = Outcome::accepted();
    let value = format!("\"{}\"", "x".repeat(size));
    outcome.events.extend((0..number).map(|n| Event {
        id: n.to_string(),
        body: EventBody::Other(Property { name: "flood".to_owned(), value: value.clone() }),
    }));
    Ok(outcome)
}
