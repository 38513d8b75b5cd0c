//! Places for connections.
//!
//! A host has a bounded number of places. When they run out, the new connection takes the place of the one that is missed least:
//!
//! 1. the oldest of those that have not sent a request yet;
//! 2. the oldest idle one, and then the one whose request body has been arriving for longest, after [`BODY_GRACE`], of those that never
//!    showed a good API key;
//! 3. the same of those that showed one: a key is no reason to keep webhooks out.
//!
//! Only when there is none of these is a connection put in one of the [`RESERVED`] places, where webhooks are refused and operators and health
//! checks are not, and after that it is closed. One address may have a share of the places; beyond that it takes places from itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a connection may take from `accept` until the first request's head is complete, a TLS handshake included.
pub(crate) const FIRST_HEAD: Duration = Duration::from_secs(10);

/// How long a connection may stay open without a request. HTTP/1 is closed earlier; see [`super::NEXT_HEAD`].
const IDLE: Duration = Duration::from_secs(60);

/// How often a connection that is in use is looked at again.
const LOOK: Duration = Duration::from_secs(15);

/// How long a body may be on its way before its connection may lose its place to another. A webhook takes milliseconds.
const BODY_GRACE: Duration = Duration::from_secs(2);

/// Places beyond the configured ones, for those who show a good API key and for health checks.
pub(crate) const RESERVED: usize = 64;

/// How many connections there may be.
#[derive(Clone, Debug)]
pub struct SeatLimits {
    /// In all, besides [`RESERVED`].
    pub total: usize,
    /// From one address.
    pub per_peer: usize,
    /// Addresses that speak for many clients, and so have no share of their own: reverse proxies. Loopback is one.
    pub proxies: Vec<IpAddr>,
}

/// The places of a host.
pub(crate) struct Seats {
    limits: SeatLimits,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// In the order of `accept`.
    all: BTreeMap<u64, Arc<Seat>>,
    /// Those that have not sent a request yet.
    silent: BTreeSet<u64>,
    peers: HashMap<IpAddr, Peer>,
}

/// The connections of an address that has a share.
#[derive(Default)]
struct Peer {
    all: BTreeSet<u64>,
    silent: BTreeSet<u64>,
}

/// The place of one connection.
pub(crate) struct Seat {
    id: u64,
    /// None for those that speak for many.
    peer: Option<IpAddr>,
    /// Whether there was no other place when it was taken.
    reserved: bool,
    accepted: Instant,
    state: Mutex<State>,
    evicted: CancellationToken,
    seats: Arc<Seats>,
}

#[derive(Clone, Copy)]
struct State {
    /// Requests that are not answered to the end.
    requests: usize,
    /// Those of them whose body is not complete.
    arriving: usize,
    /// Whether there was a request.
    heard: bool,
    /// Whether a request showed a good API key.
    known: bool,
    /// Since when there is no request, or since when there are some.
    since: Instant,
}

/// A place that is taken until this is dropped.
pub(crate) struct Taken(Arc<Seat>);

impl Taken {
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.seats.lock().remove(&self.0);
    }
}

impl Seats {
    pub(crate) fn new(limits: SeatLimits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection; none if it is to be closed.
    pub(crate) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Taken> {
        self.take_at(ip, Instant::now())
    }

    fn take_at(self: &Arc<Self>, ip: IpAddr, now: Instant) -> Option<Taken> {
        let peer = self.share_of(ip);
        let mut table = self.lock();
        if let Some(peer) = &peer
            && table.peers.get(peer).is_some_and(|row| row.all.len() >= self.limits.per_peer)
        {
            let victim = table.least_missed_of(peer, now)?;
            table.evict(&victim);
        }
        let mut reserved = false;
        if table.all.len() >= self.limits.total {
            match table.least_missed(now) {
                Some(victim) => table.evict(&victim),
                None if table.all.len() < self.limits.total + RESERVED => reserved = true,
                None => return None,
            }
        }
        Some(Taken(table.add(peer, reserved, now, Arc::clone(self))))
    }

    /// Closes the connection that is missed least, if there is one.
    pub(crate) fn make_room(&self) {
        let mut table = self.lock();
        if let Some(victim) = table.least_missed(Instant::now()) {
            table.evict(&victim);
        }
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all.len()
    }

    /// Whose share a connection counts to; none for who speaks for many.
    fn share_of(&self, ip: IpAddr) -> Option<IpAddr> {
        let ip = ip.to_canonical();
        let speaks_for_many = ip.is_loopback() || self.limits.proxies.iter().any(|proxy| proxy.to_canonical() == ip);
        (!speaks_for_many).then(|| network(ip))
    }
}

/// The address, or the network that one customer of a provider has: a /64 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl Table {
    fn add(&mut self, peer: Option<IpAddr>, reserved: bool, now: Instant, seats: Arc<Seats>) -> Arc<Seat> {
        let id = self.next;
        self.next += 1;
        let state = State { requests: 0, arriving: 0, heard: false, known: false, since: now };
        let evicted = CancellationToken::new();
        let seat = Seat { id, peer, reserved, accepted: now, state: Mutex::new(state), evicted, seats };
        let seat = Arc::new(seat);
        self.all.insert(id, Arc::clone(&seat));
        self.silent.insert(id);
        if let Some(peer) = peer {
            let row = self.peers.entry(peer).or_default();
            row.all.insert(id);
            row.silent.insert(id);
        }
        seat
    }

