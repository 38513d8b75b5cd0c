//! HTTP: JSON under `/v1`, webhooks under `/hooks`, health and metrics. Reading is done by the views of `jackfield_core`; commands are
//! facts, and their outcomes come back. What is here only translates between HTTP and those.
//!
//! * [`customers`], [`erasure`], [`messages`], [`attachments`], [`files`], [`links`], [`inbox`], [`events`], [`channels`], [`logs`], [`grants`], [`care`], [`connectors`], [`parked`], [`keys`], [`hooks`], [`health`], [`metrics`]:
//!   the endpoints, one topic a file.
//! * [`auth`]: who asks, and whether they may. [`guard`]: what every request has to pass.
//! * [`params`], [`command`], [`problem`](crate::problem): from requests to facts, and from refusals to problem documents.
//! * [`reader`]: views are read beside the threads that serve. [`sse`]: what every stream of events keeps to.
//! * [`openapi`]: the description of all of it, made from the code.

mod actions;
mod attachments;
mod auth;
mod body;
mod bounds;
mod care;
mod channels;
mod command;
mod connectors;
mod customers;
mod erasure;
mod events;
mod files;
mod grants;
mod guard;
mod health;
mod hooks;
mod inbox;
mod keys;
mod links;
mod logs;
mod messages;
mod metrics;
mod openapi;
mod params;
mod parked;
mod parts;
mod reader;
mod sse;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use bytes::Bytes;
use http::StatusCode;
use jackfield_core::fact::Role;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use crate::problem::Problem;
pub use openapi::document;

use self::bounds::Bounds;
use self::files::FileBounds;
use self::reader::Reader;
use self::sse::Followers;
use crate::front::Front;
use crate::host::Host;

/// Bytes of the body of a command.
const BODY_BYTES: usize = 1 << 20;

/// What the handlers share.
#[derive(Clone)]
struct Api {
    host: Arc<Host>,
    front: Arc<Front>,
    reader: Reader,
    /// The same for streams.
    stream_reader: Reader,
    /// Clients that follow the events, or a log.
    followers: Arc<Followers>,
    /// What clients bring and have fetched.
    files: Arc<FileBounds>,
    /// The OpenAPI document, JSON.
    document: Bytes,
}

impl FromRef<Api> for Arc<Host> {
    fn from_ref(api: &Api) -> Self {
        Arc::clone(&api.host)
    }
}

impl FromRef<Api> for Reader {
    fn from_ref(api: &Api) -> Self {
        api.reader.clone()
    }
}

impl FromRef<Api> for Arc<FileBounds> {
    fn from_ref(api: &Api) -> Self {
        Arc::clone(&api.files)
    }
}

/// Endpoints that the same people may use.
struct Group {
    /// The role that is needed; none where no key is.
    role: Option<Role>,
    pace: Pace,
    routes: OpenApiRouter<Api>,
}

/// Which bounds requests share: how many at once, and how long one may take. No kind can use up the places of another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Pace {
    Health,
    Quick,
    /// What operators and admins do, which nobody else keeps them from.
    Care,
    /// Files come in.
    Upload,
    /// A component comes in, or is compiled.
    Operation,
}

fn groups() -> [Group; 8] {
    use Pace::{Care, Health, Operation, Quick, Upload};
    [
        Group { role: None, pace: Health, routes: health() },
        Group { role: None, pace: Quick, routes: open() },
        Group { role: Some(Role::Reader), pace: Quick, routes: reader() },
        Group { role: Some(Role::Agent), pace: Quick, routes: agent() },
        Group { role: Some(Role::Agent), pace: Upload, routes: files() },
        Group { role: Some(Role::Operator), pace: Care, routes: operator() },
        Group { role: Some(Role::Operator), pace: Operation, routes: generations() },
        Group { role: Some(Role::Admin), pace: Care, routes: admin() },
    ]
}

fn health() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(health::get_health)).routes(routes!(health::get_readiness))
}

fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(openapi::get_openapi))
}

