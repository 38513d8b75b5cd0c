//! Components come out of registries, by digest, and nothing else does.

use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use jackfield_tests::client::Answer;
use jackfield_tests::host::{self, Home, Host, Setup};
use jackfield_tests::paths;
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::registry::{
    CERTIFICATE, MANIFEST, PASSWORD, REPOSITORY, Registry, USERNAME, layer, manifest, reference, sha256,
};
use jackfield_tests::versions::{signed, version, webhook};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const CHANNEL: &str = "shop-versions";

/// A host with one channel of the connector `versions`, whose first version says `good-a`, and which may ask this registry.
fn setup(registry: &str) -> Result<Setup> {
    let nobody = "http://127.0.0.1:1";
    let setup = Setup::new().channel(CHANNEL, "versions", nobody, "", &[("app-secret", "APP_SECRET")])?;
    Ok(setup.with(&format!("[registries.\"{registry}\"]\ninsecure = true")))
}

/// The same, and the first version comes from the registry, too.
fn configured(registry: &str, reference: &str) -> Result<Setup> {
    let path = paths::component("versions")?;
    Ok(setup(registry)?.replaced(&format!("path = {path:?}"), &format!("oci = {reference:?}")))
}

async fn pull(host: &Host, reference: &str) -> Result<Answer> {
    host.api.post("/v1/connectors/versions/pull", &json!({ "reference": reference })).await
}

/// Pulls what must not come, and gives the reason.
async fn refused(host: &Host, reference: &str, status: u16) -> Result<String> {
    let answer = pull(host, reference).await?;
    ensure!(answer.status == status, "{reference}: {} {}", answer.status, answer.text());
    let connector = connector(host).await?;
    ensure!(connector["generation"] == 1, "{reference}: {connector}");
    answer.json()["detail"].as_str().map(str::to_owned).context("a reason")
}

async fn connector(host: &Host) -> Result<Value> {
    host.api.read("/v1/connectors/versions").await
}

async fn who_answers(host: &Host, id: &str) -> Result<String> {
    let answer = host.hook(CHANNEL, &webhook(id, "6281234", "hello")).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(answer.text())
}

#[tokio::test]
async fn a_component_is_pulled_by_its_digest_and_shown_with_where_it_came_from() -> Result<()> {
    let registry = Registry::open().await?;
    let component = version("good-b")?;
    let reference = registry.push(&component).await?;
    let host = Host::start(&setup(&registry.name)?).await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    let mut command = host::command(&["connector", "pull", "versions", &reference, "--url", host.api.base()])?;
    let output = command.env("JACKFIELD_KEY", &host.key).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("is active"), "{said}{}", host.log());
    assert_eq!(who_answers(&host, "m2").await?, "good-b");
    let generation = connector(&host).await?["generations"][1].clone();
    assert_eq!((&generation["origin"], &generation["digest"]), (&json!(reference), &json!(sha256(&component))));
    // By the older name of its type, as well.
    let older = version("good-c")?;
    registry.blob(&older).await?;
    let older = manifest(&[layer("application/vnd.wasm.content.layer.v1+wasm", &older)]);
    let answer = pull(&host, &registry.manifest(&older).await?).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(who_answers(&host, "m3").await?, "good-c");
    Ok(())
}

