//! Components out of registries (OCI distribution), by digest.
//!
//! A registry is asked only if the configuration has a section for it. What it answers is believed only for its digest: the reference
//! has that of the manifest, the manifest that of the component. A component is bounded while it comes, and all of it in time.
//!
//! What a registry says in words gets into no error and no log: it may repeat what it was sent, or come from where it redirects to.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use jackfield_core::fact::Actor;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciManifest, WASM_LAYER_MEDIA_TYPE,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};

use super::COMPONENT_BYTES;
use super::artifacts::digest_of;
use super::error::{Installed, LifecycleError, PullError};
use super::lifecycle::Lifecycle;
use crate::config::{Config, Reference, RegistryConfig, sha256_of};

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(90);

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The manifests that are taken, and those that are only taken to be told apart.
const MANIFESTS: [&str; 4] =
    [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

/// How a layer that is a component calls itself; the second name is the older one.
const COMPONENTS: [&str; 2] = ["application/wasm", WASM_LAYER_MEDIA_TYPE];

/// What is to lie in a registry.
const EXPECTED: &str = "A component is a manifest with exactly one layer, of the type application/wasm, as `wkg oci push` and \
                        `oras push` make it";

impl Lifecycle {
    /// Pulls a component and brings it as [`Lifecycle::install`] does.
    ///
    /// # Errors
    /// When it could not be pulled or kept.
    pub async fn pull(&self, name: &str, reference: &Reference, actor: Actor) -> Result<Installed, LifecycleError> {
        let component = pull(&self.config(), reference).await.inspect_err(|error| {
            tracing::warn!(connector = name, %reference, "nothing was pulled: {error}");
        })?;
        self.install(name, component, &reference.to_string(), actor).await
    }
}

/// Pulls a component.
///
/// # Errors
/// Why nothing was pulled, with the remedy.
pub(super) async fn pull(config: &Config, reference: &Reference) -> Result<Vec<u8>, PullError> {
    within(TIME, config, reference).await
}

async fn within(time: Duration, config: &Config, reference: &Reference) -> Result<Vec<u8>, PullError> {
    let name = reference.registry();
    let registry = config.registries.get(name).ok_or_else(|| not_asked(name))?;
    let pull = Pull { reference, auth: auth(config, name, registry)? };
    let client = client(registry.insecure).await?;
    // The client panics at a token that no header can hold.
    let pulled = AssertUnwindSafe(pull.run(&client)).catch_unwind();
    let pulled = tokio::time::timeout(time, pulled).await.map_err(|_| too_slow(name, time))?;
    let component = pulled.unwrap_or_else(|_| Err(no_registry(name)))?;
    tracing::info!(%reference, bytes = component.len(), "pulled");
    Ok(component)
}

fn not_asked(name: &str) -> PullError {
    PullError::Configuration(format!(
        "the registry {name} is not asked: add a section [registries.{name:?}] to the configuration if components may come from \
         there, and run `jackfield reload`"
    ))
}

fn too_slow(name: &str, time: Duration) -> PullError {
    PullError::Registry(format!("{name} took longer than {time:?}; try again once it, or the way to it, is faster"))
}

fn no_registry(name: &str) -> PullError {
    PullError::Registry(format!("{name} does not answer as a registry does; look whether it is one"))
}

fn auth(config: &Config, name: &str, registry: &RegistryConfig) -> Result<RegistryAuth, PullError> {
    let (Some(username), Some(password)) = (&registry.username, &registry.password) else {
        return Ok(RegistryAuth::Anonymous);
    };
    let password = password.fetch(|path| config.resolve(path));
    let password =
        password.map_err(|why| PullError::Configuration(format!("the password of [registries.{name:?}]: {why}")))?;
    Ok(RegistryAuth::Basic(username.clone(), password.expose().to_owned()))
}

/// A client for one pull, so that it has the passwords and certificates of this very moment.
async fn client(insecure: bool) -> Result<Client, PullError> {
    let unusable = |why: String| PullError::Configuration(format!("the client of registries cannot be made: {why}"));
    // It reads the system's certificates from their files.
    let made = tokio::task::spawn_blocking(move || {
        // The client takes the provider of the whole process. If there is one already, that is it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::try_from(ClientConfig {
            protocol: if insecure { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(CONNECT_TIME),
            platform_resolver: None,
            user_agent: concat!("jackfield/", env!("CARGO_PKG_VERSION")),
            // What is plain stays on this machine, whatever proxy the environment names: one where nobody is takes its place.
            http_proxy: insecure.then(|| String::from("http://127.0.0.1:9")),
            no_proxy: insecure.then(|| String::from("127.0.0.0/8")),
            ..ClientConfig::default()
        })
    });
    match made.await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(OciDistributionError::RequestError(error))) => Err(unusable(causes(&error.without_url()))),
        Ok(Err(error)) => Err(unusable(error.to_string())),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// An error, and what is behind it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        told.push_str(": ");
        told.push_str(&cause.to_string());
        next = cause.source();
    }
    told
}

