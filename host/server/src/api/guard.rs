//! What every request has to pass, and what every answer gets on its way out.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::config::AllowedHosts;
use crate::front::seats::Seat;
use crate::host::Host;
use crate::problem::{MEDIA_TYPE, Problem, Result};

/// How many headers a request may have, and how many bytes they and the path may have.
const MOST_HEADERS: usize = 100;
const HEADER_BYTES: usize = 32 << 10;
const URI_BYTES: usize = 16 << 10;

/// Refuses what is not meant for us, and what no honest client sends.
pub(super) async fn check_request(State(hosts): State<Arc<AllowedHosts>>, request: Request, next: Next) -> Response {
    let is_reserved = request.extensions().get::<Arc<Seat>>().is_some_and(|seat| seat.is_reserved());
    if is_reserved && request.uri().path().starts_with("/hooks/") {
        let detail = "too many connections at once; try again in a moment";
        return Problem::unavailable("overloaded", detail, 1).into_response();
    }
    match sound(&hosts, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn sound(hosts: &AllowedHosts, request: &Request) -> Result<()> {
    let uri = request.uri();
    let name = name_of(request.headers()).or_else(|| uri.authority().map(http::uri::Authority::as_str));
    if !name.is_some_and(|name| hosts.allows(name)) {
        let detail = "this host does not go by the name in `Host`; add the name to server.allowed-hosts if it should";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail));
    }
    if uri.path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES) {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            "the path and the query have more than 16 KiB",
        ));
    }
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if request.headers().len() > MOST_HEADERS || bytes > HEADER_BYTES {
        let detail = "at most 100 headers of 32 KiB together are taken";
        return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail));
    }
    Ok(())
}

/// The one `Host` header. Two of them could mean one thing to a proxy and another to us.
fn name_of(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::HOST).iter();
    let name = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(name)
}

/// Counts the request, turns bare errors of the router into problem documents, and sets the headers that keep browsers careful.
pub(super) async fn finish(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let mut response = next.run(request).await;
    if !route.starts_with("/hooks/") {
        response = documented(response);
    }
    let standard = matches!(method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS");
    let method = if standard { method.as_str() } else { "other" };
    host.metrics.request(method, &route, response.status().as_u16(), begun.elapsed().as_secs_f64());
    careful(response.headers_mut());
    response
}

/// Headers that keep browsers careful, where the endpoint has not said something else: files may be kept, and have a policy of their own.
/// What a connector answers gets them where it is turned into a response, so that it cannot say something else.
fn careful(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; frame-ancestors 'none'; sandbox";
    let all = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    for (name, value) in all {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// An error that has no problem document gets one, and keeps headers such as `Allow`.
fn documented(response: Response) -> Response {
    let status = response.status();
    let has_document = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
    if has_document || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// A handler panicked: ours is the fault, and the log has the reason.
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!("a request handler panicked: {said}");
    Problem::internal().into_response()
}

#[cfg(test)]
pub(super) mod tests {
    use axum::Router;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    pub(in crate::api) async fn ask(mut router: Router, method: &str) -> (Response<()>, serde_json::Value) {
        let request = http::Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let (head, body) = Service::call(&mut router, request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(head, ()), serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[test]
    fn an_endpoint_has_the_last_word_on_its_headers_and_the_others_get_careful_ones() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, immutable"));
        careful(&mut headers);
        assert_eq!((headers["cache-control"].to_str().unwrap(), headers.len()), ("private, immutable", 3));
        assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_document_that_says_nothing() {
        async fn handler() -> &'static str {
            panic!("the secret is 42")
        }
        let router =
            Router::new().route("/", get(handler)).layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked));
        let (response, document) = ask(router, "GET").await;
        assert_eq!((response.status().as_u16(), &document["code"]), (500, &serde_json::json!("internal")));
        assert!(!document.to_string().contains("42"));
    }

    #[tokio::test]
    async fn a_wrong_method_is_a_problem_document_that_says_which_are_right() {
        let router = Router::new()
            .route("/", get(async || "x"))
            .layer(axum::middleware::map_response(async |r: Response| documented(r)));
        let (response, document) = ask(router, "POST").await;
        assert_eq!(response.status().as_u16(), 405);
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert_eq!(document["code"], "method_not_allowed");
    }

    #[test]
    fn two_host_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(name_of(&headers), Some("localhost"));
        headers.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(name_of(&headers), None);
    }
}
