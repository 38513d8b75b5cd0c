//! What the host answers before it is ready: it lives, how far it is, and that everybody is to come again.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use jackfield_store::{Phase, Progress};

use crate::problem::Problem;

/// How long clients are told to wait, seconds.
const RETRY_AFTER: u32 = 5;

/// How far the start of the host is. Cheap to clone; clones show the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start(Arc<Mutex<String>>);

impl Start {
    /// The store is at work.
    pub(crate) fn progress(&self, progress: &Progress) {
        let (what, unit) = match &progress.phase {
            Phase::Checking => ("the journal is checked", "bytes"),
            Phase::CatchingUp => ("the tables catch up with the journal", "facts"),
            Phase::Rebuilding(_) => ("the tables are built again from the journal", "facts"),
            Phase::Reapplying => ("the journal is applied to compare", "facts"),
            Phase::Comparing => ("the tables are compared", "rows"),
        };
        let Progress { done, total, .. } = progress;
        match (u128::from(*done) * 100).checked_div(u128::from(*total)) {
            Some(percent) => self.note(format!("{what}: {percent} % ({done} of {total} {unit})")),
            None => self.note(format!("{what}: {done} {unit}")),
        }
    }

    /// Something else takes time.
    pub(crate) fn note(&self, phase: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase.into();
    }

    fn phase(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The router until there is a host.
pub(crate) fn router(start: Start) -> Router {
    Router::new()
        .route("/healthz", get(async || axum::Json(serde_json::json!({ "status": "ok" }))))
        .fallback(later)
        .with_state(start)
}

async fn later(State(start): State<Start>) -> Response {
    let phase = start.phase();
    let detail = match phase.is_empty() {
        true => String::from("the host is starting"),
        false => format!("the host is starting: {phase}"),
    };
    let mut response = Problem::unavailable("starting", &detail, RETRY_AFTER).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::StatusCode;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    async fn ask(start: &Start, path: &str) -> (Response<()>, serde_json::Value) {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let (head, body) = router(start.clone()).call(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(head, ()), serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_host_that_rebuilds_its_tables_lives_is_not_ready_and_says_how_far_it_is() {
        let start = Start::default();
        start.progress(&Progress { phase: Phase::Rebuilding(String::from("edition 7")), done: 37, total: 100 });
        assert_eq!(ask(&start, "/healthz").await.0.status(), StatusCode::OK);
        let (head, said) = ask(&start, "/readyz").await;
        assert_eq!((head.status().as_u16(), &said["code"]), (503, &serde_json::json!("starting")));
        assert!(said["detail"].as_str().unwrap().contains("37 % (37 of 100 facts)"), "{said}");
        for path in ["/hooks/shop", "/v1/inbox"] {
            let (head, _) = ask(&start, path).await;
            assert_eq!((head.status().as_u16(), head.headers()["retry-after"].as_bytes()), (503, &b"5"[..]), "{path}");
        }
    }

    #[tokio::test]
    async fn progress_without_a_total_is_told_without_a_share() {
        let start = Start::default();
        start.progress(&Progress { phase: Phase::Comparing, done: 3, total: 0 });
        assert!(ask(&start, "/readyz").await.1["detail"].as_str().unwrap().ends_with("3 rows"));
    }
}
