//! What served before a restart serves after it: the same generations, from the components that were kept.

use std::path::Path;
use std::sync::Arc;

use jackfield_core::effect::Effect;
use jackfield_core::event::Problem;
use jackfield_core::fact::Actor;
use jackfield_core::generation::{Generation as Row, Stage, Versions};
use jackfield_core::views::operations;

use super::artifacts::{digest_of, is_from};
use super::bindings::Excess;
use super::error::{Installed, LifecycleError, Rejection, moved};
use super::generation::{Bindings, Generation};
use super::lifecycle::Lifecycle;
use super::registry;
use super::slot::Slot;
use super::steps::{about_itself, validate};
use crate::channels::ChannelRuntime;
use crate::config::{Code, ConnectorConfig, Reference};

impl Lifecycle {
    /// Has a connector serve again what it served, and installs the component that the configuration names if it is a new one.
    ///
    /// # Errors
    /// When the store or the disk fails. The answer is what stands in the way: of the connector, or of some of its channels.
    pub async fn restore(
        &self,
        name: &str,
        configured: Option<&ConnectorConfig>,
    ) -> Result<Vec<Rejection>, LifecycleError> {
        let slot = self.channels().slot_for(name);
        let mut rejections = Vec::new();
        if let Some(versions) = self.settle(name).await? {
            rejections = self.prepare_again(&slot, &versions).await?;
            self.reactor().look(Effect::Connector(name.to_owned())).await;
        }
        if let Some(configured) = configured {
            let found = self.install_configured(&slot, configured).await?;
            if slot.active().is_none() {
                rejections.extend(found);
            } else if rejections.iter().any(|rejection| rejection.channel.is_none()) {
                // The file that the configuration names has mended it.
                rejections.clear();
            }
        }
        Ok(rejections)
    }

    /// Installs the component that the configuration names if it is one that was never installed, or if nothing serves.
    async fn install_configured(
        &self,
        slot: &Slot,
        configured: &ConnectorConfig,
    ) -> Result<Vec<Rejection>, LifecycleError> {
        let component = match self.new_component(slot, configured).await? {
            Ok(Some(component)) => component,
            Ok(None) => return Ok(Vec::new()),
            Err(rejection) => return Ok(vec![rejection]),
        };
        if slot.active().is_none() && !component.is_new {
            // What was refused before is not installed again before it can serve, so that a host that is started again and again does not
            // fill its journal.
            let rejections = self.examine(&component, &self.channels().of(&slot.name)).await?;
            if !rejections.is_empty() {
                return Ok(rejections);
            }
        }
        self.install_component(slot, component).await
    }

    /// Installs a component that the configuration names. What stands in the way is the answer, unless another generation serves.
    pub(super) async fn install_component(
        &self,
        slot: &Slot,
        component: NewComponent,
    ) -> Result<Vec<Rejection>, LifecycleError> {
        let NewComponent { bytes, origin, shown, .. } = component;
        let Installed { stage, rejections, .. } = self.install(&slot.name, bytes, &origin, Actor::Host).await?;
        if stage == Stage::Active || slot.active().is_some() {
            return Ok(Vec::new());
        }
        Ok(named(rejections, &shown))
    }

    /// The component that the configuration names, if it is one that was never installed, or if nothing serves. The inner error says why
    /// it cannot be had.
    pub(super) async fn new_component(
        &self,
        slot: &Slot,
        configured: &ConnectorConfig,
    ) -> Result<Result<Option<NewComponent>, Rejection>, LifecycleError> {
        let name = slot.name.as_str();
        let versions = operations::connector(&self.store().read(), name)?;
        let (component, origin, shown) = match &configured.code {
            Code::Path(path) => {
                let path = self.config().resolve(path);
                (read_file(&path).await, String::from("configuration"), path.display().to_string())
            }
            Code::Oci(reference) => {
                let (reference, origin) = (reference.get_ref(), reference.get_ref().to_string());
                let mut installed = versions.iter().flat_map(|versions| &versions.brought);
                let kept = installed.find(|(from, _)| is_from(from, reference)).map(|(_, digest)| digest);
                if kept.is_some() && slot.active().is_some() {
                    return Ok(Ok(None));
                }
                (self.kept_or_pulled(kept, reference).await, origin.clone(), origin)
            }
        };
        let bytes = match component {
            Ok(bytes) => bytes,
            // The one that serves was kept, so this one is not needed.
            Err(message) if slot.active().is_some() => {
                tracing::warn!(connector = name, "what serves goes on serving: {message}");
                return Ok(Ok(None));
            }
            Err(message) => return Ok(Err(Rejection { channel: None, problem: Problem { message, code: None } })),
        };
        let digest = digest_of(&bytes);
        let is_new = versions.is_none_or(|versions| versions.is_news(&origin, &digest));
        if !is_new && slot.active().is_some() {
            return Ok(Ok(None));
        }
        Ok(Ok(Some(NewComponent { bytes, origin, shown, is_new })))
    }

