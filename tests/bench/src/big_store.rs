//! A host's folder with a million messages of some twenty thousand customers, a few of whom write most of them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jackfield_core::canonical;
use jackfield_core::fact::{Actor, Fact, Source};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_store::{Options, Store};
use jackfield_tests::host::{Home, WHATSAPP};
use jackfield_tests::webhooks::{meta, now_seconds, whatsapp_value};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{Scale, native, say, shots, webhooks};

/// Facts that are handed in together. Far more than HTTP ever brings; this is a bulk load.
const GROUP: usize = 2_048;
/// Groups on their way at once.
const AT_ONCE: usize = 4;
/// Between two messages of the past.
const SECONDS_BETWEEN: u64 = 20;
/// What is written into the folder when all of it is there.
const MARK: &str = "messages";

/// The folder.
pub struct BigStore {
    /// A host can be started in it.
    pub home: Home,
    /// How many messages are in it.
    pub messages: usize,
    customers: usize,
    _temporary: Option<tempfile::TempDir>,
}

impl BigStore {
    /// Builds it, unless it is in `folder` already.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn make(folder: Option<&Path>, scale: Scale) -> Result<Self> {
        let (messages, customers) = scale.pick((1_000_000, 20_000), (20_000, 1_000));
        let temporary = if folder.is_none() { Some(tempfile::tempdir()?) } else { None };
        let folder: PathBuf = match (folder, &temporary) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        std::fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let home = Home::at(folder.clone(), &webhooks::setup()?).await?;
        let mark = folder.join(MARK);
        let built = std::fs::read_to_string(&mark).unwrap_or_default();
        if built != messages.to_string() {
            ensure!(built.is_empty(), "{} holds a store of {built} messages", folder.display());
            // The host writes down which channel this is.
            home.start().await?.stop().await?;
            build(&folder.join("data"), messages, customers).await?;
            std::fs::write(&mark, messages.to_string())?;
        }
        Ok(Self { home, messages, customers, _temporary: temporary })
    }

    /// The numbers of customers: half of them any customer, half of them whoever wrote any message.
    #[must_use]
    pub fn phones(&self, count: usize) -> Vec<String> {
        let mut dice = Dice(42);
        let someone = |index: usize| match index % 2 {
            0 => dice.below(self.customers),
            _ => dice.skewed(self.customers),
        };
        (0..count).map(someone).map(|index| format!("phone:+{}", shots::sender(index))).collect()
    }
}

async fn build(data: &Path, messages: usize, customers: usize) -> Result<()> {
    let began = Instant::now();
    let options = Options { group_facts: GROUP, ..Options::default() };
    let data = data.to_owned();
    let opened = tokio::task::spawn_blocking(move || jackfield_store::open(&data, &options, &mut |_| {})).await?;
    let store = opened?;
    let writer = Writer::new(&store)?;
    let first = now_seconds().saturating_sub(messages as u64 * SECONDS_BETWEEN);
    let (mut dice, mut told) = (Dice(1), Instant::now());
    let mut running = JoinSet::new();
    for start in (0..messages).step_by(GROUP) {
        if running.len() == AT_ONCE {
            running.join_next().await.context("some run")???;
        }
        let numbers = start..messages.min(start + GROUP);
        // Everybody once, then mostly the few.
        let who = |number: usize, dice: &mut Dice| {
            if number < customers { number } else { dice.skewed(customers) }
        };
        let facts = numbers.map(|n| writer.fact(n, who(n, &mut dice), first + n as u64 * SECONDS_BETWEEN));
        let (facts, store) = (facts.collect::<Result<Vec<_>>>()?, store.clone());
        running.spawn(async move { store.append_all(facts).await.map(drop) });
        if told.elapsed().as_secs() >= 10 {
            say(&format!("  {start} of {messages} messages are stored"));
            told = Instant::now();
        }
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    ensure!(store.applied().0 >= messages as u64, "every fact is applied");
    store.close().await?;
    say(&format!("  a store of {messages} messages of {customers} customers, in {} s", began.elapsed().as_secs()));
    Ok(())
}

/// Makes facts exactly as the ingress does, without the sandbox.
struct Writer {
    channel: ChannelId,
    source: Source,
    context: canonical::Context,
}

impl Writer {
    fn new(store: &Store) -> Result<Self> {
        let channel: ChannelId = WHATSAPP.parse()?;
        let row = operations::channel(&store.read(), &channel)?.context("the host has announced its channel")?;
        let context = canonical::Context { channel: channel.clone(), region: Some("ID".to_owned()) };
        Ok(Self { channel, source: row.source, context })
    }

    fn fact(&self, number: usize, who: usize, at: u64) -> Result<(Actor, Fact)> {
        let from = shots::sender(who);
        let text = format!(
            "Message {number}: is the {} that I asked about on Monday still there, and what would it cost to have it \
            brought to me by Friday?",
            ["laptop", "phone", "desk", "lamp", "printer", "chair", "cable"][number % 7]
        );
        let message = json!({ "from": from, "id": format!("wamid.{number:016}"), "timestamp": at.to_string(), "type": "text",
            "text": { "body": text } });
        let contact = json!({ "profile": { "name": format!("Customer {who}") }, "wa_id": from });
        let webhook = meta(&whatsapp_value(json!({ "contacts": [contact], "messages": [message] })));
        let received = native::receive(native::request(&webhook)?)?.result.ok().context("a message")?;
        let fact = Fact::Received {
            channel: self.channel.clone(),
            source: self.source.clone(),
            events: canonical::events(received.events, &self.context),
            state: Vec::new(),
            unreadable: Vec::new(),
        };
        Ok((Actor::Channel(self.channel.clone()), fact))
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[allow(clippy::cast_precision_loss, reason = "a fraction needs no more digits")]
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    fn place(fraction: f64, count: usize) -> usize {
        ((fraction * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Any.
    fn below(&mut self, count: usize) -> usize {
        Self::place(self.fraction(), count)
    }

    /// The first ones much more often than the last: the busiest of 20,000 customers writes 4 % of all messages.
    fn skewed(&mut self, count: usize) -> usize {
        Self::place(self.fraction().powi(3), count)
    }
}
