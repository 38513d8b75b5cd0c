//! Who is that? Asks a channel about the people it brought, in the background, once and then again when the answer is old.
//!
//! Asking is a convenience: when too much is to be asked, or a channel does not answer, people are asked about another time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::canonical;
use jackfield_core::event::{Hint, Identifier, Trust};
use jackfield_core::fact::{Actor, Fact, StateChange};
use jackfield_core::ids::{ChannelId, IdentityId, Millis};
use jackfield_core::keys;
use jackfield_core::rows::{self, Identity};
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_sandbox::{CallErrorKind, Failure};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;

/// How many questions may wait.
const QUEUE: usize = 1024;

/// Of how many people it is remembered that nothing is to be asked about them now.
const REMEMBERED: usize = 16_384;

/// For how long.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// How many are asked at the same time.
const AT_ONCE: usize = 4;

/// An answer is old after this many milliseconds: a week.
const OLD: u64 = 7 * 24 * 60 * 60 * 1_000;

/// A channel that does not answer is left alone for this long, and twice as long each further time.
const LEAVE_ALONE: Duration = Duration::from_secs(1);
/// At most this long.
const LEAVE_ALONE_MOST: Duration = Duration::from_secs(300);

type Question = (ChannelId, Identifier);

/// Where questions are put.
#[derive(Clone, Debug)]
pub struct HintsQueue(mpsc::Sender<Question>);

/// Where they are taken from.
#[derive(Debug)]
pub struct HintsInbox(mpsc::Receiver<Question>);

/// A new queue.
#[must_use]
pub fn queue() -> (HintsQueue, HintsInbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (HintsQueue(sender), HintsInbox(receiver))
}

impl HintsQueue {
    /// Has a channel asked about people, unless that was done lately. Never waits: what finds no place is dropped, and comes again with
    /// the person's next message.
    pub fn ask(&self, channel: &ChannelId, people: Vec<Identifier>) {
        for identifier in people {
            if self.0.try_send((channel.clone(), identifier)).is_err() {
                return;
            }
        }
    }
}

/// Asks until the host stops. What runs then is dropped; nothing of it counts.
pub async fn run(host: Arc<Host>, mut inbox: HintsInbox) {
    let mut desk = Desk::default();
    loop {
        tokio::select! {
            () = host.stop.begun() => return,
            Some(ended) = desk.running.join_next() => desk.ended(ended),
            question = inbox.0.recv(), if desk.running.len() < AT_ONCE => match question {
                Some(question) => desk.begin(&host, question),
                None => return,
            },
        }
    }
}

#[derive(Default)]
struct Desk {
    running: JoinSet<(Question, Answer)>,
    asked: HashSet<Question>,
    /// Whom nothing is to be asked about, and until when that is believed without looking.
    known: HashMap<Question, Instant>,
    silent: HashMap<ChannelId, Silence>,
}

/// A channel that did not answer.
struct Silence {
    until: Instant,
    times: u32,
}

/// What became of a question.
enum Answer {
    Given,
    /// Not now; the channel may have said how long to wait.
    None(Option<Duration>),
}

impl Desk {
    fn begin(&mut self, host: &Arc<Host>, question: Question) {
        let (channel, identifier) = &question;
        let Some(runtime) = host.channels.get(channel) else {
            return;
        };
        let now = Instant::now();
        let silent = self.silent.get(channel).is_some_and(|silence| silence.until > now);
        let known = self.known.get(&question).is_some_and(|until| *until > now);
        if silent || known || self.asked.contains(&question) {
            return;
        }
        if !wanted(host, identifier) {
            self.remember(question, now);
            return;
        }
        self.asked.insert(question.clone());
        let host = Arc::clone(host);
        self.running.spawn(async move {
            let answer = ask(&host, &runtime, &question.1).await;
            (question, answer)
        });
    }

    fn remember(&mut self, question: Question, now: Instant) {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(question, now + REMEMBERED_FOR);
    }

    fn ended(&mut self, ended: Result<(Question, Answer), tokio::task::JoinError>) {
        let Ok((question, answer)) = ended else {
            // A panic of ours, which is logged. Which question it was is not known, so all may be asked again.
            self.asked.clear();
            return;
        };
        self.asked.remove(&question);
        match answer {
            Answer::Given => {
                self.silent.remove(&question.0);
            }
            Answer::None(wait) => {
                let times = self.silent.get(&question.0).map_or(0, |silence| silence.times);
                let doubled = LEAVE_ALONE.saturating_mul(1 << times.min(16)).min(LEAVE_ALONE_MOST);
                let until = Instant::now() + wait.unwrap_or(doubled).min(LEAVE_ALONE_MOST);
                self.silent.insert(question.0, Silence { until, times: times + 1 });
            }
        }
    }
}

fn wanted(host: &Host, identifier: &Identifier) -> bool {
    let older_than = Millis(clock::now().0.saturating_sub(OLD));
    operations::wants_hints(&host.view(), identifier, older_than).unwrap_or(false)
}

async fn ask(host: &Host, channel: &ChannelRuntime, who: &Identifier) -> Answer {
    let (hints, state) = match channel.hints(who.clone()).await {
        Ok(call) => match call.result {
            Ok(hints) => (hints, call.effects.state),
            Err(Failure::Retry { after_ms, .. } | Failure::RateLimited { after_ms, .. }) => {
                return Answer::None(after_ms.map(Duration::from_millis));
            }
            // It would say the same again, so nothing is what it has to tell.
            Err(_) => (Vec::new(), Vec::new()),
        },
        Err(error) if error.kind == CallErrorKind::Busy => return Answer::None(None),
        Err(error) => {
            tracing::warn!(channel = %channel.id, kind = error.kind.as_str(), "asking who somebody is failed: {error}");
            (Vec::new(), Vec::new())
        }
    };
    match learn(host, channel, who, hints, state).await {
        Ok(()) => Answer::Given,
        Err(error) => {
            tracing::warn!(channel = %channel.id, "what a channel told about somebody could not be stored: {error}");
            Answer::None(None)
        }
    }
}

async fn learn(
    host: &Host,
    channel: &ChannelRuntime,
    who: &Identifier,
    hints: Vec<Hint>,
    state: Vec<StateChange>,
) -> Result<(), String> {
    // What is told about an address is believed no more than the address itself.
    let at_most = trust(host, who).map_err(|e| e.to_string())?;
    let fact = Fact::HintsLearnt {
        channel: channel.id.clone(),
        identity: who.clone(),
        hints: canonical::hints(hints, at_most, &channel.context()),
        state,
    };
    let appended = host.append(Actor::Channel(channel.id.clone()), fact).await;
    appended.map(drop).map_err(|e| e.to_string())
}

fn trust(host: &Host, who: &Identifier) -> tables::Result<Trust> {
    let view = host.view();
    let Some(id) = rows::get::<IdentityId>(&view, &keys::identity_by_key(who))? else {
        return Ok(Trust::Inferred);
    };
    Ok(rows::need::<Identity>(&view, &keys::identity(id))?.trust)
}