    /// Everything that stands in the way of a component and these channels. Appends nothing.
    pub(super) async fn examine(
        &self,
        component: &NewComponent,
        channels: &[Arc<ChannelRuntime>],
    ) -> Result<Vec<Rejection>, LifecycleError> {
        let about_it = |code: &str, why: String| Ok(named(vec![about_itself(code, why)], &component.shown));
        if let Some(why) = self.distrusts(&component.bytes) {
            return about_it("signature", why);
        }
        let connector = match self.sandbox().load(component.bytes.clone()).await {
            Ok(connector) => connector,
            Err(error) => return about_it("component", error.to_string()),
        };
        let mut rejections = Vec::new();
        for channel in channels {
            let problems: Vec<Problem> = match self.bind(channel, &connector, Excess::Refused)? {
                Ok(bound) => validate(channel, &bound).await,
                Err(rejection) => rejection.all().collect(),
            };
            let on_channel = |problem| Rejection { channel: Some(channel.id.clone()), problem };
            rejections.extend(problems.into_iter().map(on_channel));
        }
        Ok(rejections)
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
    async fn settle(&self, name: &str) -> Result<Option<Versions>, LifecycleError> {
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

    /// Loads what served before. What stands in the way of the generation that serves, or of its channels, is the answer.
    async fn prepare_again(&self, slot: &Arc<Slot>, versions: &Versions) -> Result<Vec<Rejection>, LifecycleError> {
        let mut rejections = Vec::new();
        if let Some(row) = versions.active() {
            match self.load(&slot.name, row, true).await {
                Ok(generation) => {
                    let version = generation.source().version;
                    tracing::info!(
                        connector = slot.name,
                        generation = row.number,
                        version,
                        "a generation serves again"
                    );
                    for channel in self.channels().of(&slot.name) {
                        let problems = generation.refusal(&channel.id).into_iter().flat_map(|all| all.to_vec());
                        rejections
                            .extend(problems.map(|problem| Rejection { channel: Some(channel.id.clone()), problem }));
                    }
                    self.prepared.insert(&slot.name, generation);
                }
                Err(why) => {
                    slot.set_problem(Some(why.clone()));
                    rejections.push(about_itself("component", why));
                }
            }
        }
        if let Some(row) = versions.standby.and_then(|number| versions.get(number)) {
            match self.load(&slot.name, row, false).await {
                Ok(generation) => self.prepared.insert(&slot.name, generation),
                Err(why) => {
                    tracing::warn!(connector = slot.name, generation = row.number, "cannot stand by any more: {why}");
                }
            }
        }
        Ok(rejections)
    }

    /// Loads a generation that was kept, and binds it to every channel that uses it. `active` as for [`Lifecycle::rebind`].
    ///
    /// # Errors
    /// Why it cannot be loaded, in a sentence.
    pub(crate) async fn load(&self, name: &str, row: &Row, active: bool) -> Result<Arc<Generation>, String> {
        let component = self.read(&row.source.digest).await.map_err(|error| {
            let (number, digest) = (row.number, &row.source.digest);
            format!("generation {number} ({digest}) cannot be read again: {error}. Put its file back from a backup")
        })?;
        if let Some(why) = self.distrusts(&component) {
            return Err(why);
        }
        let connector = self.sandbox().load(component).await.map_err(|error| error.to_string())?;
        let generation = Arc::new(Generation::new(row.number, connector, Bindings::new()));
        for channel in self.channels().of(name) {
            self.rebind(&generation, &channel, active);
        }
        Ok(generation)
    }
}

/// A component that the configuration names and that is to be installed.
pub(super) struct NewComponent {
    bytes: Vec<u8>,
    origin: String,
    /// The place it came from, for people.
    shown: String,
    /// Whether it was never installed.
    is_new: bool,
}

/// The rejections with the place that the component came from, where they are about the component.
fn named(mut rejections: Vec<Rejection>, shown: &str) -> Vec<Rejection> {
    for rejection in rejections.iter_mut().filter(|rejection| rejection.channel.is_none()) {
        rejection.problem.message = format!("{shown}: {}", rejection.problem.message);
    }
    rejections
}

async fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let read = tokio::fs::read(path).await;
    read.map_err(|error| format!("the component {shown} cannot be read: {error}; build it, or mend `path`"))
}