/// A pull on its way.
struct Pull<'a> {
    reference: &'a Reference,
    auth: RegistryAuth,
}

impl Pull<'_> {
    async fn run(&self, client: &Client) -> Result<Vec<u8>, PullError> {
        let asked = self.reference.parsed();
        // By itself the client would ask as nobody where the registry refuses its password.
        client.auth(asked, &self.auth, RegistryOperation::Pull).await.map_err(|error| self.told(error))?;
        let manifest = client.pull_manifest_raw(asked, &self.auth, &MANIFESTS).await;
        let (manifest, _) = manifest.map_err(|error| self.told(error))?;
        let layer = self.layer(&manifest)?;
        // By its digest alone: a layer may name other places to fetch it from, and nobody has allowed those.
        let digest = format!("sha256:{}", layer.sha256);
        let stream = client.pull_blob_stream(asked, digest.as_str()).await.map_err(|error| self.told(error))?;
        self.collect(stream, &layer).await
    }

    /// The component that a manifest is about.
    fn layer(&self, manifest: &[u8]) -> Result<Layer, PullError> {
        if digest_of(manifest) != self.reference.sha256() {
            return Err(self.other_digest());
        }
        let layers = match serde_json::from_slice(manifest) {
            Ok(OciManifest::Image(image)) => image.layers,
            Ok(OciManifest::ImageIndex(_)) => {
                return Err(self.no_component("is an index; name the digest of the one manifest in it that is meant"));
            }
            Err(_) => return Err(self.no_component("is no manifest of an image")),
        };
        let [layer] = layers.as_slice() else {
            return Err(self.no_component(&format!("has {} layers", layers.len())));
        };
        if !COMPONENTS.contains(&layer.media_type.as_str()) {
            let kind: String = layer.media_type.chars().take(100).collect();
            return Err(self.no_component(&format!("has a layer of the type {kind:?}")));
        }
        let sha256 = sha256_of(&layer.digest).ok_or_else(|| self.no_component("has a layer without a sha256"))?;
        let bytes = usize::try_from(layer.size).ok().filter(|bytes| *bytes <= COMPONENT_BYTES).ok_or_else(|| {
            let (size, most) = (layer.size, COMPONENT_BYTES >> 20);
            PullError::Component(format!(
                "{} has a component of {size} bytes; up to {most} MiB are let in",
                self.reference
            ))
        })?;
        Ok(Layer { sha256: sha256.to_owned(), bytes })
    }

    /// The component itself, cut off where it is longer than its manifest says.
    async fn collect(
        &self,
        mut stream: impl Stream<Item = std::io::Result<Bytes>> + Unpin,
        layer: &Layer,
    ) -> Result<Vec<u8>, PullError> {
        let mut component = Vec::new();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| self.broken(&error))?;
            if bytes.len() > layer.bytes - component.len() {
                return Err(self.other_digest());
            }
            component.extend_from_slice(&bytes);
        }
        match digest_of(&component) == layer.sha256 {
            true => Ok(component),
            false => Err(self.other_digest()),
        }
    }

    fn broken(&self, error: &std::io::Error) -> PullError {
        if error.get_ref().is_some_and(|error| error.is::<DigestError>()) {
            return self.other_digest();
        }
        PullError::Registry(format!(
            "{} broke off in the middle of the component; try again",
            self.reference.registry()
        ))
    }

    fn other_digest(&self) -> PullError {
        PullError::Component(format!(
            "{} gave something else than {}: its digest is another one. Do not use this registry until it is known why",
            self.reference.registry(),
            self.reference
        ))
    }

    fn no_component(&self, is: &str) -> PullError {
        PullError::Component(format!("{} {is}. {EXPECTED}", self.reference))
    }

    /// What an error of the client means here.
    fn told(&self, error: OciDistributionError) -> PullError {
        use OciDistributionError as Error;
        let name = self.reference.registry();
        match error {
            Error::RequestError(error) => PullError::Registry(format!(
                "{name} cannot be asked: {}. Look whether that is its name, whether it runs, and whether this machine can reach it",
                causes(&error.without_url())
            )),
            Error::DigestError(_) => self.other_digest(),
            Error::AuthenticationFailure(_) | Error::UnauthorizedError { .. } => self.refused(),
            Error::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => self.refused(),
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::ManifestBlobUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound,
                ) => self.not_there(),
                Some(OciErrorCode::Toomanyrequests) => self.busy(),
                _ => PullError::Registry(format!("{name} does not give {}, for a reason of its own", self.reference)),
            },
            Error::ServerError { code: 401 | 403, .. } => self.refused(),
            Error::ServerError { code: 404, .. } => self.not_there(),
            Error::ServerError { code: 429, .. } => self.busy(),
            Error::ServerError { code, .. } => {
                PullError::Registry(format!("{name} answered with the status {code}; try again later"))
            }
            _ => no_registry(name),
        }
    }

    fn refused(&self) -> PullError {
        let (name, reference) = (self.reference.registry(), self.reference);
        PullError::Registry(match self.auth {
            RegistryAuth::Anonymous => format!(
                "{name} does not give {reference} to everybody: set `username` and `password` in [registries.{name:?}]"
            ),
            _ => format!(
                "{name} does not give {reference} to the username and the password of [registries.{name:?}]: put them right, or let \
                 them read it"
            ),
        })
    }

    fn not_there(&self) -> PullError {
        PullError::Registry(format!(
            "{} is not there. Look at the name and the digest; some registries say so, too, to those who may not see it",
            self.reference
        ))
    }

    fn busy(&self) -> PullError {
        let name = self.reference.registry();
        PullError::Registry(format!(
            "{name} was asked too often; try again later, or as somebody who may ask more often"
        ))
    }
}

