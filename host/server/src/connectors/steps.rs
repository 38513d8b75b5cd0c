//! A generation on its way, step by step; each step is a fact before the next begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_core::ask::{Ask, Change, Difference};
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Source};
use jackfield_core::generation::{Missing, Stage};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{Call, CallError, CallErrorKind, Connector, Failure, Request};

use super::bindings::Excess;
use super::error::{Installed, LifecycleError, Rejection, moved};
use super::generation::{Bindings, BoundChannel, Generation};
use super::lifecycle::{Lifecycle, Published};
use super::slot::Slot;
use crate::channels::ChannelRuntime;
use crate::clock;

/// Whether an operator has seen what a generation asks for and agreed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Just now.
    Given,
    /// No more than was approved before may be asked for.
    AsBefore,
}

/// The channels that a generation is bound to, what it is not granted, and what else stands in its way.
type BoundToAll = (BTreeMap<ChannelId, Arc<BoundChannel>>, Vec<Missing>, Vec<Rejection>);

/// A generation on its way.
pub(super) struct Step<'a> {
    pub(super) lifecycle: &'a Lifecycle,
    pub(super) slot: &'a Arc<Slot>,
    pub(super) generation: u32,
    pub(super) actor: Actor,
}

impl Step<'_> {
    pub(super) async fn reach(&self, stage: Stage) -> Result<(), LifecycleError> {
        self.say(stage, None, Vec::new()).await
    }

    async fn say(&self, stage: Stage, problem: Option<Problem>, missing: Vec<Missing>) -> Result<(), LifecycleError> {
        let fact = moved(&self.slot.name, self.generation, stage, problem, missing);
        self.lifecycle.append(self.actor.clone(), fact).await?;
        Ok(())
    }

    pub(super) async fn refuse(&self, rejections: Vec<Rejection>) -> Result<Installed, LifecycleError> {
        let reasons: Vec<String> = rejections.iter().map(ToString::to_string).collect();
        let code = rejections.first().and_then(|o| o.problem.code.clone());
        let message = reasons.join(" ");
        tracing::warn!(connector = self.slot.name, generation = self.generation, "refused: {message}");
        self.say(Stage::Refused, Some(Problem { message, code }), Vec::new()).await?;
        Ok(Installed { generation: self.generation, stage: Stage::Refused, rejections })
    }

    /// It is machine code, of the right type, and has survived its trial start.
    pub(super) async fn loaded(&self, connector: Arc<Connector>) -> Result<Installed, LifecycleError> {
        self.reach(Stage::Compiled).await?;
        if let Some(why) = self.is_another(&connector)? {
            return self.refuse(vec![why]).await;
        }
        self.reach(Stage::Checked).await?;
        self.approve(connector, Consent::AsBefore).await
    }

    /// Why it cannot serve under this name, if what serves there, or served last, is another connector: people are kept apart by the name,
    /// also while what serves cannot be loaded, and after the connector was taken out.
    fn is_another(&self, connector: &Connector) -> Result<Option<Rejection>, LifecycleError> {
        let (name, versions) = (&self.slot.name, self.lifecycle.versions(&self.slot.name)?);
        let served = match versions.serves_or_served() {
            Some(row) => Some(row.source.connector.clone()),
            None => operations::former_connector(&self.lifecycle.view(), name)?,
        };
        let is = connector.source().connector;
        Ok(served.filter(|served| *served != is).map(|served| {
            let message = format!(
                "This is the connector {is}, and {name} is, or was, {served}, whose people are kept under that name. Bring it under another \
                 name."
            );
            about_itself("another_connector", message)
        }))
    }

    /// It serves if everything that it asks for is approved and granted, and waits otherwise.
    pub(super) async fn approve(
        &self,
        connector: Arc<Connector>,
        consent: Consent,
    ) -> Result<Installed, LifecycleError> {
        // Something else may have come to serve since it was looked at last.
        if let Some(why) = self.is_another(&connector)? {
            return self.refuse(vec![why]).await;
        }
        let ask = connector.ask();
        let differences = match consent {
            Consent::Given => Vec::new(),
            Consent::AsBefore => self.beyond_what_was_approved(&ask)?,
        };
        // Again where channels or grants change while it is probed.
        loop {
            let (bound, missing, rejections) = self.bind_all(&connector)?;
            if !rejections.is_empty() {
                return self.refuse(rejections).await;
            }
            if !missing.is_empty() || !differences.is_empty() {
                return self.wait_for(missing, differences).await;
            }
            self.approved(ask.clone()).await?;
            self.reach(Stage::Probing).await?;
            let found = self.probe(&bound).await;
            if !found.is_empty() {
                return self.refuse(found).await;
            }
            let bindings: Bindings = bound.into_iter().map(|(id, bound)| (id, Ok(bound))).collect();
            let generation = Arc::new(Generation::new(self.generation, Arc::clone(&connector), bindings));
            if self.lifecycle.publish(self.slot, generation, self.actor.clone()).await? == Published::Serves {
                break;
            }
        }
        let Source { version, digest, .. } = connector.source();
        tracing::info!(
            connector = self.slot.name,
            generation = self.generation,
            version,
            digest,
            "a generation serves"
        );
        Ok(Installed { generation: self.generation, stage: Stage::Active, rejections: Vec::new() })
    }

    /// Binds it to every channel of the connector: what came of that, what is not granted, and what is wrong besides.
    fn bind_all(&self, connector: &Arc<Connector>) -> Result<BoundToAll, LifecycleError> {
        let (mut bound, mut missing, mut rejections) = (BTreeMap::new(), Vec::new(), Vec::new());
        for channel in self.lifecycle.channels().of(&self.slot.name) {
            match self.lifecycle.bind(&channel, connector, Excess::Refused)? {
                Ok(one) => {
                    bound.insert(channel.id.clone(), one);
                }
                Err(in_the_way) => {
                    missing.extend(in_the_way.missing);
                    let wrong = in_the_way.problems.into_iter();
                    rejections.extend(wrong.map(|problem| Rejection { channel: Some(channel.id.clone()), problem }));
                }
            }
        }
        Ok((bound, missing, rejections))
    }

    /// How an ask differs from the one that was approved for this generation, or for the one that serves. Nothing if it is within that, or
    /// if there is none: the first version of a connector is approved by the configuration that names it.
    fn beyond_what_was_approved(&self, ask: &Ask) -> Result<Vec<Difference>, LifecycleError> {
        let versions = self.lifecycle.versions(&self.slot.name)?;
        let own = versions.get(self.generation).and_then(|row| row.approved.clone());
        let serving = || self.slot.active().map(|active| active.connector.ask());
        let last = || versions.generations.iter().rev().find_map(|row| row.approved.clone());
        // What was approved once was approved with its signature.
        let row = versions.get(self.generation).filter(|row| row.approved.is_none());
        let downgrade = row.and_then(|row| versions.downgrade(&row.signature));
        let approved = own.or_else(serving).or_else(last);
        let beyond = approved.filter(|approved| downgrade.is_some() || !ask.is_within(approved));
        let mut differences = beyond.map(|approved| ask.differences(&approved)).unwrap_or_default();
        let downgrade = downgrade.map(|sentence| Difference { change: Change::NewlyAsks, sentence });
        differences.splice(0..0, downgrade);
        Ok(differences)
    }

    async fn approved(&self, ask: Ask) -> Result<(), LifecycleError> {
        let mut fact = moved(&self.slot.name, self.generation, Stage::Approved, None, Vec::new());
        if let Fact::GenerationMoved { approved, .. } = &mut fact {
            *approved = Some(ask);
        }
        self.lifecycle.append(self.actor.clone(), fact).await?;
        Ok(())
    }

    async fn wait_for(&self, missing: Vec<Missing>, different: Vec<Difference>) -> Result<Installed, LifecycleError> {
        let mut rejections: Vec<Rejection> = missing.iter().map(Rejection::from).collect();
        let newly = different.iter().filter(|difference| difference.change == Change::NewlyAsks);
        rejections.extend(newly.map(|difference| {
            about_itself("newly_asks", format!("It newly asks {}; approve it if it may.", difference.sentence))
        }));
        tracing::warn!(
            connector = self.slot.name,
            generation = self.generation,
            "waits for approval: {}",
            rejections.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        );
        let mut fact = moved(&self.slot.name, self.generation, Stage::PendingApproval, None, missing);
        if let Fact::GenerationMoved { differences, .. } = &mut fact {
            *differences = different;
        }
        self.lifecycle.append(self.actor.clone(), fact).await?;
        Ok(Installed { generation: self.generation, stage: Stage::PendingApproval, rejections })
    }

    /// Asks every channel whether it works with this generation. What the one that serves cannot do either is not held against it.
    async fn probe(&self, bound: &BTreeMap<ChannelId, Arc<BoundChannel>>) -> Vec<Rejection> {
        let mut rejections = Vec::new();
        for channel in self.lifecycle.channels().of(&self.slot.name) {
            if let Some(bound) = bound.get(&channel.id) {
                let found = self.probe_channel(&channel, bound).await;
                rejections
                    .extend(found.into_iter().map(|problem| Rejection { channel: Some(channel.id.clone()), problem }));
            }
        }
        rejections
    }

    async fn probe_channel(&self, channel: &ChannelRuntime, bound: &BoundChannel) -> Vec<Problem> {
        let problems = validate(channel, bound).await;
        if !problems.is_empty() {
            return problems;
        }
        // At the first start there is nothing to fall back on, and a provider that is away must not keep the host from starting.
        let Some((_, serving)) = channel.serving() else {
            return Vec::new();
        };
        if let Err(error) = bound.unless_revoked(bound.channel.receive(smoke_request(channel))).await
            && !matches!(error.kind, CallErrorKind::Busy | CallErrorKind::Unverified)
        {
            return vec![fault("it fails at an empty request", &error)];
        }
        match bound.unless_revoked(bound.channel.check()).await {
            Ok(Call { result: Ok(_) | Err(Failure::Unsupported(_)), .. }) => Vec::new(),
            Err(error) if error.kind == CallErrorKind::Busy => Vec::new(),
            Err(error) => vec![fault("it cannot check the channel", &error)],
            Ok(Call { result: Err(failure), .. }) => match serving.unless_revoked(serving.channel.check()).await {
                Ok(Call { result: Ok(_), .. }) => vec![failure.problem().clone()],
                _ => Vec::new(),
            },
        }
    }
}

/// What the connector finds wrong with the channel's section of the configuration.
pub(super) async fn validate(channel: &ChannelRuntime, bound: &BoundChannel) -> Vec<Problem> {
    match bound.channel.validate(&channel.config.config).await {
        Ok(Call { result: Ok(problems), .. }) => problems,
        Ok(Call { result: Err(failure), .. }) => vec![failure.problem().clone()],
        Err(error) => vec![fault("the connector could not check the configuration", &error)],
    }
}

pub(super) fn about_itself(code: &str, message: String) -> Rejection {
    Rejection { channel: None, problem: Problem { message, code: Some(code.to_owned()) } }
}

fn fault(what: &str, error: &CallError) -> Problem {
    Problem { message: format!("{what}: {}", error.message), code: Some(error.kind.as_str().to_owned()) }
}

/// A request that nobody signed: the least that a connector has to survive.
fn smoke_request(channel: &ChannelRuntime) -> Request {
    Request {
        method: String::from("GET"),
        url: channel.hook_url.clone(),
        headers: Vec::new(),
        body: Vec::new(),
        received_at: clock::now(),
    }
}