#[tokio::test]
async fn a_tag_or_a_digest_that_is_not_there_is_refused_with_what_to_do() -> Result<()> {
    let registry = Registry::open().await?;
    registry.push(&version("good-b")?).await?;
    let host = Host::start(&setup(&registry.name)?).await?;
    let tag = format!("{}/{REPOSITORY}:latest", registry.name);
    let said = refused(&host, &tag, 400).await?;
    assert!(said.contains(&format!("oras resolve {tag}")), "{said}");
    let said = refused(&host, &reference(&registry.name, b"something else"), 502).await?;
    assert!(said.contains("is not there"), "{said}");
    let other = reference(&registry.name, b"{}").replace(REPOSITORY, "acme/nothing");
    assert!(refused(&host, &other, 502).await?.contains("is not there"));
    registry.stop().await?;
    let said = refused(&host, &other, 502).await?;
    assert!(said.contains("cannot be asked") && said.contains("Connection refused"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_registry_that_the_configuration_does_not_name_is_not_even_connected_to() -> Result<()> {
    let registry = Registry::open().await?;
    let host = Host::start(&setup(&registry.name)?).await?;
    let stranger = TcpListener::bind("127.0.0.1:0")?;
    stranger.set_nonblocking(true)?;
    let name = stranger.local_addr()?.to_string();
    let said = refused(&host, &reference(&name, b"{}"), 409).await?;
    assert!(said.contains(&format!("[registries.\"{name}\"]")), "{said}");
    let nobody = stranger.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(nobody, Err(std::io::ErrorKind::WouldBlock), "somebody connected");
    Ok(())
}

#[tokio::test]
async fn only_an_operator_has_components_pulled() -> Result<()> {
    let registry = Registry::open().await?;
    let reference = registry.push(&version("good-b")?).await?;
    let host = Host::start(&setup(&registry.name)?).await?;
    for (role, status) in [("agent", 403), ("operator", 201)] {
        let made = host.api.post("/v1/keys", &json!({ "name": role, "role": role })).await?.json();
        let client = host.api.with_key(made["key"].as_str());
        let answer = client.post("/v1/connectors/versions/pull", &json!({ "reference": reference })).await?;
        assert_eq!(answer.status, status, "{role}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_or_no_component_is_refused_with_what_is_expected() -> Result<()> {
    let registry = Registry::open().await?;
    let host = Host::start(&setup(&registry.name)?).await?;
    let component = version("good-b")?;
    let pushed = registry.push(&component).await?;
    let text = manifest(&[layer("application/wasm", &component)]).to_string();
    let inside =
        json!({ "mediaType": MANIFEST, "digest": format!("sha256:{}", sha256(text.as_bytes())), "size": text.len() });
    ensure!(pushed.ends_with(&sha256(text.as_bytes())), "the manifest that was pushed");
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [inside] });
    let large = vec![0; (64 << 20) + 1];
    registry.blob(&large).await?;
    let all = [
        (index, "is an index"),
        (manifest(&[]), "has 0 layers"),
        (manifest(&[layer("application/wasm", &component), layer("application/wasm", &component)]), "has 2 layers"),
        (manifest(&[layer("application/vnd.oci.image.layer.v1.tar+gzip", &component)]), "tar+gzip"),
        (manifest(&[layer("application/wasm", &large)]), "67108865 bytes"),
    ];
    for (manifest, word) in all {
        let reference = registry.manifest(&manifest).await.with_context(|| manifest.to_string())?;
        let said = refused(&host, &reference, 422).await?;
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    Ok(())
}

/// A stand-in for a registry: one manifest and one blob, whatever is asked for.
async fn liar(manifest: String, blob: String) -> Result<Provider> {
    Provider::start(move |seen, _| {
        let (kind, body) = match seen.path.as_str() {
            path if path.contains("/manifests/") => (MANIFEST, manifest.clone()),
            path if path.contains("/blobs/") => ("application/octet-stream", blob.clone()),
            _ => ("application/json", String::from("{}")),
        };
        Script::Answer { status: 200, headers: vec![("content-type", kind.to_owned())], body }
    })
    .await
}

#[tokio::test]
async fn what_a_lying_registry_gives_is_refused_and_nothing_of_it_is_kept() -> Result<()> {
    let promised = manifest(&[layer("application/wasm", b"component")]).to_string();
    let cases = [
        // Another manifest than the one that was asked for; other bytes, more, and fewer of them.
        (manifest(&[layer("application/wasm", b"other")]).to_string(), "other", 1),
        (promised.clone(), "tnenopmoc", 2),
        (promised.clone(), "component, and more", 2),
        (promised.clone(), "comp", 2),
    ];
    for (manifest, blob, asked) in cases {
        let liar = liar(manifest, blob.to_owned()).await?;
        let name = liar.url().replace("http://", "");
        let host = Host::start(&setup(&name)?).await?;
        let said = refused(&host, &reference(&name, promised.as_bytes()), 422).await?;
        assert!(said.contains("its digest is another one"), "{blob}: {said}");
        let fetched = liar.seen().iter().filter(|seen| seen.path != "/v2/").count();
        assert_eq!(fetched, asked, "{blob}: {:?}", liar.seen());
        let kept = std::fs::read_dir(host.folder().join("data/artifacts"))?.count();
        assert_eq!(kept, 1, "only the first version is kept");
        assert_eq!(connector(&host).await?["generations"].as_array().map(Vec::len), Some(1));
        assert_eq!(who_answers(&host, "m1").await?, "good-a");
    }
    Ok(())
}

#[tokio::test]
async fn a_registry_that_gives_nonsense_for_a_token_costs_nothing_but_the_pull() -> Result<()> {
    let registry = Provider::start(|seen, _| match (seen.path.as_str(), seen.header("host")) {
        ("/v2/", Some(host)) => {
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
            Script::Answer { status: 401, headers: vec![("www-authenticate", challenge)], body: String::new() }
        }
        _ => Script::json(200, &json!({ "token": "no\nheader" })),
    })
    .await?;
    let name = registry.url().replace("http://", "");
    let home = Home::new(&setup(&name)?).await?;
    let host = home.start().await?;
    let reference = reference(&name, b"{}");
    let said = refused(&host, &reference, 502).await?;
    assert!(said.contains("does not answer as a registry does"), "{said}");
    assert!(registry.seen().iter().any(|seen| seen.path.starts_with("/token")), "{:?}", registry.seen());
    host.stop().await?;
    // Nor does it keep the host from starting with what it has.
    configured(&name, &reference)?.write(&home.folder)?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    Ok(())
}

#[tokio::test]
async fn a_size_over_the_bound_is_refused_before_anything_is_fetched() -> Result<()> {
    let mut large = layer("application/wasm", b"component");
    large["size"] = json!((64 << 20) + 1);
    let large = manifest(&[large]).to_string();
    let liar = liar(large.clone(), String::from("component")).await?;
    let name = liar.url().replace("http://", "");
    let host = Host::start(&setup(&name)?).await?;
    let said = refused(&host, &reference(&name, large.as_bytes()), 422).await?;
    assert!(said.contains("64 MiB"), "{said}");
    assert!(!liar.seen().iter().any(|seen| seen.path.contains("/blobs/")), "{:?}", liar.seen());
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_said_and_no_password_is_in_a_log_or_an_answer() -> Result<()> {
    let registry = Registry::guarded().await?;
    let reference = registry.push(&version("good-b")?).await?;
    let open =
        setup(&registry.name)?.with("[log]\nlevel = \"info,jackfield_server=trace,oci_client=trace,reqwest=trace\"");
    let who = format!("insecure = true\nusername = \"{USERNAME}\"\npassword = {{ file = \"password\" }}");
    let home = Home::new(&open).await?;
    let host = home.start().await?;
    let nobody = refused(&host, &reference, 502).await?;
    assert!(nobody.contains("set `username` and `password`"), "{nobody}");
    open.replaced("insecure = true", &who).write(&home.folder)?;
    assert_eq!(host.api.post("/v1/reload", &json!({})).await?.status, 200);
    let missing = refused(&host, &reference, 409).await?;
    assert!(missing.contains("password cannot be read"), "{missing}");
    std::fs::write(home.folder.join("password"), "not the word\n")?;
    let wrong = refused(&host, &reference, 502).await?;
    assert!(wrong.contains("the username and the password of"), "{wrong}");
    // It is read anew for each pull.
    std::fs::write(home.folder.join("password"), PASSWORD)?;
    let right = pull(&host, &reference).await?;
    assert_eq!(right.status, 201, "{}", right.text());
    let shown = connector(&host).await?.to_string();
    let log = host.stop().await?;
    assert!(log.contains("oci_client"), "the log is that of the client, too");
    for password in ["not the word", PASSWORD] {
        let spellings = [password, &data_encoding::BASE64.encode(format!("{USERNAME}:{password}").as_bytes())];
        for text in [&missing, &wrong, &right.text(), &shown, &log] {
            assert!(!spellings.iter().any(|spelling| text.contains(spelling)), "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_registry_with_a_certificate_that_nobody_vouches_for_is_refused() -> Result<()> {
    let registry = Registry::open().await?;
    let there = registry.push(&version("good-b")?).await?;
    let plain = registry.name.clone();
    let registry = registry.encrypted().await?;
    let reference = there.replace(&plain, &registry.name);
    let home = Home::new(&setup(&registry.name)?.replaced("insecure = true", "")).await?;
    let host = home.start().await?;
    let said = refused(&host, &reference, 502).await?;
    assert!(said.contains("certificate"), "{said}");
    host.stop().await?;
    // The operator's machine trusts it from here on.
    let trusted = home.folder.join("trusted.pem");
    std::fs::write(&trusted, CERTIFICATE)?;
    let host = home.start_with(&[("SSL_CERT_FILE", &trusted.to_string_lossy())]).await?;
    let answer = pull(&host, &reference).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn what_is_plain_goes_through_no_proxy() -> Result<()> {
    let registry = Registry::open().await?;
    let reference = registry.push(&version("good-b")?).await?;
    let proxy = Provider::agreeable().await?;
    let home = Home::new(&setup(&registry.name)?).await?;
    let host = home.start_with(&[("HTTP_PROXY", &proxy.url()), ("http_proxy", &proxy.url())]).await?;
    let answer = pull(&host, &reference).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
    Ok(())
}

#[tokio::test]
async fn a_connector_is_pulled_at_the_start_and_serves_without_its_registry_from_then_on() -> Result<()> {
    let registry = Registry::open().await?;
    let (first, second) = (registry.push(&version("good-b")?).await?, registry.push(&version("good-c")?).await?);
    let never = registry.push(&version("bad-soon")?).await?;
    let name = registry.name.clone();
    let home = Home::new(&configured(&name, &first)?).await?;
    let config = home.folder.join("jackfield.toml");
    let check = host::command(&["check", "--config", &config.to_string_lossy()])?.output().await?;
    let said = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success() && said.contains("[connectors.versions] is left out"), "{said}");
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    assert_eq!(connector(&host).await?["generations"][0]["origin"], first);
    // Another digest, with a reload.
    configured(&name, &second)?.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(who_answers(&host, "m2").await?, "good-c");
    registry.stop().await?;
    host.kill().await?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m3").await?, "good-c");
    assert_eq!(connector(&host).await?["generation"], 2, "nothing was brought again");
    // What cannot be had does not take the place of what serves, neither with a reload nor at a start.
    configured(&name, &never)?.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    let log = host.stop().await?;
    assert!(log.contains("what serves goes on serving") && log.contains("cannot be asked"), "{log}");
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m4").await?, "good-c");
    host.stop().await?;
    // Where nothing serves yet, the host does not start, and says why.
    let empty = Home::new(&configured(&name, &first)?).await?;
    let why = empty.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(why.contains("[connectors.versions]") && why.contains("cannot be asked"), "{why}");
    Ok(())
}

#[tokio::test]
async fn what_is_configured_by_digest_and_kept_needs_no_registry_even_if_nothing_of_it_serves() -> Result<()> {
    let registry = Registry::open().await?;
    let reference = registry.push(&version("good-b")?).await?;
    let name = registry.name.clone();
    let setup = configured(&name, &reference)?;
    let home = Home::new(&setup.clone().replaced("allow-unsigned = true", "allow-unsigned = false")).await?;
    let why = home.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(why.contains(&reference) && why.contains("not signed"), "{why}");
    registry.stop().await?;
    setup.write(&home.folder)?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn what_nobody_trusted_signed_is_refused_from_a_registry_too() -> Result<()> {
    let registry = Registry::open().await?;
    let key = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(|e| anyhow::anyhow!("{e}"))?;
    let public = data_encoding::HEXLOWER.encode(key.public_key().as_ref());
    let trusted = registry.push(&signed(&version("good-b")?, &key)).await?;
    let unsigned = registry.push(&version("good-b")?).await?;
    let first = registry.push(&signed(&version("good-a")?, &key)).await?;
    let trust = format!("allow-unsigned = false\nkeys.us = \"{public}\"");
    let host = Host::start(&configured(&registry.name, &first)?.replaced("allow-unsigned = true", &trust)).await?;
    assert!(refused(&host, &unsigned, 422).await?.contains("not signed"));
    let answer = pull(&host, &trusted).await?;
    assert_eq!((answer.status.as_u16(), &answer.json()["signature"]["key"]), (201, &json!("us")), "{}", answer.text());
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    Ok(())
}
