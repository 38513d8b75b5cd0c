//! Mistakes of the host itself: what panics is contained, and what it was about comes to a truthful end.

use std::collections::HashSet;
use std::fmt::{Debug, Write as _};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use jackfield_core::fact::Actor;
use jackfield_core::ids::Millis;
use jackfield_core::tables;
use jackfield_server::channels::ChannelRuntime;
use jackfield_server::host::Host;
use jackfield_server::jobs::supervisor;
use jackfield_server::jobs::worker::{self, Selection, Work};
use jackfield_tests::provider::Script;
use jackfield_tests::versions::taking_a_note;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::world::{CUSTOMER, World, until};

/// Takes what the host logs, and panics in its place, once for each of these. All of it is said while work goes on.
struct PanicsAt(Mutex<Vec<&'static str>>);

impl PanicsAt {
    fn install(words: &[&'static str]) {
        tracing::subscriber::set_global_default(Self(Mutex::new(words.to_vec()))).unwrap();
    }
}

impl tracing::Subscriber for PanicsAt {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let found = {
            let mut words = self.0.lock().unwrap();
            let at = words.iter().position(|word| text.0.contains(word));
            at.map(|at| words.remove(at))
        };
        if let Some(word) = found {
            panic!("on purpose, at {word}");
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_whose_end_could_not_be_recorded_for_a_panic_is_uncertain_without_a_restart() -> Result<()> {
    // The attempt, before its end is recorded, and the worker that is told of that.
    PanicsAt::install(&["came to its end", "an attempt has broken off"]);
    let world = World::start().await?;
    world.provider.next(Script::json(599, &json!({})));
    let customer = world.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    let send = format!("/v1/customers/{customer}/messages");
    let sent = world.api.post(&send, &json!({ "text": "hi" })).await?.json();
    let message = format!("/v1/messages/{}", sent["message_id"].as_str().context("an id")?);
    let delivery = async |message: &str| -> Result<Value> { Ok(world.api.read(message).await?["delivery"].clone()) };
    until("it is uncertain", async || Ok(delivery(&message).await?["state"] == "uncertain")).await?;
    let told = delivery(&message).await?.to_string();
    assert!(!told.contains("stopped"), "the host did not stop: {told}");
    // The thread goes on.
    let sent = world.api.post(&send, &json!({ "text": "again" })).await?.json();
    let message = format!("/v1/messages/{}", sent["message_id"].as_str().context("an id")?);
    until("the next one is sent", async || Ok(delivery(&message).await?["state"] == "sent")).await?;
    world.stop().await
}

static SELECTED: AtomicUsize = AtomicUsize::new(0);
static PANICKED: Notify = Notify::const_new();
static MAY_END: Semaphore = Semaphore::const_new(0);
static ENDED: AtomicBool = AtomicBool::new(false);
static WAKE: Notify = Notify::const_new();

/// Has one attempt, and makes a mistake while that runs.
struct Clumsy;

impl Work for Clumsy {
    type Item = u8;
    type Key = u8;

    const DRAINS: bool = true;

    fn wake(_: &ChannelRuntime) -> &Notify {
        &WAKE
    }

    fn held_until(&self) -> Millis {
        Millis(0)
    }

    fn select(&self, _: &HashSet<u8>, _: Millis, _: usize) -> tables::Result<Selection<u8>> {
        let due = match SELECTED.fetch_add(1, Ordering::SeqCst) {
            0 => {
                WAKE.notify_one();
                vec![1]
            }
            1 => {
                PANICKED.notify_one();
                panic!("on purpose")
            }
            _ => Vec::new(),
        };
        Ok(Selection { due, next: None })
    }

    fn key(&self, item: &u8) -> u8 {
        *item
    }

    fn attempt(&self, _: u8) -> impl Future<Output = Option<Millis>> + Send + 'static {
        let may_end = &MAY_END;
        async move {
            drop(may_end.acquire().await);
            ENDED.store(true, Ordering::SeqCst);
            None
        }
    }

    fn ended(&mut self, _: Option<Option<Millis>>) {}
}

async fn clumsy(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    worker::run(host, channel, Clumsy, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_has_begun_comes_to_its_end_though_the_worker_panics() -> Result<()> {
    let world = World::start().await?;
    let work = tokio::spawn(supervisor::one_for_each(Arc::clone(&world.host), "clumsy", clumsy));
    PANICKED.notified().await;
    MAY_END.add_permits(1);
    until("the attempt has ended", async || Ok(ENDED.load(Ordering::SeqCst))).await?;
    until("the worker works again", async || Ok(SELECTED.load(Ordering::SeqCst) > 2)).await?;
    assert_eq!(world.host.panics.count(), 1);
    world.stop().await?;
    work.await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_reactor_is_counted_and_shown_and_it_goes_on() -> Result<()> {
    PanicsAt::install(&["channel=late "]);
    let world = World::start().await?;
    let on = |what: &str| format!("/v1/connectors/versions/{what}");
    world.host.lifecycle.install("versions", taking_a_note("good-b")?, "upload", Actor::Host).await?;
    let approved = world.api.post(&on("approve"), &json!({ "generation": 2 })).await?;
    ensure!(approved.status == 201, "{}", approved.text());
    assert_eq!(world.api.read("/readyz").await?["reactor"]["panics"], 0);
    // The version that stands by cannot serve this one, which the reactor logs.
    world.configure(Some(("late", "note = \"x\"")))?;
    let reloaded = world.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["added"], json!(["late"]), "{}", reloaded.text());
    assert_eq!(world.api.read("/readyz").await?["reactor"]["panics"], 1);
    assert_eq!(world.api.read("/v1/channels/late").await?["state"], "active");
    let paused = world.api.post("/v1/channels/late/pause", &json!({})).await?;
    assert_eq!(paused.json()["state"], "paused", "{}", paused.text());
    until("it has looked again", async || Ok(world.api.read("/readyz").await?["reactor"]["to_look_at_again"] == 0))
        .await?;
    world.stop().await
}
