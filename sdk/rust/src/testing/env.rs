//! What a connector sees of the world, while it is called natively.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::http::{self, Response};

type Responder = Box<dyn FnMut(&http::Request) -> Result<Response, http::Error> + Send>;

thread_local! {
    static CURRENT: RefCell<Option<Env>> = const { RefCell::new(None) };
}

/// One channel: its name, configuration, secrets, state and log, and whoever answers its HTTP requests. [`Env::run`] makes it the
/// world of one call on this thread.
#[derive(Default)]
pub struct Env {
    pub(super) channel: String,
    pub(super) config: String,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    pub(super) state: BTreeMap<String, Vec<u8>>,
    pub(super) log: Vec<String>,
    pub(super) authenticated: bool,
    requests: Vec<http::Request>,
    responder: Option<Responder>,
}

impl Env {
    /// A channel with an empty configuration, no secrets, and nobody to answer.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), config: "{}".into(), ..Self::default() }
    }

    /// Sets the configuration, a JSON text (or anything that is displayed as one).
    #[must_use]
    pub fn config(mut self, config: impl ToString) -> Self {
        self.config = config.to_string();
        self
    }

    /// Sets a secret.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Answers the HTTP requests. Without it every request is denied.
    #[must_use]
    pub fn respond<F>(mut self, responder: F) -> Self
    where
        F: FnMut(&http::Request) -> Result<Response, http::Error> + Send + 'static,
    {
        self.responder = Some(Box::new(responder));
        self
    }

    /// Answers every HTTP request alike.
    #[must_use]
    pub fn respond_with(self, response: Response) -> Self {
        self.respond(move |_| Ok(response.clone()))
    }

    /// Calls `connector` in this world. State and log are kept from call to call; a call that fails or panics takes nothing back, unlike
    /// the host's.
    pub fn run<R>(&mut self, connector: impl FnOnce() -> R) -> R {
        self.authenticated = false;
        let _visit = Visit::begin(self);
        connector()
    }

    /// Whether the last call made a successful check of a secret.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// The HTTP requests so far.
    #[must_use]
    pub fn requests(&self) -> &[http::Request] {
        &self.requests
    }

    /// The lines of the log so far, each with its level.
    #[must_use]
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// The connector's state.
    #[must_use]
    pub fn state(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.state
    }
}

/// The time for which an [`Env`] is the thread's; ends on panics too.
struct Visit<'a> {
    home: &'a mut Env,
    before: Option<Env>,
}

impl<'a> Visit<'a> {
    fn begin(home: &'a mut Env) -> Self {
        let guest = std::mem::take(home);
        let before = CURRENT.with_borrow_mut(|current| current.replace(guest));
        Self { home, before }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let before = self.before.take();
        if let Some(guest) = CURRENT.with_borrow_mut(|current| std::mem::replace(current, before)) {
            *self.home = guest;
        }
    }
}

/// Lets `f` look at the thread's world; an empty one where there is none.
pub(super) fn with<R>(f: impl FnOnce(&mut Env) -> R) -> R {
    CURRENT.with_borrow_mut(|current| f(current.get_or_insert_with(|| Env::new(""))))
}

/// Answers a request of [`crate::http`].
pub(crate) fn answer(request: &http::Request) -> Result<Response, http::Error> {
    // The responder is taken out for the call, so that it may itself use the world.
    let mut responder = with(|env| {
        env.requests.push(request.clone());
        env.responder.take()
    });
    let answer = match &mut responder {
        Some(responder) => responder(request),
        None => Err(http::Error::Denied("nobody answers in this test".into())),
    };
    with(|env| env.responder = responder);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, log, state};

    #[test]
    fn each_env_is_a_world_of_its_own() {
        let (mut a, mut b) = (Env::new("a"), Env::new("b"));
        a.run(|| {
            state::set("k", "of a").unwrap();
            b.run(|| assert_eq!((config::channel_id(), state::get("k")), ("b".into(), Ok(None))));
            assert_eq!((config::channel_id(), state::get_text("k")), ("a".into(), Ok(Some("of a".into()))));
            log::info("done");
        });
        assert_eq!(a.log(), ["info: done"]);
        assert_eq!(a.state()["k"], b"of a");
    }

    #[test]
    fn a_panic_gives_the_world_back() {
        let mut env = Env::new("a");
        let call = std::panic::AssertUnwindSafe(|| env.run(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(call).is_err());
        assert_eq!(env.channel, "a");
        assert_eq!(config::channel_id(), "");
    }

    #[test]
    fn keys_are_listed_by_prefix_in_order() {
        Env::new("a").run(|| {
            for key in ["b", "a.2", "a.1", "c"] {
                state::set(key, "").unwrap();
            }
            assert_eq!(state::list_keys("a.").unwrap(), ["a.1", "a.2"]);
            state::delete("a.1").unwrap();
            assert_eq!(state::list_keys("a.").unwrap(), ["a.2"]);
        });
    }

    #[test]
    fn a_request_without_a_responder_is_denied() {
        let mut env = Env::new("a");
        let answer = env.run(|| http::get("https://provider.example/").send());
        assert!(matches!(answer, Err(http::Error::Denied(_))));
        assert_eq!(env.requests().len(), 1);
    }
}
