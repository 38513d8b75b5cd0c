//! Name resolution that hands on only addresses that may be connected to. The connector connects to what it is handed and to nothing
//! else, so an answer that changes between the check and the connection changes nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::address::may_connect;

/// Questions of one channel to the operating system at once. A question keeps a thread until it is answered, half a minute where the name
/// servers of a domain are silent, whoever waits for it still; and the threads are few, and the host needs them for the disk.
const QUESTIONS: usize = 4;

/// Who knows the addresses of names: the operating system, or in a test somebody who lies. The place is kept until there is an answer.
pub(crate) type Names = Arc<dyn Fn(Name, OwnedSemaphorePermit) -> Answers + Send + Sync>;
/// All addresses of a name.
pub(crate) type Answers = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The operating system's answers.
pub(crate) fn system() -> Names {
    // Port 0 means that the connector sets the port of the URL.
    blocking(|name| Ok((name, 0).to_socket_addrs()?.collect()))
}

/// The answers of somebody who keeps a thread busy until there is one.
fn blocking(ask: fn(&str) -> io::Result<Vec<SocketAddr>>) -> Names {
    Arc::new(move |name, place| {
        let answer = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(name.as_str())
        });
        Box::pin(async move { answer.await.map_err(io::Error::other)? })
    })
}

/// Resolves names for origins that may, or may not, be at private addresses.
#[derive(Clone)]
pub(crate) struct CheckedResolver {
    pub(crate) private: bool,
    pub(crate) names: Names,
    places: Arc<Semaphore>,
}

impl CheckedResolver {
    pub(crate) fn new(private: bool, names: Names, places: Arc<Semaphore>) -> Self {
        Self { private, names, places }
    }

    /// Places for the questions of one channel.
    pub(crate) fn places() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(QUESTIONS))
    }
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    /// Every address is one that needs a grant.
    #[error("{name} is at {address}, which is not a public address")]
    Prohibited { name: String, address: IpAddr },
    /// The name has no address.
    #[error("{name} has no address")]
    Unknown { name: String },
    /// The name servers gave no answer.
    #[error("{name} cannot be resolved: {error}")]
    Failed { name: String, error: io::Error },
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (private, names, places) = (self.private, Arc::clone(&self.names), Arc::clone(&self.places));
        Box::pin(async move {
            let answers = match places.acquire_owned().await {
                Ok(place) => names(name.clone(), place).await,
                // It is never closed.
                Err(closed) => Err(io::Error::other(closed)),
            };
            choose(name.as_str(), answers, private)
        })
    }
}

/// Of the answers, those that may be connected to.
fn choose(
    name: &str,
    answers: io::Result<Vec<SocketAddr>>,
    private: bool,
) -> Result<std::vec::IntoIter<SocketAddr>, Unresolved> {
    let name = || name.to_owned();
    let answers = answers.map_err(|error| Unresolved::Failed { name: name(), error })?;
    let allowed: Vec<_> = answers.iter().copied().filter(|answer| may_connect(answer.ip(), private)).collect();
    match (allowed.is_empty(), answers.first()) {
        (false, _) => Ok(allowed.into_iter()),
        (true, Some(answer)) => Err(Unresolved::Prohibited { name: name(), address: answer.ip() }),
        (true, None) => Err(Unresolved::Unknown { name: name() }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use super::*;

    fn addresses(list: &[&str]) -> std::io::Result<Vec<SocketAddr>> {
        Ok(list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect())
    }

    #[tokio::test]
    async fn questions_that_nobody_waits_for_any_more_keep_their_places_until_they_are_answered() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static ANSWERS: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
        let silent = blocking(|_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            drop(ANSWERS.1.wait_while(ANSWERS.0.lock().unwrap(), |come| !*come).unwrap());
            Ok(Vec::new())
        });
        let mut resolver = CheckedResolver::new(false, silent, CheckedResolver::places());
        for _ in 0..20 {
            let hurried = tokio::time::timeout(Duration::from_millis(1), resolver.call("a.example".parse().unwrap()));
            assert!(hurried.await.is_err());
        }
        let next = resolver.call("a.example".parse().unwrap());
        *ANSWERS.0.lock().unwrap() = true;
        ANSWERS.1.notify_all();
        // Once some are answered, others are asked.
        assert!(matches!(next.await, Err(Unresolved::Unknown { .. })));
        assert_eq!(ASKED.load(Ordering::SeqCst), QUESTIONS + 1);
    }

    #[test]
    fn of_a_mixed_answer_only_the_public_addresses_are_used() {
        let chosen: Vec<_> =
            choose("a.example", addresses(&["127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1"]), false).unwrap().collect();
        assert_eq!(chosen, addresses(&["8.8.8.8"]).unwrap());
    }

    #[test]
    fn a_name_with_only_private_addresses_is_refused() {
        let refused = choose("a.example", addresses(&["169.254.169.254"]), false);
        assert!(matches!(refused, Err(Unresolved::Prohibited { .. })));
        assert!(choose("a.example", addresses(&["10.0.0.1"]), true).is_ok());
    }

    #[test]
    fn a_name_without_addresses_is_unknown() {
        assert!(matches!(choose("a.example", addresses(&[]), true), Err(Unresolved::Unknown { .. })));
    }
}