    fn remove(&mut self, seat: &Seat) {
        if self.all.remove(&seat.id).is_none() {
            return;
        }
        self.silent.remove(&seat.id);
        if let Some(peer) = &seat.peer
            && let Some(row) = self.peers.get_mut(peer)
        {
            row.all.remove(&seat.id);
            row.silent.remove(&seat.id);
            if row.all.is_empty() {
                self.peers.remove(peer);
            }
        }
    }

    /// The place is free at once; the connection closes when its task gets to it.
    fn evict(&mut self, seat: &Arc<Seat>) {
        self.remove(seat);
        seat.evicted.cancel();
    }

    fn heard(&mut self, seat: &Seat) {
        self.silent.remove(&seat.id);
        if let Some(row) = seat.peer.as_ref().and_then(|peer| self.peers.get_mut(peer)) {
            row.silent.remove(&seat.id);
        }
    }

    fn least_missed(&self, now: Instant) -> Option<Arc<Seat>> {
        let silent = self.silent.first().and_then(|id| self.all.get(id));
        silent.cloned().or_else(|| least_missed(self.all.values(), now))
    }

    fn least_missed_of(&self, peer: &IpAddr, now: Instant) -> Option<Arc<Seat>> {
        let row = self.peers.get(peer)?;
        let silent = row.silent.first().and_then(|id| self.all.get(id));
        silent.cloned().or_else(|| least_missed(row.all.iter().filter_map(|id| self.all.get(id)), now))
    }
}

/// Of connections that have sent a request: the oldest idle one, or the one whose body takes longest; those that showed a good key last.
fn least_missed<'a>(seats: impl Iterator<Item = &'a Arc<Seat>>, now: Instant) -> Option<Arc<Seat>> {
    let rank = |seat: &Arc<Seat>| {
        let state = seat.state();
        let slow = state.arriving > 0 && now.duration_since(state.since) > BODY_GRACE;
        (state.requests == 0 || slow).then_some((state.known, state.requests > 0, state.since))
    };
    seats.filter_map(|seat| Some((rank(seat)?, seat))).min_by_key(|(rank, _)| *rank).map(|(_, seat)| Arc::clone(seat))
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> State {
        *self.lock()
    }

    pub(crate) fn accepted(&self) -> Instant {
        self.accepted
    }

    /// Whether it is one of the places that are kept for operators and health checks, as long as there is no other.
    pub(crate) fn is_reserved(&self) -> bool {
        self.reserved && self.seats.taken() > self.seats.limits.total
    }

    /// A request showed a good API key.
    pub(crate) fn show_key(&self) {
        self.lock().known = true;
    }

    /// Returns when another connection got the place.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// A request begins; it ends when what is returned is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> Request {
        let first = {
            let mut state = self.lock();
            if state.requests == 0 {
                state.since = Instant::now();
            }
            state.requests += 1;
            !std::mem::replace(&mut state.heard, true)
        };
        if first {
            self.seats.lock().heard(self);
        }
        Request(Arc::clone(self))
    }

    /// A request's body begins; it is complete, or given up, when what is returned is dropped.
    pub(crate) fn body(self: &Arc<Self>) -> Arriving {
        self.lock().arriving += 1;
        Arriving(Arc::clone(self))
    }

    /// Returns when the connection has been silent or idle for too long.
    pub(crate) async fn unused(&self) {
        while let Some(wait) = self.left(Instant::now()) {
            tokio::time::sleep_until(wait).await;
        }
    }

    /// When to look again whether the connection is in use; none if it has been silent or idle for too long.
    fn left(&self, now: Instant) -> Option<Instant> {
        let state = self.state();
        let ends = match (state.heard, state.requests) {
            (false, _) => self.accepted + FIRST_HEAD,
            (true, 0) => state.since + IDLE,
            (true, _) => return Some(now + LOOK),
        };
        (ends > now).then_some(ends)
    }
}

/// A request that is not answered to the end.
pub(crate) struct Request(Arc<Seat>);

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            state.since = Instant::now();
        }
    }
}

/// A body that is on its way.
pub(crate) struct Arriving(Arc<Seat>);