fn reader() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(customers::list_customers))
        .routes(routes!(customers::get_customer))
        .routes(routes!(customers::get_timeline))
        .routes(routes!(links::get_why))
        .routes(routes!(links::preview_merge))
        .routes(routes!(links::list_suggestions))
        .routes(routes!(links::get_suggestion))
        .routes(routes!(messages::get_message))
        .routes(routes!(attachments::get_attachment))
        .routes(routes!(inbox::get_inbox))
        .routes(routes!(events::follow_events))
        .routes(routes!(channels::list_channels))
        .routes(routes!(channels::get_channel))
        .routes(routes!(grants::get_grants))
        .routes(routes!(grants::explain))
        .routes(routes!(connectors::list_connectors))
        .routes(routes!(connectors::get_connector))
        .routes(routes!(parked::list_parked))
        .routes(routes!(metrics::get_metrics))
}

fn agent() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(messages::send_message))
        .routes(routes!(messages::retry_message))
        .routes(routes!(actions::react))
        .routes(routes!(actions::mark_read))
        .routes(routes!(actions::edit))
        .routes(routes!(actions::delete))
        .routes(routes!(links::merge_customers))
        .routes(routes!(links::unlink_identity))
        .routes(routes!(links::accept_suggestion))
        .routes(routes!(links::reject_suggestion))
}

/// The body is read piece by piece, and counted there.
fn files() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(files::bring_file))
}

fn generations() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(connectors::bring_generation))
        .layer(DefaultBodyLimit::max(connectors::COMPONENT_BYTES))
        .routes(routes!(connectors::pull_generation))
        .routes(routes!(connectors::activate_generation))
        .routes(routes!(connectors::approve_generation))
        .routes(routes!(care::reload))
}

fn operator() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(connectors::roll_back))
        .routes(routes!(connectors::remove_connector))
        .routes(routes!(grants::grant))
        .routes(routes!(grants::revoke))
        .routes(routes!(care::pause_channel))
        .routes(routes!(care::connect_channel))
        .routes(routes!(care::examine_channel))
        .routes(routes!(channels::resume_channel))
        .routes(routes!(logs::follow_log))
        .routes(routes!(parked::get_parked))
        .routes(routes!(parked::replay_parked))
        .routes(routes!(parked::replay_all))
        .routes(routes!(parked::discard_parked))
        .routes(routes!(erasure::erase_customer))
}

fn admin() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(keys::list_keys, keys::create_key)).routes(routes!(keys::revoke_key))
}

/// Everything that is served.
pub fn router(host: Arc<Host>, front: Arc<Front>) -> Router {
    let document = Bytes::from(openapi::json(&document()));
    let api = Api {
        host: Arc::clone(&host),
        front,
        reader: Reader::new(Arc::clone(&host)),
        stream_reader: Reader::for_streams(Arc::clone(&host)),
        followers: Arc::default(),
        files: Arc::new(FileBounds::new(&host.config)),
        document,
    };
    let mut endpoints = Router::new();
    let bounds = HashMap::from([
        (Pace::Health, Bounds::health()),
        (Pace::Quick, Bounds::quick()),
        (Pace::Care, Bounds::care()),
        (Pace::Upload, Bounds::uploads()),
        (Pace::Operation, Bounds::operations()),
    ]);
    for Group { role, pace, routes } in groups() {
        let (routes, _) = routes.split_for_parts();
        let bounds = bounds.get(&pace).cloned().unwrap_or_else(Bounds::quick);
        // Behind the look at the key, because a key has a share of the places.
        let routes = routes.layer(from_fn_with_state(bounds, bounds::bound_work));
        let routes = match role {
            Some(role) => routes.route_layer(from_fn_with_state((Arc::clone(&host), role), auth::require)),
            None => routes,
        };
        endpoints = endpoints.merge(routes.layer(DefaultBodyLimit::max(BODY_BYTES)));
    }
    let (hooks, _) = hooks::routes().split_for_parts();
    endpoints
        // Webhooks have bounds of their own.
        .merge(hooks)
        .fallback(async || Problem::of_status(StatusCode::NOT_FOUND))
        .layer(from_fn_with_state(Arc::new(host.config.server.hosts()), guard::check_request))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(host, guard::finish))
        .with_state(api)
}
