//! How many parked deliveries of a channel may be anybody's, and how many bytes they may have.
//!
//! A request whose call failed before it was verified may be genuine, so it is worth keeping; but anybody can send such requests, so
//! they must not fill the disk. Everything that is parked is counted, whoever sent it; only what is not verified is refused for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The room of one channel for parked deliveries.
#[derive(Debug, Default)]
pub struct ParkedQuota(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    /// In the tables, as the reactor last counted.
    stored: Room,
    /// Of requests that are on their way there.
    reserved: Room,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Room {
    count: u64,
    bytes: u64,
}

/// Room that is kept for a delivery until its fact is applied. Given back when it is dropped, also by a caller that went away.
#[derive(Debug)]
pub struct Reservation {
    quota: Arc<ParkedQuota>,
    bytes: u64,
}

impl ParkedQuota {
    /// Deliveries.
    pub const COUNT: u64 = 100;
    /// Bytes of their bodies and headers.
    pub const BYTES: u64 = 16 << 20;

    /// What the tables hold. For the reactor.
    pub fn set_stored(&self, count: u64, bytes: u64) {
        self.lock().stored = Room { count, bytes };
    }

    /// Reserves room for a delivery that may be anybody's; none if there is not enough.
    #[must_use]
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        let mut used = self.lock();
        let count = used.stored.count.saturating_add(used.reserved.count).saturating_add(1);
        let all = used.stored.bytes.saturating_add(used.reserved.bytes).saturating_add(bytes);
        if count > Self::COUNT || all > Self::BYTES {
            return None;
        }
        used.reserved.count += 1;
        used.reserved.bytes += bytes;
        drop(used);
        Some(Reservation { quota: Arc::clone(self), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.quota.lock();
        used.reserved.count = used.reserved.count.saturating_sub(1);
        used.reserved.bytes = used.reserved.bytes.saturating_sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_strangers_deliveries_is_bounded_and_comes_back() {
        let quota = Arc::new(ParkedQuota::default());
        let mut held: Vec<_> = (0..ParkedQuota::COUNT).map(|_| quota.reserve(10).unwrap()).collect();
        assert!(quota.reserve(10).is_none(), "count");
        held.pop();
        assert!(quota.reserve(10).is_some());
        drop(held);
        quota.set_stored(1, ParkedQuota::BYTES - 1);
        assert!(quota.reserve(2).is_none(), "bytes");
        assert!(quota.reserve(1).is_some());
        quota.set_stored(ParkedQuota::COUNT, 0);
        assert!(quota.reserve(1).is_none(), "what is stored counts");
    }
}