impl Drop for Arriving {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.arriving = state.arriving.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(total: usize, per_peer: usize) -> Arc<Seats> {
        Seats::new(SeatLimits { total, per_peer, proxies: vec![ip("10.0.0.1")] })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_evicted(taken: &Taken) -> bool {
        taken.seat().evicted.is_cancelled()
    }

    #[test]
    fn a_new_connection_takes_the_place_of_the_oldest_silent_one() {
        let seats = seats(3, 3);
        let spoke = seats.take(ip("127.0.0.1")).unwrap();
        drop(spoke.seat().request());
        let silent = [seats.take(ip("127.0.0.1")).unwrap(), seats.take(ip("127.0.0.1")).unwrap()];
        let _new = seats.take(ip("127.0.0.1")).unwrap();
        assert_eq!((is_evicted(&spoke), is_evicted(&silent[0]), is_evicted(&silent[1])), (false, true, false));
        assert_eq!(seats.taken(), 3);
    }

    #[test]
    fn who_showed_a_key_or_is_being_answered_keeps_the_place() {
        let seats = seats(4, 4);
        let all: Vec<Taken> = (0..4).map(|_| seats.take(ip("127.0.0.1")).unwrap()).collect();
        let requests: Vec<Request> = all.iter().map(|taken| taken.seat().request()).collect();
        all[0].seat().show_key();
        let slow = all[1].seat().body();
        let first = seats.take_at(ip("127.0.0.1"), Instant::now() + BODY_GRACE * 2).unwrap();
        assert!(!first.seat().is_reserved() && is_evicted(&all[1]), "the slow body goes");
        let _held = first.seat().request();
        drop(slow);
        let kept = seats.take(ip("127.0.0.1")).unwrap();
        assert!(kept.seat().is_reserved(), "nobody else can go, so it is a place that is kept for operators");
        drop(requests);
        let next = seats.take(ip("127.0.0.1")).unwrap();
        assert!(!is_evicted(&all[0]) && !next.seat().is_reserved());
        assert!(is_evicted(&all[2]) || is_evicted(&all[3]) || is_evicted(&kept));
    }

    #[test]
    fn a_connection_in_a_place_that_was_kept_is_like_any_other_once_there_is_room() {
        let seats = seats(1, 1);
        let busy = seats.take(ip("127.0.0.1")).unwrap();
        let request = busy.seat().request();
        let kept = seats.take(ip("127.0.0.1")).unwrap();
        assert!(kept.seat().is_reserved());
        drop((request, busy));
        assert!(!kept.seat().is_reserved());
    }

    #[test]
    fn the_places_that_are_kept_run_out_too() {
        let seats = seats(1, 1);
        let mut all = Vec::new();
        for _ in 0..=RESERVED {
            let taken = seats.take(ip("127.0.0.1")).unwrap();
            all.push((taken.seat().request(), taken));
        }
        assert!(seats.take(ip("127.0.0.1")).is_none());
        all.pop();
        assert!(seats.take(ip("127.0.0.1")).is_some());
    }

    #[test]
    fn an_address_beyond_its_share_takes_places_from_itself_only() {
        let seats = seats(100, 2);
        let other = seats.take(ip("192.0.2.7")).unwrap();
        let mine = [seats.take(ip("192.0.2.8")).unwrap(), seats.take(ip("192.0.2.8")).unwrap()];
        let third = seats.take(ip("192.0.2.8")).unwrap();
        assert_eq!((is_evicted(&mine[0]), is_evicted(&mine[1]), is_evicted(&other)), (true, false, false));
        let _busy = [mine[1].seat().request(), third.seat().request()];
        assert!(seats.take(ip("192.0.2.8")).is_none(), "nothing of its own can go");
        // A network of IPv6 is one customer; who speaks for many has no share.
        let _v6 = [seats.take(ip("2001:db8::1")).unwrap(), seats.take(ip("2001:db8::2")).unwrap()];
        let _third = seats.take(ip("2001:db8::3")).unwrap();
        assert!(is_evicted(&_v6[0]));
        let many: Vec<_> = (0..10).map(|_| seats.take(ip("10.0.0.1")).unwrap()).collect();
        assert!(!many.iter().any(is_evicted));
    }

    #[test]
    fn silence_and_idleness_end_and_use_does_not() {
        let seats = seats(3, 3);
        let (silent, used) = (seats.take(ip("127.0.0.1")).unwrap(), seats.take(ip("127.0.0.1")).unwrap());
        let accepted = silent.seat().accepted();
        assert_eq!(silent.seat().left(accepted), Some(accepted + FIRST_HEAD));
        assert_eq!(silent.seat().left(accepted + FIRST_HEAD), None);
        let request = used.seat().request();
        assert!(used.seat().left(Instant::now() + IDLE * 10).is_some());
        drop(request);
        let ends = used.seat().left(Instant::now()).unwrap();
        assert!(ends > accepted + FIRST_HEAD);
        assert_eq!(used.seat().left(ends), None);
    }
}