/// What a manifest says of the component.
#[derive(Debug, PartialEq, Eq)]
struct Layer {
    sha256: String,
    bytes: usize,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;
    use std::path::Path;

    use futures_util::stream;
    use tokio::net::TcpListener;

    use super::*;

    fn reference(registry: &str) -> Reference {
        format!("{registry}/acme/whatsapp@sha256:{}", "0".repeat(64)).parse().unwrap()
    }

    #[tokio::test]
    async fn a_component_without_end_is_cut_off_where_its_manifest_says_that_it_ends() {
        let reference = reference("ghcr.io");
        let pull = Pull { reference: &reference, auth: RegistryAuth::Anonymous };
        let came = Cell::new(0);
        let endless = stream::repeat_with(|| {
            came.set(came.get() + 1);
            Ok(Bytes::from_static(&[0; 1000]))
        });
        let layer = Layer { sha256: digest_of(&[0; 4500]), bytes: 4500 };
        let error = pull.collect(endless.take(100), &layer).await.unwrap_err();
        assert!(matches!(error, PullError::Component(_)), "{error}");
        assert_eq!(came.get(), 5);
    }

    #[tokio::test]
    async fn what_has_another_digest_is_refused_whatever_the_client_made_of_it() {
        let reference = reference("ghcr.io");
        let pull = Pull { reference: &reference, auth: RegistryAuth::Anonymous };
        let layer = Layer { sha256: digest_of(b"component"), bytes: 9 };
        for (bytes, good) in [(b"component", true), (b"tnenopmoc", false)] {
            let stream = stream::iter([Ok(Bytes::from_static(bytes))]);
            assert_eq!(pull.collect(stream, &layer).await.is_ok(), good);
        }
        assert!(matches!(pull.layer(b"{}"), Err(PullError::Component(said)) if said.contains("another one")));
    }

    #[tokio::test]
    async fn a_component_that_breaks_off_is_the_registrys_fault_and_worth_another_try() {
        let reference = reference("ghcr.io");
        let pull = Pull { reference: &reference, auth: RegistryAuth::Anonymous };
        let broken = stream::iter([Ok(Bytes::from_static(b"comp")), Err(io::Error::other("the connection is gone"))]);
        let layer = Layer { sha256: digest_of(b"component"), bytes: 9 };
        let error = pull.collect(broken, &layer).await.unwrap_err();
        assert!(matches!(&error, PullError::Registry(said) if said.contains("try again")), "{error}");
    }

    #[tokio::test]
    async fn a_registry_that_never_answers_costs_its_time_and_no_more() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = silent.local_addr().unwrap().to_string();
        let config = Config::parse(&format!("[registries.{name:?}]\ninsecure = true\n"), Path::new("/")).unwrap();
        let error = within(Duration::from_millis(200), &config, &reference(&name)).await.unwrap_err();
        assert!(matches!(&error, PullError::Registry(said) if said.contains("longer than 200ms")), "{error}");
        assert!(silent.accept().await.is_ok(), "it was asked");
    }
}
