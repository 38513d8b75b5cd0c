//! Components that are brought, and what is left of them on the disk.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::client::Answer;
use jackfield_tests::versions::version;
use serde_json::json;

use crate::world::{World, until};

impl World {
    async fn bring(&self, connector: &str, component: Vec<u8>) -> Result<Answer> {
        let headers = [("content-type", "application/wasm")];
        let path = format!("/v1/connectors/{connector}/generations");
        self.api.send(Method::POST, &path, &headers, component).await
    }

    fn names_in(&self, folder: &str) -> Result<BTreeSet<String>> {
        let names = fs::read_dir(self.host.config.data().join(folder))?.flatten();
        Ok(names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_does_not_take_the_last_of_the_disk() -> Result<()> {
    let world = World::start().await?;
    let (components, compiled) = (world.names_in("artifacts")?, world.names_in("cache")?);
    world.disk.fill(true);
    let refused = world.bring("spare", version("good-b")?).await?;
    ensure!(refused.status == 507 && refused.text().contains("MiB are free"), "{} {}", refused.status, refused.text());
    ensure!((world.names_in("artifacts")?, world.names_in("cache")?) == (components, compiled));
    world.disk.fill(false);
    let taken = world.bring("spare", version("good-b")?).await?;
    ensure!(taken.status == 201, "{}", taken.text());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_not_kept() -> Result<()> {
    let world = World::start().await?;
    let before = world.names_in("artifacts")?;
    let junk = [b"\0asm\x0d\0\x01\0".as_slice(), &[7; 1 << 16]].concat();
    for (connector, component) in [("spare", junk), ("versions", version("bad-probe")?)] {
        let refused = world.bring(connector, component).await?;
        ensure!(refused.status == 422, "{} {}", refused.status, refused.text());
    }
    ensure!(world.names_in("artifacts")? == before);
    // It has to be brought again.
    let again = world.api.post("/v1/connectors/versions/activate", &json!({ "generation": 2 })).await?;
    ensure!(again.status == 409 && again.text().contains("bring it again"), "{} {}", again.status, again.text());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_goes_with_the_last_generation_that_has_it() -> Result<()> {
    let world = World::start().await?;
    let digest = async |connector: &str| -> Result<String> {
        let versions = world.api.read(&format!("/v1/connectors/{connector}")).await?;
        versions["generations"][0]["digest"].as_str().map(str::to_owned).with_context(|| versions.to_string())
    };
    for connector in ["spare", "twin"] {
        let brought = world.bring(connector, version("good-b")?).await?;
        ensure!(brought.status == 201, "{}", brought.text());
    }
    let component = world.artifact(&digest("spare").await?);
    for (connector, is_kept) in [("spare", true), ("twin", false)] {
        let removed = world.api.post(&format!("/v1/connectors/{connector}/remove"), &json!({})).await?;
        ensure!(removed.status.as_u16() / 100 == 2, "{}", removed.text());
        until("it is as it should be", async || Ok(component.exists() == is_kept)).await?;
    }
    // What served once may be asked for again: its component stays until so many have come after it that it is forgotten.
    let first = world.artifact(&digest("versions").await?);
    for n in 0..24 {
        let brought = world.bring("versions", version(&format!("good-{n}"))?).await?;
        ensure!(brought.status == 201, "{}", brought.text());
        ensure!(n > 3 || first.exists());
    }
    until("the first is forgotten", async || Ok(!first.exists())).await?;
    world.stop().await
}
