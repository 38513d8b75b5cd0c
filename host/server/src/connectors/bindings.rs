//! Generations and channels brought together: bound as configuration and grants are now, bound anew, lent for a single call.

use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::generation::GrantChanges;
use jackfield_core::ids::ChannelId;
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_sandbox::Connector;

use super::binding::{BindInputs, BindRejection, bind};
use super::error::{LifecycleError, Rejection};
use super::generation::{Binding, Bindings, BoundChannel, Generation};
use super::lifecycle::Lifecycle;
use super::slot::Slot;
use super::{grants, signature};
use crate::channels::{ChannelRuntime, state};

/// What becomes of a version that asks for more than is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// It is not bound.
    Refused,
    /// It is not bound, unless the operator took something back on purpose: then it does without.
    RefusedUnlessRevoked,
    /// It does without.
    Denied,
}

/// What a channel is allowed on top of the configuration, for one connector.
struct Allowed {
    changes: GrantChanges,
    /// Whether more was allowed, to the connector that serves the channel still.
    to_another: bool,
}

impl Lifecycle {
    /// What a channel is allowed when this connector serves it. What was allowed while another one did is not: the operator looked at that
    /// one's ask.
    fn allowed(&self, channel: &ChannelId, connector: &Connector) -> Result<Allowed, ReadError> {
        let view = self.store().read();
        let changes = operations::grant_changes(&view, channel)?;
        let row = operations::channel(&view, channel)?;
        Ok(match row.is_some_and(|row| row.source.connector != connector.manifest().id) {
            true => Allowed { changes: changes.without_what_was_allowed(), to_another: true },
            false => Allowed { changes, to_another: false },
        })
    }

    /// Binds a version to a channel as configuration and grants are now. A later revocation reaches the binding, whoever has it.
    ///
    /// # Errors
    /// When the grants cannot be read. The inner error is what stands in the way.
    pub(super) fn bind(
        &self,
        channel: &ChannelRuntime,
        connector: &Arc<Connector>,
        excess: Excess,
    ) -> Result<Result<Arc<BoundChannel>, BindRejection>, ReadError> {
        let config = self.config();
        loop {
            let Allowed { changes, to_another } = self.allowed(&channel.id, connector)?;
            let state = state::of(self.store(), &channel.id);
            let inputs = BindInputs {
                config: &config,
                id: &channel.id,
                channel: &channel.config,
                made: channel.made,
                changes: &changes,
                to_another,
                state,
            };
            let strict = match excess {
                Excess::Refused => true,
                Excess::RefusedUnlessRevoked => changes.revoked.is_empty(),
                Excess::Denied => false,
            };
            let bound = match bind(connector, &inputs, strict) {
                Ok(bound) => Arc::new(bound),
                Err(rejection) => return Ok(Err(rejection)),
            };
            self.issued().note(&channel.id, &bound);
            // What was taken back before it was noted is seen here; what is taken back later recalls it.
            let Allowed { changes, .. } = self.allowed(&channel.id, connector)?;
            if !bound.exceeds(&grants::effective(&channel.config.grants, &changes)) && !bound.is_revoked() {
                return Ok(Ok(bound));
            }
        }
    }

    /// What stands in the way of a version on a channel, as it would serve there.
    pub(super) fn obstacles(
        &self,
        channel: &ChannelRuntime,
        connector: &Arc<Connector>,
    ) -> Result<Vec<Rejection>, ReadError> {
        let bound = self.bind(channel, connector, Excess::RefusedUnlessRevoked)?;
        let on_channel = |problem| Rejection { channel: Some(channel.id.clone()), problem };
        Ok(bound.err().into_iter().flat_map(BindRejection::all).map(on_channel).collect())
    }

