//! Who is that? Asks a channel about the people it brought, in the background, once and then again when the answer is old.
//!
//! Asking is a convenience: when too much is to be asked, or a channel does not answer, people are asked about another time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jackfield_core::canonical;
use jackfield_core::event::Hint;
use jackfield_core::fact::{Actor, Fact, Source, StateChange};
use jackfield_core::ids::{ChannelId, IdentityId, Millis};
use jackfield_core::rows::Identity;
use jackfield_core::views::operations;
use jackfield_sandbox::{CallErrorKind, Failure};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::channels::{Answered, ChannelRuntime};
use crate::clock;
use crate::host::Host;
use crate::jobs::lane::{Ended, Lane};

/// How many questions of one channel may wait.
const QUEUE: usize = 256;

/// Of how many people it is remembered that nothing is to be asked about them now.
const REMEMBERED: usize = 16_384;

/// For how long.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// How many are asked at the same time.
const AT_ONCE: usize = 8;

/// How many of these on one channel, so that one that answers slowly leaves places for the others.
const AT_ONCE_OF_CHANNEL: usize = 2;

/// An answer is old after this many milliseconds: a week.
const OLD: u64 = 7 * 24 * 60 * 60 * 1_000;

/// A channel that does not answer is left alone for this long, and twice as long each further time.
const LEAVE_ALONE: Duration = Duration::from_secs(1);
/// At most this long.
const LEAVE_ALONE_MOST: Duration = Duration::from_secs(300);

type Question = (ChannelId, IdentityId);

/// The questions that wait, by channel. Cheap to clone; a clone is the same queue.
#[derive(Clone, Debug, Default)]
pub struct HintsQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    questions: BTreeMap<ChannelId, VecDeque<IdentityId>>,
    /// The channel that was asked last; the next one in order is the next to be asked.
    last: Option<ChannelId>,
}

impl HintsQueue {
    /// Has a channel asked about a person, unless that was done lately. Never waits: what finds no place is dropped, and comes again with
    /// the person's next message.
    pub fn ask(&self, channel: &ChannelId, who: IdentityId) {
        let mut waiting = self.lock();
        let questions = waiting.questions.entry(channel.clone()).or_default();
        if questions.len() < QUEUE && !questions.contains(&who) {
            questions.push_back(who);
            self.0.some.notify_one();
        }
    }

