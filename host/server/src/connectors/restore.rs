//! What served before a restart serves after it: the same generations, from the components that were kept.

use std::path::Path;
use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::fact::Actor;
use jackfield_core::generation::{Generation as Row, Stage, Versions};
use jackfield_core::views::operations;

use super::artifacts::digest_of;
use super::generation::{Generation, Lines};
use super::lifecycle::{Installed, Lifecycle, Obstacle, Trouble, moved};
use super::registry;
use super::slot::Slot;
use crate::config::{Code, ConnectorConfig, Reference};

impl Lifecycle {
    /// Has a connector serve again what it served, and brings the component that the configuration names if it is a new one.
    ///
    /// # Errors
    /// When the store or the disk fails. What stands in the connector's way is the answer; if it is not empty, nothing serves.
    pub async fn restore(&self, name: &str, configured: Option<&ConnectorConfig>) -> Result<Vec<Obstacle>, Trouble> {
        let slot = self.channels().slot_for(name);
        let versions = self.settle(name).await?;
        if let Some(versions) = &versions {
            let obstacles = self.serve_again(&slot, versions).await?;
            if !obstacles.is_empty() {
                return Ok(obstacles);
            }
        }
        match configured {
            Some(configured) => self.bring_configured(&slot, configured).await,
            None => Ok(Vec::new()),
        }
    }

    /// Brings the component that the configuration names if it is one that was never brought, or if nothing serves.
    pub(super) async fn bring_configured(
        &self,
        slot: &Slot,
        configured: &ConnectorConfig,
    ) -> Result<Vec<Obstacle>, Trouble> {
        let name = slot.name.as_str();
        let versions = operations::connector(&self.store().read(), name)?;
        let (component, origin, shown) = match &configured.code {
            Code::Path(path) => {
                let path = self.config().resolve(path);
                (read_file(&path).await, String::from("configuration"), path.display().to_string())
            }
            Code::Oci(reference) => {
                let (reference, origin) = (reference.get_ref(), reference.get_ref().to_string());
                let mut brought = versions.iter().flat_map(|versions| &versions.brought);
                let kept = brought.find(|(from, _)| is_from(from, reference)).map(|(_, digest)| digest);
                if kept.is_some() && slot.active().is_some() {
                    return Ok(Vec::new());
                }
                (self.kept_or_pulled(kept, reference).await, origin.clone(), origin)
            }
        };
        let component = match component {
            Ok(component) => component,
            // The one that serves was kept, so this one is not needed.
            Err(message) if slot.active().is_some() => {
                tracing::warn!(connector = name, "what serves goes on serving: {message}");
                return Ok(Vec::new());
            }
            Err(message) => return Ok(vec![Obstacle { channel: None, problem: Problem { message, code: None } }]),
        };
        let digest = digest_of(&component);
        let news = versions.is_none_or(|versions| versions.is_news(&origin, &digest));
        if !news && slot.active().is_some() {
            return Ok(Vec::new());
        }
        let Installed { stage, mut obstacles, .. } = self.install(name, component, &origin, Actor::Host).await?;
        if stage == Stage::Active || slot.active().is_some() {
            return Ok(Vec::new());
        }
        for obstacle in obstacles.iter_mut().filter(|obstacle| obstacle.channel.is_none()) {
            obstacle.problem.message = format!("{shown}: {}", obstacle.problem.message);
        }
        Ok(obstacles)
    }

    /// What a reference stands for: as it was kept if it was pulled before, so that its registry is not needed.
    async fn kept_or_pulled(&self, kept: Option<&String>, reference: &Reference) -> Result<Vec<u8>, String> {
        if let Some(digest) = kept
            && let Ok(component) = self.read(digest).await
        {
            return Ok(component);
        }
        registry::pull(&self.config(), reference).await.map_err(|error| error.to_string())
    }

    /// Ends what the stop of the host has cut off.
    async fn settle(&self, name: &str) -> Result<Option<Versions>, Trouble> {
        let Some(versions) = operations::connector(&self.store().read(), name)? else {
            return Ok(None);
        };
        for row in &versions.generations {
            let (to, problem) = match row.stage {
                Stage::Draining => (Stage::Retired, None),
                stage if stage.is_over() || matches!(stage, Stage::Active | Stage::PendingApproval) => continue,
                _ => {
                    let message = String::from("The host stopped while it was brought; bring it again.");
                    (Stage::Refused, Some(Problem { message, code: Some(String::from("interrupted")) }))
                }
            };
            let fact = moved(name, row.number, to, problem, Vec::new());
            self.store().append(Actor::Host, fact).await?;
        }
        Ok(operations::connector(&self.store().read(), name)?)
    }

    async fn serve_again(&self, slot: &Arc<Slot>, versions: &Versions) -> Result<Vec<Obstacle>, Trouble> {
        let Some(active) = versions.active() else {
            return Ok(Vec::new());
        };
        let generation = match self.load_again(slot, active, true).await? {
            Ok(generation) => generation,
            Err(obstacles) => return Ok(obstacles),
        };
        let standby = match versions.standby.and_then(|number| versions.get(number)) {
            None => None,
            Some(row) => match self.load_again(slot, row, false).await {
                Ok(Ok(generation)) => Some(generation),
                Ok(Err(_)) | Err(_) => {
                    tracing::warn!(connector = slot.name, generation = row.number, "cannot stand by any more");
                    None
                }
            },
        };
        let version = generation.source().version;
        tracing::info!(connector = slot.name, generation = generation.number, version, "a generation serves again");
        slot.publish(generation, standby);
        Ok(Vec::new())
    }

    /// Loads a generation that was kept. `serves` refuses a channel that grants it less than it asks for, unless that was revoked.
    async fn load_again(
        &self,
        slot: &Arc<Slot>,
        row: &Row,
        serves: bool,
    ) -> Result<Result<Arc<Generation>, Vec<Obstacle>>, Trouble> {
        let itself = |message: String| vec![Obstacle { channel: None, problem: Problem { message, code: None } }];
        let component = match self.read(&row.source.digest).await {
            Ok(component) => component,
            Err(error) => {
                let (number, digest) = (row.number, &row.source.digest);
                let message = format!(
                    "generation {number} ({digest}) cannot be read again: {error}. Put its file back from a backup"
                );
                return Ok(Err(itself(message)));
            }
        };
        if let Some(why) = self.distrusts(&component) {
            return Ok(Err(itself(why)));
        }
        let connector = match self.sandbox().load(component).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err(itself(error.to_string()))),
        };
        let (mut lines, mut obstacles) = (Lines::new(), Vec::new());
        for channel in self.channels().of(slot) {
            let changes = operations::grant_changes(&self.store().read(), &channel.id)?;
            let strict = serves && changes.revoked.is_empty();
            match self.join(&channel, &connector, &changes, strict) {
                Ok(line) => {
                    lines.insert(channel.id.clone(), Arc::new(line));
                }
                Err(found) => {
                    obstacles.extend(found.all().map(|problem| Obstacle { channel: Some(channel.id.clone()), problem }))
                }
            }
        }
        if serves && !obstacles.is_empty() {
            return Ok(Err(obstacles));
        }
        Ok(Ok(Arc::new(Generation::new(row.number, connector, lines))))
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let read = tokio::fs::read(path).await;
    read.map_err(|error| format!("the component {shown} cannot be read: {error}; build it, or mend `path`"))
}

/// Whether what was brought from `origin` is what a reference stands for. The digest says it, whichever registry it came from.
fn is_from(origin: &str, reference: &Reference) -> bool {
    origin.parse().is_ok_and(|origin: Reference| origin.sha256() == reference.sha256())
}
