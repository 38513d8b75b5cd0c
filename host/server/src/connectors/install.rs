//! A component becomes a generation, and a generation comes to serve.

use std::sync::Arc;

use jackfield_core::fact::{Actor, Fact, Outcome, Source};
use jackfield_core::generation::Stage;
use jackfield_core::views::operations;
use jackfield_sandbox::{Manifest, Origin};
use tokio::sync::OwnedMutexGuard;

use super::artifacts::{digest_of, is_configured};
use super::error::{Installed, LifecycleError};
use super::lifecycle::{Lifecycle, row};
use super::signature;
use super::slot::Slot;
use super::steps::{Consent, Step, about_itself};

impl Lifecycle {
    /// Installs a component as a new generation of a connector.
    ///
    /// # Errors
    /// When it could not be kept. What is wrong with the component itself is no error but the answer.
    pub async fn install(
        &self,
        name: &str,
        component: Vec<u8>,
        origin: &str,
        actor: Actor,
    ) -> Result<Installed, LifecycleError> {
        let (slot, _install) = self.alone(name).await;
        let installed = self.install_alone(&slot, component.into(), origin, actor).await;
        self.remove_unused().await;
        installed
    }

    async fn install_alone(
        &self,
        slot: &Arc<Slot>,
        component: Arc<[u8]>,
        origin: &str,
        actor: Actor,
    ) -> Result<Installed, LifecycleError> {
        let signature = signature::examine(&component, &self.config().trust);
        let distrusted = signature::refusal(&signature, &self.config().trust);
        let unfit = self.sandbox().examine(Arc::clone(&component)).await.err();
        // What is refused at first sight is never written, unless its registry would be asked for it again at the next start.
        let is_fit = distrusted.is_none() && unfit.is_none();
        let kept = match is_fit || is_configured(&self.config(), &slot.name, origin) {
            true => Some(self.keep(&component).await?),
            false => None,
        };
        let source = source(&component, digest_of(&component));
        let (connector, origin) = (slot.name.clone(), origin.to_owned());
        let staged = Fact::GenerationStaged { connector, source, signature: signature.clone(), origin };
        let generation = match self.append(actor.clone(), staged).await?.outcome {
            Outcome::Staged { generation } => generation,
            other => return Err(LifecycleError::Conflict(format!("the store answered with {other:?}"))),
        };
        drop(kept);
        let step = Step { lifecycle: self, slot, generation, actor };
        if let Some(why) = distrusted {
            return step.refuse(vec![about_itself("signature", why)]).await;
        }
        step.reach(Stage::Verified).await?;
        if let Some(error) = unfit {
            return step.refuse(vec![about_itself("component", error.to_string())]).await;
        }
        match self.sandbox().load(component).await {
            Ok(connector) => step.loaded(connector).await,
            Err(error) => step.refuse(vec![about_itself("component", error.to_string())]).await,
        }
    }

    /// Has a generation that is kept serve: one that waits for approval, or one that served before.
    ///
    /// # Errors
    /// When there is no such generation, or its component cannot be read.
    pub async fn activate(&self, name: &str, generation: u32, actor: Actor) -> Result<Installed, LifecycleError> {
        self.bring_to_serve(name, generation, Consent::AsBefore, actor).await
    }

    /// A connector in which nobody else brings a generation until the guard is dropped.
    async fn alone(&self, name: &str) -> (Arc<Slot>, OwnedMutexGuard<()>) {
        loop {
            let slot = self.channels().slot_for(name);
            let alone = Arc::clone(&slot.install).lock_owned().await;
            // One that was removed meanwhile is another one if it comes again.
            if self.channels().slot(name).is_some_and(|now| Arc::ptr_eq(&now, &slot)) {
                return (slot, alone);
            }
        }
    }

