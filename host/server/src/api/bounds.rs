//! How much is worked on at once, in all and for one key, and for how long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jackfield_core::ids::KeyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::auth::Caller;
use crate::problem::Problem;

/// How many requests are worked on at once, how many of one key, and how long one may take until its answer begins.
#[derive(Clone)]
pub(super) struct Bounds {
    places: Arc<Semaphore>,
    /// Places of one key, so that none keeps all others out.
    share: usize,
    held: Arc<Mutex<HashMap<KeyId, usize>>>,
    time: Duration,
}

impl Bounds {
    fn new(places: usize, seconds: u64) -> Self {
        let (places, share) = (Arc::new(Semaphore::new(places)), (places / 2).max(1));
        Self { places, share, held: Arc::default(), time: Duration::from_secs(seconds) }
    }

    /// For what is asked and said.
    pub(super) fn quick() -> Self {
        Self::new(512, 30)
    }

    /// For what operators and admins do at once, with places that no other role can take.
    pub(super) fn care() -> Self {
        Self::new(128, 30)
    }

    /// For files, whose bodies take as long as they keep their least rate.
    pub(super) fn uploads() -> Self {
        Self::new(32, 1_800)
    }

    /// For what operators do that takes long: components come from elsewhere, and take some 15 s to compile where they are in JavaScript
    /// or Python.
    pub(super) fn operations() -> Self {
        Self::new(16, 600)
    }

    /// For health checks, which are answered whatever else goes on.
    pub(super) fn health() -> Self {
        Self::new(64, 5)
    }

    /// A place for a request of a key, or of nobody in particular.
    fn take(&self, key: Option<KeyId>) -> Result<Place, Problem> {
        let busy = |detail: &str| Problem::unavailable("overloaded", detail, 1);
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| busy("too many requests at once; try again in a moment"))?;
        if let Some(key) = key {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let of_key = held.entry(key).or_default();
            if *of_key >= self.share {
                return Err(busy("too many requests of this API key at once; try again in a moment"));
            }
            *of_key += 1;
        }
        Ok(Place { _place: place, key, held: Arc::clone(&self.held) })
    }
}

/// The place of a request, until this is dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    /// Whose request it is.
    pub(super) key: Option<KeyId>,
    held: Arc<Mutex<HashMap<KeyId, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = held.get_mut(&key) {
            *of_key = of_key.saturating_sub(1);
            if *of_key == 0 {
                held.remove(&key);
            }
        }
    }
}

tokio::task_local! {
    /// The place of the request that is worked on. What goes on after the request keeps a clone, and so the place.
    pub(super) static PLACE: Arc<Place>;
}

/// Bounds how much is worked on at once, and for how long. A stream counts until it is open.
pub(super) async fn bound_work(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let place = match bounds.take(request.extensions().get::<Caller>().map(|caller| caller.key)) {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    // A command that takes no key is refused if it has one.
    let then = match (request.method().is_safe(), request.headers().contains_key("idempotency-key")) {
        (true, _) => "try again in a moment",
        (false, true) => "it may have been done all the same: send it again with the same Idempotency-Key",
        (false, false) => {
            "it may have been done all the same, or go on: look how things stand before you send it again"
        }
    };
    let work = PLACE.scope(Arc::new(place), next.run(request));
    match tokio::time::timeout(bounds.time, work).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request took longer than {} s; {then}", bounds.time.as_secs());
            Problem::unavailable("timed_out", &detail, 1).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use jackfield_core::ids::Seq;
    use tower_service::Service;

    use super::super::guard::tests::ask;
    use super::*;

    #[test]
    fn a_key_takes_half_of_the_places_and_no_more_and_gives_them_back() {
        let bounds = Bounds::new(8, 1);
        let [one, other] = [1, 2].map(|n| Some(KeyId::new(Seq(n), 0)));
        let held: Vec<_> = (0..8).filter_map(|_| bounds.take(one).ok()).collect();
        assert_eq!(held.len(), 4);
        assert!(bounds.take(other).is_ok() && bounds.take(None).is_ok());
        drop(held);
        assert!(bounds.take(one).is_ok());
        assert!(bounds.held.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn work_that_goes_on_without_its_client_keeps_the_place_of_the_request() {
        let (go_on, waits) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let (theirs, begun) = (Arc::clone(&go_on), Arc::clone(&waits));
        let work = move || {
            let (theirs, begun) = (Arc::clone(&theirs), Arc::clone(&begun));
            super::super::command::to_its_end(async move {
                begun.notify_one();
                theirs.notified().await;
                Ok::<_, Problem>("done")
            })
        };
        let bounds = Bounds::new(1, 600);
        let places = Arc::clone(&bounds.places);
        let router =
            Router::new().route("/", get(work)).layer(axum::middleware::from_fn_with_state(bounds, bound_work));
        let client = tokio::spawn(ask(router.clone(), "GET"));
        waits.notified().await;
        client.abort();
        assert!(client.await.is_err());
        let (refused, _) = ask(router, "GET").await;
        assert_eq!(refused.status().as_u16(), 503);
        go_on.notify_one();
        drop(places.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn too_much_at_once_is_told_to_come_again() {
        let full = Bounds::new(0, 30);
        let router =
            Router::new().route("/", get(async || "x")).layer(axum::middleware::from_fn_with_state(full, bound_work));
        let (response, document) = ask(router, "GET").await;
        assert_eq!((response.status().as_u16(), &document["code"]), (503, &serde_json::json!("overloaded")));
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[tokio::test]
    async fn a_request_that_took_too_long_is_told_what_can_be_done_about_it() {
        let told = async |method: &str, key: Option<&str>| {
            let bounds = Bounds { time: Duration::ZERO, ..Bounds::quick() };
            let handlers = get(std::future::pending::<&str>).post(std::future::pending::<&str>);
            let mut router =
                Router::new().route("/", handlers).layer(axum::middleware::from_fn_with_state(bounds, bound_work));
            let mut request = http::Request::builder().method(method).uri("/");
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let answer = Service::call(&mut router, request.body(Body::empty()).unwrap()).await.unwrap();
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        assert!(told("POST", Some("k")).await.contains("same Idempotency-Key"));
        let unkeyed = told("POST", None).await;
        assert!(unkeyed.contains("look how things stand") && !unkeyed.contains("Idempotency-Key"), "{unkeyed}");
        let read = told("GET", None).await;
        assert!(read.contains("try again") && !read.contains("done all the same"), "{read}");
    }
}
