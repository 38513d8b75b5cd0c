//! Is polled.

use jackfield_sdk::poll::{Batch, Polled};
use jackfield_sdk::{EventBody, Failure, Identifier, IdentityChange, Property, config, state};

use crate::{Config, Hostile, forges};

impl Polled for Hostile {
    fn poll(cursor: Option<Vec<u8>>) -> Result<Batch, Failure> {
        let seen = cursor.map_or(0, |cursor| String::from_utf8_lossy(&cursor).parse::<u32>().unwrap_or(0));
        let mut batch = Batch::at((seen + 1).to_string());
        match config::load::<Config>()?.r#do.as_str() {
            // The honest one: an event for each call, three to be had at once.
            "polls" => {
                batch.push(forges::said(&format!("poll-{seen}"), &seen.to_string()));
                batch.unreadable("raw", "on purpose");
                batch.more = seen < 2;
                batch.wait_ms = Some(1_500);
                state::set("polled", seen.to_string())?;
            }
            "polls-and-fails" => {
                state::set("polled", "yes")?;
                return Err(Failure::rate_limited(Some(7), "Slower."));
            }
            "polls-and-traps" => panic!("in the middle of a poll"),
            "polls-with-a-huge-cursor" => batch.cursor = Some(vec![b'x'; (64 << 10) + 1]),
            "polls-never-again" => batch.wait_ms = Some(u64::MAX),
            "polls-a-flood" => {
                for n in 0..5_000 {
                    batch.push(EventBody::Other(Property::text("flood", &n.to_string())));
                }
            }
            "polls-changes" => batch.push(EventBody::IdentityChange(IdentityChange {
                old: Identifier::phone("15550001"),
                new: Identifier::phone("15550002"),
                at: None,
                reason: "the provider says so".to_owned(),
            })),
            _ => return Ok(Batch::empty()),
        }
        Ok(batch)
    }
}
