//! Brings the generation before back: where one fails too often, and where an operator says so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::event::Problem;
use jackfield_core::fact::Actor;
use jackfield_core::generation::{Stage, Versions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::error::{LifecycleError, Rejection, moved};
use super::generation::Generation;
use super::lifecycle::Lifecycle;
use super::slot::{Alarm, Slot};
use crate::shutdown::Stop;

/// The wait after a rollback that could not be stored. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Rolls back whatever fails too often, until the host stops. Connectors wait neither for each other nor for installations, and a rollback
/// that fails is tried again for as long as the generation serves.
pub async fn run(lifecycle: Arc<Lifecycle>, alarms: &mut mpsc::UnboundedReceiver<Alarm>, stop: Stop) {
    let (mut running, mut busy) = (JoinSet::new(), HashSet::new());
    loop {
        tokio::select! {
            () = stop.begun() => return,
            Some(alarm) = alarms.recv() => {
                if busy.insert(alarm.connector.clone()) {
                    running.spawn(until_rolled_back(Arc::clone(&lifecycle), alarm));
                }
            }
            Some(ended) = running.join_next() => match ended {
                Ok(connector) => {
                    busy.remove(&connector);
                }
                Err(error) => {
                    tracing::error!("a rollback has broken off: {error}");
                    // Which one is not known; the next strike asks again.
                    busy.clear();
                }
            },
        }
    }
}

async fn until_rolled_back(lifecycle: Arc<Lifecycle>, alarm: Alarm) -> String {
    let Alarm { connector, generation, why } = alarm;
    let why = format!("It failed where the generation before it does not. Last: {why}");
    let mut wait = FIRST_WAIT;
    while let Err(error) = lifecycle.roll_back(&connector, Some(generation), &why, Actor::Host).await {
        tracing::error!(connector, generation, "a generation that fails cannot be rolled back yet: {error}");
        if !lifecycle.can_roll_back(&connector, generation) {
            break;
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
    connector
}

impl Lifecycle {
    /// Brings the generation that stands by back, bound to every channel that is served now. `failed` is the one it is to take the place
    /// of, if only that may go. Waits for no installation.
    ///
    /// # Errors
    /// When none stands by, it cannot be loaded, or it cannot serve a channel that is served now. Nothing is changed then.
    pub async fn roll_back(
        &self,
        name: &str,
        failed: Option<u32>,
        why: &str,
        actor: Actor,
    ) -> Result<u32, LifecycleError> {
        let slot = self.channels().slot(name).ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))?;
        loop {
            let versions = self.versions(name)?;
            let active =
                versions.active.ok_or_else(|| LifecycleError::Conflict(format!("nothing of {name} serves")))?;
            if failed.is_some_and(|failed| failed != active) {
                return Ok(active);
            }
            // Loading it takes time, so nothing is held meanwhile.
            let before = self.load_standby(&slot, &versions).await?;
            let pointer = slot.pointer.lock().await;
            let now = self.versions(name)?;
            if (now.active, now.standby) != (versions.active, versions.standby) {
                continue;
            }
            let rejections = self.lost_by(&slot, &before)?;
            if !rejections.is_empty() {
                let reasons: Vec<String> = rejections.iter().map(ToString::to_string).collect();
                return Err(LifecycleError::Conflict(format!(
                    "generation {} of {name} cannot serve every channel that is served now, so generation {active} goes on: {} Mend that, \
                     or activate another generation by its number",
                    before.number,
                    reasons.join(" ")
                )));
            }
            let problem = Problem { message: why.to_owned(), code: Some(String::from("rolled_back")) };
            let gone = moved(name, active, Stage::RolledBack, Some(problem), Vec::new());
            let seq = self.append_active(&slot, &before, vec![gone], actor).await?;
            drop(pointer);
            self.reactor().reached(seq).await;
            tracing::warn!(connector = name, from = active, to = before.number, "rolled back: {why}");
            return Ok(before.number);
        }
    }

    /// Whether a generation still serves and another one stands by.
    fn can_roll_back(&self, name: &str, generation: u32) -> bool {
        self.versions(name).is_ok_and(|versions| versions.active == Some(generation) && versions.standby.is_some())
    }

    /// The generation that stands by, loaded if it is not.
    async fn load_standby(&self, slot: &Slot, versions: &Versions) -> Result<Arc<Generation>, LifecycleError> {
        let name = &slot.name;
        let none = || {
            LifecycleError::Conflict(format!("no earlier generation of {name} stands by; activate one by its number"))
        };
        let row = versions.standby.and_then(|number| versions.get(number)).ok_or_else(none)?;
        let loaded = slot.loaded().find(|generation| generation.number == row.number);
        if let Some(ready) = loaded.or_else(|| self.prepared.get(name, row.number)) {
            return Ok(ready);
        }
        let generation = self.load(name, row, false).await.map_err(LifecycleError::Conflict)?;
        self.prepared.insert(name, Arc::clone(&generation));
        Ok(generation)
    }

    /// Binds a generation to the channels of its connector; what stands in the way where another one serves the channel. What nothing else
    /// serves is not held against it.
    fn lost_by(&self, slot: &Slot, generation: &Generation) -> Result<Vec<Rejection>, LifecycleError> {
        let mut rejections = Vec::new();
        for channel in self.channels().of(&slot.name) {
            let found = self.obstacles(&channel, &generation.connector)?;
            if found.is_empty() {
                self.rebind(generation, &channel, true);
            } else if channel.serving().is_some_and(|(serving, _)| serving.number != generation.number) {
                rejections.extend(found);
            }
        }
        Ok(rejections)
    }
}
