//! Name resolution that hands on only addresses that may be connected to. The connector connects to what it is handed and to nothing
//! else, so an answer that changes between the check and the connection changes nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::address::may_connect;

/// Who knows the addresses of names: the operating system, or in a test somebody who lies.
pub(crate) type Names = Arc<dyn Fn(Name) -> Answers + Send + Sync>;
/// All addresses of a name.
pub(crate) type Answers = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The operating system's answers.
pub(crate) fn system() -> Names {
    Arc::new(|name| {
        // Port 0 means that the connector sets the port of the URL.
        Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
    })
}

/// Resolves names for origins that may, or may not, be at private addresses.
#[derive(Clone)]
pub(crate) struct CheckedResolver {
    pub(crate) private: bool,
    pub(crate) names: Names,
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
        let private = self.private;
        let answers = (self.names)(name.clone());
        Box::pin(async move { choose(name.as_str(), answers.await, private) })
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
    use super::*;

    fn addresses(list: &[&str]) -> std::io::Result<Vec<SocketAddr>> {
        Ok(list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect())
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
