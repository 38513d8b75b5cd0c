//! Server-sent events: what every stream of them keeps to, whatever it tells.
//!
//! Nothing runs on its own here: a stream looks for something to tell when the client has room for it. So a slow client holds one page in
//! memory and no more, and a client that went away costs nothing. A stream ends when the host stops, and when the key that opened it is
//! revoked or may not open it any more.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use futures_util::{Stream, StreamExt, stream};
use jackfield_core::ids::{KeyId, Seq};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::auth::Credential;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// How many clients may follow at once.
pub(super) const CLIENTS: usize = 1024;

/// How many of them with one key. A browser opens one; a program that serves a team of agents, one for each.
const CLIENTS_OF_A_KEY: usize = 64;

/// A sign of life for proxies that close what is silent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The clients that follow something.
pub(super) struct Followers {
    places: Arc<Semaphore>,
    by_key: Mutex<HashMap<KeyId, usize>>,
}

impl Default for Followers {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(CLIENTS)), by_key: Mutex::default() }
    }
}

impl Followers {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        CLIENTS.saturating_sub(self.places.available_permits())
    }

    /// A place for one more client.
    ///
    /// # Errors
    /// When there is none, in all or for this key.
    pub(super) fn take(self: &Arc<Self>, key: KeyId) -> Result<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Problem::unavailable("too_many_clients", "too many clients follow the events; try again later", 10)
        })?;
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = by_key.entry(key).or_default();
        if *clients >= CLIENTS_OF_A_KEY {
            let detail = format!("{CLIENTS_OF_A_KEY} clients follow with this key; close some, or use another key");
            return Err(Problem::unavailable("too_many_clients", &detail, 10));
        }
        *clients += 1;
        Ok(Place { followers: Arc::clone(self), key, _place: place })
    }
}

/// The place of a client, until this is dropped.
pub(super) struct Place {
    followers: Arc<Followers>,
    key: KeyId,
    _place: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_key = self.followers.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = by_key.get_mut(&self.key) {
            *clients = clients.saturating_sub(1);
            if *clients == 0 {
                by_key.remove(&self.key);
            }
        }
    }
}

/// How far looks for something new are apart. What happens in between is told together: every fact wakes every stream, and a look for each of
/// 200 facts a second, for dozens of streams, would take the machine from webhooks.
const APART: Duration = Duration::from_millis(50);

/// What a look at a source came to.
pub(super) enum Look {
    /// This is to be told next. If it is nothing, there is more to look at.
    Page(Vec<Event>),
    /// Nothing at the moment.
    Nothing,
    /// Nothing any more.
    End,
}

/// What a stream tells.
pub(super) trait Source: Send + 'static {
    /// Looks for what comes next, a bounded page of it. None if that is not possible; the client comes back.
    fn look(&mut self) -> impl Future<Output = Option<Look>> + Send;

    /// Returns when there may be something new that is no fact. Facts wake the stream by themselves.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;
}

/// The answer that tells what `source` has.
pub(super) fn follow(
    host: Arc<Host>,
    credential: Credential,
    place: Place,
    source: impl Source,
) -> Sse<impl Stream<Item = std::result::Result<Event, Infallible>>> {
    let facts = host.store.watch();
    let (checked, ready, next_look) = (Seq(0), VecDeque::new(), Instant::now());
    let follower = Follower { host, credential, facts, checked, source, ready, next_look, _place: place };
    // Proxies and clients learn at once that the stream is open.
    let hello = stream::iter([Ok(Event::default().comment("open"))]);
    let events = stream::unfold(follower, async |mut follower| Some((Ok(follower.next().await?), follower)));
    Sse::new(hello.chain(events))
}

struct Follower<S> {
    host: Arc<Host>,
    credential: Credential,
    facts: watch::Receiver<Seq>,
    /// The fact up to which the key is known to be good.
    checked: Seq,
    source: S,
    ready: VecDeque<Event>,
    /// When it may be looked again after there was nothing.
    next_look: Instant,
    _place: Place,
}

impl<S: Source> Follower<S> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.host.stop.has_begun() || !self.may_follow() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // Marked as seen before it is looked, so that what comes in between wakes us again.
            self.facts.borrow_and_update();
            match self.source.look().await? {
                Look::Page(events) => {
                    self.ready = events.into();
                    continue;
                }
                Look::End => return None,
                Look::Nothing => {}
            }
            tokio::select! {
                () = self.host.stop.begun() => return None,
                () = tokio::time::sleep_until(self.next_look) => {}
            }
            tokio::select! {
                changed = self.facts.changed() => changed.ok()?,
                () = self.source.changed() => {}
                () = self.host.stop.begun() => return None,
                () = tokio::time::sleep(HEARTBEAT) => return self.may_follow().then(|| Event::default().comment("alive")),
            }
            self.next_look = Instant::now() + APART;
        }
    }

    /// Whether the key is as good as when the stream was opened. It changes by facts only, so it is looked at once for each.
    fn may_follow(&mut self) -> bool {
        let now = *self.facts.borrow();
        if now > self.checked {
            if !self.credential.is_good(&self.host) {
                return false;
            }
            self.checked = now;
        }
        true
    }
}