    /// Whether a generation is bound to every channel of its connector as configuration and grants are now.
    pub(super) fn is_bound_to_all(&self, slot: &Slot, generation: &Generation) -> Result<bool, ReadError> {
        for channel in self.channels().of(&slot.name) {
            let Allowed { changes, .. } = self.allowed(&channel.id, &generation.connector)?;
            let grants = grants::effective(&channel.config.grants, &changes);
            if !generation.is_bound_as(&channel.id, channel.made, &grants) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Binds a generation to a channel as configuration and grants are now, unless it is bound so. What cannot be bound is not served:
    /// a revocation must not leave the old grants in place. `active` refuses what asks for more than is granted, unless that was taken
    /// back on purpose. Called by the reactor.
    pub(crate) fn rebind(&self, generation: &Generation, channel: &ChannelRuntime, active: bool) {
        let bound = self.allowed(&channel.id, &generation.connector).and_then(|Allowed { changes, .. }| {
            let grants = grants::effective(&channel.config.grants, &changes);
            if generation.is_bound_as(&channel.id, channel.made, &grants) {
                return Ok(None);
            }
            let excess = if active { Excess::RefusedUnlessRevoked } else { Excess::Denied };
            self.bind(channel, &generation.connector, excess).map(Some)
        });
        let bound = match bound {
            Ok(None) => return,
            Ok(Some(bound)) => bound.map_err(|rejection| rejection.all().collect::<Vec<_>>()),
            Err(error) => Err(vec![Problem { message: format!("its grants cannot be read: {error}"), code: None }]),
        };
        let binding: Binding = bound.map_err(|problems| {
            let known = generation.refusal(&channel.id);
            for problem in problems.iter().filter(|problem| known.as_ref().is_none_or(|known| !known.contains(problem))) {
                let (connector, number) = (&channel.slot.name, generation.number);
                tracing::error!(channel = %channel.id, connector, generation = number, "not served: {}", problem.message);
            }
            problems.into()
        });
        generation.bind(&channel.id, binding);
    }

    /// Ends the calls of a channel that run with more than is granted now, on whichever generation. Called by the reactor.
    ///
    /// # Errors
    /// When the grants cannot be read.
    pub(crate) fn recall(&self, channel: &ChannelRuntime) -> Result<(), ReadError> {
        let changes = operations::grant_changes(&self.store().read(), &channel.id)?;
        self.issued().recall(&channel.id, &grants::effective(&channel.config.grants, &changes));
        Ok(())
    }

    /// A generation that serves or has served, loaded for one channel only where it is not loaded, to handle something again.
    ///
    /// # Errors
    /// When there is no such generation, nobody approved it, or it asks for more than the channel is granted now.
    pub(crate) async fn borrow(
        &self,
        channel: &ChannelRuntime,
        number: u32,
    ) -> Result<(Arc<Generation>, Arc<BoundChannel>), LifecycleError> {
        let name = &channel.slot.name;
        let unknown = || LifecycleError::NoGeneration { connector: name.clone(), generation: number };
        let versions = self.versions(name)?;
        let row = versions.get(number).ok_or_else(unknown)?;
        if !row.stage.has_served() {
            let stage = row.stage.word();
            return Err(LifecycleError::Conflict(format!(
                "generation {number} of {name} is {stage}, and only one that serves or has served handles anything; \
                 `jackfield connector approve {name} {number}` has one serve that is pending-approval"
            )));
        }
        if let Some(generation) = channel.slot.loaded().find(|generation| generation.number == number)
            && let Some(bound) = generation.bound(&channel.id)
        {
            return Ok((generation, bound));
        }
        let component = self.read(&row.source.digest).await?;
        if let Some(why) = self.distrusts(&component) {
            return Err(LifecycleError::Conflict(why));
        }
        let connector = self.sandbox().load(component).await.map_err(|e| LifecycleError::Conflict(e.to_string()))?;
        let bound = self.bind(channel, &connector, Excess::Refused)?.map_err(|rejection| {
            let messages: Vec<String> = rejection.all().map(|problem| problem.message).collect();
            LifecycleError::Conflict(messages.join(" "))
        })?;
        Ok((Arc::new(Generation::new(number, connector, Bindings::new())), bound))
    }

    /// Why a component that is kept is not let in any more: whom the operator trusts may have changed since it was installed.
    pub(super) fn distrusts(&self, component: &[u8]) -> Option<String> {
        let trust = &self.config().trust;
        signature::refusal(&signature::examine(component, trust), trust)
    }
}
