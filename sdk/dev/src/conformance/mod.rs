//! The conformance kit: a component in the real sandbox, with its fixtures, against a provider on loopback that makes trouble.
//!
//! * [`plan`] reads `fixtures/conformance.toml`.
//! * [`genuine`]: requests as the provider signs them. [`provider`]: the other end of what goes out.
//! * [`rig`]: the component in the sandbox, and channels of it. [`events`]: comparing what comes out.
//! * [`inbound`], [`trouble`], [`outbound`], [`files`], [`people`]: the cases. [`report`]: what came of them.

mod events;
mod files;
mod genuine;
mod inbound;
mod outbound;
mod people;
pub mod plan;
mod provider;
pub mod report;
mod rig;
mod trouble;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{StreamExt, stream};
use jackfield_sandbox::{Channel, Connector, Limits, Request, Sandbox};

pub use plan::Plan;
pub use report::{Case, Outcome, Report};

use genuine::Parcel;
use plan::Inbound;
use provider::{Mood, Provider};
use report::Judged;
use rig::Rig;

/// Cases that are tried at the same time. Most of the time of a run goes into waiting for one answer that never comes.
const AT_ONCE: usize = 8;

type Trial<'a> = Pin<Box<dyn Future<Output = Judged> + Send + 'a>>;

/// Tries every case on a component. Fails only where nothing can be tried: the component does not load, or does not fit the plan.
pub async fn run(sandbox: &Sandbox, component: Vec<u8>, plan: Plan) -> Result<Report> {
    let size = component.len();
    let started = Instant::now();
    let connector = sandbox.load(component).await.context("the component does not load")?;
    let load_milliseconds = started.elapsed().as_millis();
    let answers = plan.send.as_ref().map(|send| send.answers.clone()).unwrap_or_default();
    let provider = Provider::start(Mood::Answers(answers)).await.context("no provider could be started on loopback")?;
    let rig = Rig::new(plan, connector)?;

    // What does not fit together would fail every case.
    if let Err(report::Fault::Failed(why) | report::Fault::NotApplicable(why)) = rig.line(&provider.origin) {
        bail!("{why}");
    }
    let trials = trials(&rig, &provider.origin).into_iter().map(|(group, name, trial)| async move {
        let started = Instant::now();
        let judged = trial.await;
        Case::new(group, name, judged, started.elapsed())
    });
    let cases: Vec<Case> = stream::iter(trials).buffered(AT_ONCE).collect().await;
    let source = rig.connector.source();
    let mut report = Report {
        connector: source.connector,
        version: source.version,
        sha256: source.digest,
        size,
        load_milliseconds,
        used: rig.used(),
        passed: 0,
        failed: 0,
        not_applicable: 0,
        cases,
    };
    report.passed = report.count(Outcome::Passed);
    report.failed = report.count(Outcome::Failed);
    report.not_applicable = report.count(Outcome::NotApplicable);
    Ok(report)
}

/// Every case, in the order of the table.
fn trials<'a>(rig: &'a Rig, origin: &'a str) -> Vec<(&'static str, &'static str, Trial<'a>)> {
    vec![
        ("receive", "a good delivery gives its events", Box::pin(inbound::good(rig, origin))),
        ("receive", "the same delivery again gives equal events", Box::pin(inbound::again(rig, origin))),
        (
            "receive",
            "the same delivery after a restart gives equal events",
            Box::pin(inbound::after_restart(rig, origin)),
        ),
        ("receive", "another order gives the same events", Box::pin(inbound::reordered(rig, origin))),
        ("receive", "batches and single items give the same events", Box::pin(inbound::batched(rig, origin))),
        ("receive", "a wrong signature is unauthenticated", Box::pin(inbound::wrong_signature(rig, origin))),
        ("receive", "a missing signature is unauthenticated", Box::pin(inbound::missing_signature(rig, origin))),
        ("receive", "an old request is not taken for a new one", Box::pin(inbound::clock_skew(rig, origin))),
        ("receive", "the provider's challenge is answered", Box::pin(inbound::challenge(rig, origin))),
        ("receive", "a challenge with a wrong token is not", Box::pin(inbound::wrong_challenge(rig, origin))),
        ("receive", "a body of 5 MiB ends in bounds", Box::pin(trouble::large_body(rig, origin))),
        ("receive", "thousands of headers end in bounds", Box::pin(trouble::many_headers(rig, origin))),
        ("receive", "an unknown kind is kept", Box::pin(trouble::unknown_kind(rig, origin))),
        ("receive", "an unknown item costs its siblings nothing", Box::pin(trouble::siblings(rig, origin))),
        ("receive", "garbage causes no collapse", Box::pin(trouble::garbage(rig, origin))),
        ("send", "no answer is uncertain", Box::pin(outbound::slow(rig))),
        ("send", "a message goes out", Box::pin(outbound::ok(rig))),
        ("send", "the longest text arrives whole", Box::pin(outbound::longest(rig))),
        ("send", "429 with Retry-After is rate-limited", Box::pin(outbound::rate_limited(rig))),
        ("send", "500 is tried again, or uncertain", Box::pin(outbound::server_error(rig))),
        ("send", "401 is about the credentials", Box::pin(outbound::credentials(rig))),
        ("send", "an answer that is cut off is uncertain", Box::pin(outbound::cut_off(rig))),
        ("send", "a connection that is cut is uncertain", Box::pin(outbound::hung_up(rig))),
        ("send", "a provider that is not there is tried again", Box::pin(outbound::unreachable(rig))),
        ("send", "an answer that is none is no success", Box::pin(outbound::unreadable(rig))),
        ("media", "a file is fetched whole", Box::pin(files::whole(rig))),
        ("media", "a file of another size or sum is refused", Box::pin(files::another(rig))),
        ("media", "a file that is gone is rejected", Box::pin(files::gone(rig))),
        ("media", "an upload is given whole and its id comes back", Box::pin(files::given(rig))),
        ("identity", "hints never collapse", Box::pin(people::hints(rig, origin))),
        ("configure", "validate accepts the test's configuration", Box::pin(people::validates(rig, origin))),
        ("configure", "check and connect never collapse", Box::pin(people::checks(rig))),
    ]
}

/// The requests that a provider would make now to deliver a file of fixtures, signed with the plan's secrets. A file that the plan
/// names is delivered as the plan says.
pub fn replay(plan: &Plan, file: &Path, content: Vec<u8>) -> Result<Vec<Request>> {
    let known = plan.inbound.iter().find(|inbound| Path::new(&inbound.file).file_name() == file.file_name());
    let (bodies, content_type) = match known {
        Some(known) => (Inbound { content, ..known.clone() }.deliveries(), known.content_type.as_str()),
        None => (vec![content], "application/json"),
    };
    let at = rig::now()?;
    let genuine = |body| Parcel { plan, body, content_type, at, skew_seconds: 0 }.genuine();
    Ok(bodies.into_iter().map(genuine).collect())
}

/// A channel of a component as the plan describes it, in these limits. Its provider is nowhere.
pub fn channel(plan: Plan, connector: &Arc<Connector>, limits: Limits) -> Result<Channel> {
    let rig = Rig::new(plan, Arc::clone(connector))?;
    rig.bind("http://127.0.0.1:1", Arc::default(), limits).map_err(|fault| match fault {
        report::Fault::Failed(why) | report::Fault::NotApplicable(why) => anyhow!(why),
    })
}