    async fn bring_to_serve(
        &self,
        name: &str,
        generation: u32,
        consent: Consent,
        actor: Actor,
    ) -> Result<Installed, LifecycleError> {
        self.versions(name)?;
        let (slot, _install) = self.alone(name).await;
        let installed = self.bring_to_serve_alone(&slot, generation, consent, actor).await;
        self.remove_unused().await;
        installed
    }

    async fn bring_to_serve_alone(
        &self,
        slot: &Arc<Slot>,
        generation: u32,
        consent: Consent,
        actor: Actor,
    ) -> Result<Installed, LifecycleError> {
        let name = slot.name.as_str();
        let versions = self.versions(name)?;
        let unknown = || LifecycleError::NoGeneration { connector: name.to_owned(), generation };
        let row = versions.get(generation).ok_or_else(unknown)?;
        if versions.active == Some(generation) {
            return Ok(Installed { generation, stage: Stage::Active, rejections: Vec::new() });
        }
        if !versions.components().any(|digest| *digest == row.source.digest) {
            return Err(LifecycleError::Conflict(format!(
                "generation {generation} was refused, and its component is not kept; bring it again"
            )));
        }
        let consent = if row.stage.has_served() { Consent::Given } else { consent };
        let step = Step { lifecycle: self, slot, generation, actor };
        let component = self.read(&row.source.digest).await?;
        if let Some(why) = self.distrusts(&component) {
            return step.refuse(vec![about_itself("signature", why)]).await;
        }
        match self.sandbox().load(component).await {
            Ok(connector) => step.approve(connector, consent).await,
            Err(error) => step.refuse(vec![about_itself("component", error.to_string())]).await,
        }
    }

    /// Grants the channels the origins that a generation waits for, and has it serve.
    ///
    /// # Errors
    /// When it does not wait for approval, or as [`Lifecycle::activate`].
    pub async fn approve(&self, name: &str, generation: u32, actor: Actor) -> Result<Installed, LifecycleError> {
        let row = row(self.store(), name, generation)?;
        if row.stage != Stage::PendingApproval {
            return Err(LifecycleError::Conflict(format!(
                "generation {generation} is {}; only one that is pending-approval can be approved",
                row.stage.word()
            )));
        }
        if !row.missing.is_empty() {
            self.come_to_channels(name, &row.source.digest, &actor).await?;
        }
        for missing in row.missing {
            let origin = missing.origin.as_deref().and_then(|text| text.parse::<Origin>().ok());
            if let (Some(origin), Some(channel)) = (origin, self.channels().get(&missing.channel)) {
                let (channel, http) = (channel.id.clone(), vec![origin.to_string()]);
                let granted = Fact::OriginsGranted { channel, http, private: Vec::new() };
                self.append_and_follow(vec![granted], actor.clone()).await?;
            }
        }
        self.bring_to_serve(name, generation, Consent::Given, actor).await
    }
}

impl Lifecycle {
    /// Has the tables say that the channels of a connector are its own where another one served them before, so that what is granted from
    /// here on is granted to it.
    async fn come_to_channels(&self, name: &str, digest: &str, actor: &Actor) -> Result<(), LifecycleError> {
        let component = self.read(digest).await?;
        // What stands in the way of the component itself is said by the next step.
        if self.distrusts(&component).is_some() {
            return Ok(());
        }
        let Ok(connector) = self.sandbox().load(component).await else { return Ok(()) };
        let mut facts = Vec::new();
        for channel in self.channels().of(name) {
            let row = operations::channel(&self.view(), &channel.id)?;
            if row.is_some_and(|row| row.source.connector != connector.manifest().id) {
                facts.extend(self.channel_set(&channel.id, name, &connector)?);
            }
        }
        self.append_and_follow(facts, actor.clone()).await
    }
}

/// How facts name a component, as far as it says so itself.
fn source(component: &[u8], digest: String) -> Source {
    let (connector, version) = match Manifest::from_component(component) {
        Ok(manifest) => (manifest.id, manifest.version),
        Err(_) => (String::new(), String::new()),
    };
    Source { connector, version, digest }
}