    /// The next question of a channel that `may` be asked now, the channels in turn.
    fn take(&self, may: impl Fn(&ChannelId) -> bool) -> Option<Question> {
        let mut waiting = self.lock();
        let Waiting { questions, last } = &mut *waiting;
        let behind = |id: &&ChannelId| last.as_ref().is_none_or(|last| *id > last);
        let next = questions.keys().filter(behind).find(|id| may(id)).or_else(|| questions.keys().find(|id| may(id)));
        let channel = next?.clone();
        let of_channel = questions.get_mut(&channel)?;
        let who = of_channel.pop_front();
        if of_channel.is_empty() {
            questions.remove(&channel);
        }
        *last = Some(channel.clone());
        Some((channel, who?))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks until the host stops. What runs then is dropped; nothing of it counts.
pub async fn run(host: Arc<Host>, queue: HintsQueue) {
    let mut fetcher = HintFetcher::default();
    let mut lane: Lane<Question, Answer> = Lane::new(AT_ONCE);
    loop {
        while lane.free() > 0
            && let Some(question) = queue.take(|id| lane.count(|(of, _)| of == id) < AT_ONCE_OF_CHANNEL)
        {
            fetcher.begin(&host, question, &mut lane);
        }
        tokio::select! {
            () = host.stop.begun() => return,
            Some(Ended { key, result }) = lane.ended() => fetcher.ended(key, result),
            () = queue.0.some.notified() => {}
        }
    }
}

#[derive(Default)]
struct HintFetcher {
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
    /// The call broke down, which says something about this question and nothing about others.
    Failed,
}

impl HintFetcher {
    fn begin(&mut self, host: &Arc<Host>, question: Question, lane: &mut Lane<Question, Answer>) {
        let (channel, who) = &question;
        let Some(runtime) = host.channels.get(channel) else {
            return;
        };
        let now = Instant::now();
        let silent = self.silent.get(channel).is_some_and(|silence| silence.until > now);
        let known = self.known.get(&question).is_some_and(|until| *until > now);
        if silent || known || lane.busy().contains(&question) || is_suspended(host, channel) {
            return;
        }
        let older_than = Millis(clock::now().0.saturating_sub(OLD));
        let Some(person) = operations::to_ask_about(&host.view(), *who, older_than).ok().flatten() else {
            self.remember(question, now);
            return;
        };
        let host = Arc::clone(host);
        lane.start(question, async move { ask(&host, &runtime, &person).await });
    }

    fn remember(&mut self, question: Question, now: Instant) {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(question, now + REMEMBERED_FOR);
    }

    fn ended(&mut self, question: Question, answer: Option<Answer>) {
        // A panic of ours is no answer.
        match answer.unwrap_or(Answer::Failed) {
            Answer::Failed => self.remember(question, Instant::now()),
            Answer::Given => {
                self.silent.remove(&question.0);
            }
            Answer::None(wait) => {
                let times = self.silent.get(&question.0).map_or(0, |silence| silence.times);
                let doubled = LEAVE_ALONE.saturating_mul(1 << times.min(16)).min(LEAVE_ALONE_MOST);
                let until = Instant::now() + wait.unwrap_or(doubled).clamp(LEAVE_ALONE, LEAVE_ALONE_MOST);
                self.silent.insert(question.0, Silence { until, times: times.saturating_add(1) });
            }
        }
    }
}

/// Whether the operator has paused the channel, or its credentials do not work.
fn is_suspended(host: &Host, channel: &ChannelId) -> bool {
    operations::channel(&host.view(), channel).is_ok_and(|row| row.is_none_or(|row| row.is_suspended()))
}

async fn ask(host: &Host, channel: &ChannelRuntime, who: &Identity) -> Answer {
    let Answered { source, ended } = channel.hints(who.identifier()).await;
    let (hints, state) = match ended {
        Ok(call) => match call.result {
            Ok(hints) => (hints, call.effects.state),
            Err(Failure::Retry { after_ms, .. } | Failure::RateLimited { after_ms, .. }) => {
                return Answer::None(after_ms.map(Duration::from_millis));
            }
            // It would say the same again, so nothing is what it has to tell.
            Err(Failure::Rejected(_) | Failure::RecipientGone(_) | Failure::Unsupported(_)) => (Vec::new(), Vec::new()),
            Err(Failure::Credentials(_) | Failure::Misconfigured(_)) => return Answer::None(None),
            Err(_) => return Answer::Failed,
        },
        Err(error) if error.kind == CallErrorKind::Busy => return Answer::None(None),
        Err(error) => {
            tracing::warn!(channel = %channel.id, kind = error.kind.as_str(), "asking who somebody is failed: {error}");
            return Answer::Failed;
        }
    };
    match learn(host, channel, who, source, hints, state).await {
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
    who: &Identity,
    source: Source,
    hints: Vec<Hint>,
    state: Vec<StateChange>,
) -> Result<(), String> {
    // The journal was gone through for a person who was erased meanwhile; what is left is the channel's state.
    if operations::is_erased(&host.view(), who.id).map_err(|e| e.to_string())? {
        if state.is_empty() {
            return Ok(());
        }
        let (channel, people, events) = (channel.id.clone(), Vec::new(), Vec::new());
        let (source, problem) = (Some(source), None);
        let rest = Fact::SendErased { channel: channel.clone(), people, source, events, state, problem };
        return host.append(Actor::Channel(channel), rest).await.map(drop).map_err(|e| e.to_string());
    }
    let fact = Fact::HintsLearnt {
        channel: channel.id.clone(),
        identity: who.identifier(),
        id: Some(who.id),
        // What is told about an address is believed no more than the address itself.
        hints: canonical::hints(hints, who.trust, &channel.context()),
        source: Some(source),
        state,
    };
    let appended = host.append(Actor::Channel(channel.id.clone()), fact).await;
    appended.map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> IdentityId {
        IdentityId::new(jackfield_core::ids::Seq(n as u64 + 1), 0)
    }

    #[test]
    fn channels_are_asked_in_turn_and_one_that_is_busy_keeps_no_other_waiting() {
        let queue = HintsQueue::default();
        let [slow, other]: [ChannelId; 2] = ["slow", "other"].map(|id| id.parse().unwrap());
        (0..2 * QUEUE).for_each(|n| queue.ask(&slow, person(n)));
        queue.ask(&other, person(0));
        queue.ask(&other, person(1));
        let mut channels = Vec::new();
        for _ in 0..3 {
            channels.push(queue.take(|_| true).unwrap().0);
        }
        assert_eq!(channels, [other.clone(), slow.clone(), other.clone()]);
        assert_eq!(queue.take(|id| *id != slow), None, "its places are taken");
        let mut left = 0;
        while queue.take(|_| true).is_some() {
            left += 1;
        }
        assert_eq!(left, QUEUE - 1, "what finds no place is dropped");
    }
}
