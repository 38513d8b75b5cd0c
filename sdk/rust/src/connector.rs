//! The trait that a connector implements, and the macro that makes a component of it.

use std::marker::PhantomData;

use crate::bindings::exports::jackfield::connector::{configure, identity, receive, send};
use crate::bindings::with_media::exports::jackfield::connector::media;
use crate::bindings::with_poll::exports::jackfield::connector::poll;
use crate::media::{Answer, File, Files, Outgoing, Progress};
use crate::poll::{Batch, Polled};
use crate::{Delivery, Failure, Health, Hint, Identifier, Media, Outcome, Problem, Receipt, Request, Step};

/// A connector: a type without a value, because every call gets a fresh instance of the whole component. What has to outlive a call
/// goes to [`crate::state`].
///
/// Every function but [`receive`](Connector::receive) has a default, which says that the channel cannot do it.
pub trait Connector {
    /// One webhook request becomes one reply and any number of events. Verify it first, with [`crate::secrets`]: without a
    /// successful check the events do not count. Failures: `unauthenticated` for a request that did not prove its origin,
    /// `rejected` for a body that is no message of this provider at all.
    fn receive(request: Request) -> Result<Outcome, Failure>;

    /// Do one thing. `idempotency_key` is the same for every attempt at the same action. Failures: `uncertain` when the request went
    /// out and no answer came back, `retry` only when certainly nothing was sent; see [`crate::http::Error`].
    fn send(delivery: Delivery, idempotency_key: &str) -> Result<Receipt, Failure> {
        let _ = (delivery, idempotency_key);
        Err(Failure::unsupported("This channel only receives."))
    }

    /// What the channel can tell about a person. Empty if nothing.
    fn hints(who: Identifier) -> Result<Vec<Hint>, Failure> {
        let _ = who;
        Ok(Vec::new())
    }

    /// What is wrong with a configuration (a JSON text), beyond what the manifest's schema can tell. Must call nothing outside.
    fn validate(config: &str) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// Whether the channel is usable now, asked of the provider.
    fn check() -> Result<Health, Failure> {
        Err(Failure::unsupported("This connector cannot check its channel."))
    }

    /// Register `public_url` with the provider as far as a program can, and say what is left to do by hand.
    fn connect(public_url: &str) -> Result<Vec<Step>, Failure> {
        let _ = public_url;
        Err(Failure::unsupported("This connector cannot connect its channel by itself."))
    }
}

/// Joins a [`Connector`] to the generated bindings. [`export!`](crate::export) uses it.
#[doc(hidden)]
pub struct Adapter<C>(PhantomData<C>);

/// A panic is a bare trap to the host; this leaves the sentence in the operator's log.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| crate::log::error(&info.to_string())));
}

impl<C: Connector> receive::Guest for Adapter<C> {
    fn handle(request: Request) -> Result<Outcome, Failure> {
        report_panics();
        C::receive(request)
    }
}

impl<C: Connector> send::Guest for Adapter<C> {
    fn deliver(delivery: Delivery, idempotency_key: String) -> Result<Receipt, Failure> {
        report_panics();
        C::send(delivery, &idempotency_key)
    }
}

impl<C: Connector> identity::Guest for Adapter<C> {
    fn hints(who: Identifier) -> Result<Vec<Hint>, Failure> {
        report_panics();
        C::hints(who)
    }
}

impl<C: Connector> configure::Guest for Adapter<C> {
    fn validate(config: String) -> Vec<Problem> {
        report_panics();
        C::validate(&config)
    }

    fn check() -> Result<Health, Failure> {
        report_panics();
        C::check()
    }

    fn connect(public_url: String) -> Result<Vec<Step>, Failure> {
        report_panics();
        C::connect(&public_url)
    }
}

impl<C: Polled> poll::Guest for Adapter<C> {
    fn poll(cursor: Option<Vec<u8>>) -> Result<Batch, Failure> {
        report_panics();
        C::poll(cursor)
    }
}

impl<C: Files> media::Guest for Adapter<C> {
    fn fetch(media: Media) -> Result<File, Failure> {
        report_panics();
        C::fetch(media)
    }

    fn upload(file: Outgoing, idempotency_key: String) -> Result<Progress, Failure> {
        report_panics();
        C::upload(file, &idempotency_key)
    }

    fn resume(file: Outgoing, answer: Answer) -> Result<Progress, Failure> {
        report_panics();
        C::resume(file, answer)
    }
}

/// Makes the component's exports of a type with [`Connector`]. Write it once in a `cdylib` crate. It is empty on other targets than
/// WebAssembly, so that several connectors can be linked into one native program.
///
/// `export!(Doorbell)` is a connector with a webhook. `export!(Doorbell, poll)`, `export!(Doorbell, media)` and
/// `export!(Doorbell, poll, media)` add what the traits [`Polled`](crate::poll::Polled) and [`Files`](crate::media::Files) say.
#[macro_export]
macro_rules! export {
    ($connector:ty $(, $more:ident)*) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type JackfieldGuest = $crate::Adapter<$connector>;
            $crate::bindings::export!(JackfieldGuest with_types_in $crate::bindings);
            $($crate::export_more!($more JackfieldGuest);)*
        };
    };
}

/// The optional interfaces, for [`export!`](crate::export).
#[doc(hidden)]
#[macro_export]
macro_rules! export_more {
    (poll $guest:ident) => {
        $crate::bindings::with_poll::export_poll!($guest with_types_in $crate::bindings::with_poll);
    };
    (media $guest:ident) => {
        $crate::bindings::with_media::export_media!($guest with_types_in $crate::bindings::with_media);
    };
}
