//! The API keeps its own word: errors are problems, roles hold, and its description is true.

use anyhow::{Context, Result, ensure};
use jackfield_tests::host::{Host, Setup, WHATSAPP};
use jackfield_tests::paths;
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{meta, whatsapp_text};
use serde_json::json;
use tokio::process::Command;

async fn shop() -> Result<(Host, Provider)> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "w1", "hello"))).await?;
    Ok((host, provider))
}

#[tokio::test]
async fn every_error_is_a_problem_that_says_what_to_do() -> Result<()> {
    let (host, _provider) = shop().await?;
    let open = host.api.with_key(None);
    let wrong = host.api.with_key(Some("jf_nonsense"));
    let answers = [
        (401, open.get("/v1/inbox").await?),
        (401, wrong.get("/v1/inbox").await?),
        (404, host.api.get("/v1/customers/cus_99999").await?),
        (404, host.api.get("/v1/customers/nonsense").await?),
        (400, host.api.get("/v1/inbox?limit=9999").await?),
        (400, host.api.get("/v1/inbox?before=nonsense").await?),
        (404, host.api.get("/v1/nothing-here").await?),
        (405, host.api.post("/v1/inbox", &json!({})).await?),
        (
            400,
            host.api
                .send(http::Method::POST, "/v1/customers/merge", &[("content-type", "application/json")], "{")
                .await?,
        ),
        (415, host.api.send(http::Method::POST, "/v1/customers/merge", &[], "{}").await?),
    ];
    for (status, answer) in answers {
        let problem = answer.json();
        assert_eq!(answer.status, status, "{problem}");
        let kind = answer.headers.get("content-type").map(|v| v.as_bytes().to_vec());
        assert_eq!(kind.as_deref(), Some(b"application/problem+json".as_slice()), "{problem}");
        assert!(
            problem["title"].is_string() && problem["detail"].is_string() && problem["code"].is_string(),
            "{problem}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_key_does_what_its_role_allows_until_it_is_revoked() -> Result<()> {
    let (host, _provider) = shop().await?;
    let made = host.api.post("/v1/keys", &json!({ "name": "bot", "role": "reader" })).await?;
    ensure!(made.status == 201, "{} {}", made.status, made.text());
    let (id, key) = (made.json()["id"].clone(), made.json()["key"].clone());
    let reader = host.api.with_key(key.as_str());
    assert_eq!(reader.get("/v1/inbox").await?.status, 200);
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    let path = format!("/v1/customers/{customer}/messages");
    assert_eq!(reader.post(&path, &json!({ "text": "hi" })).await?.status, 403);
    assert_eq!(reader.get("/v1/keys").await?.status, 403);
    let all = host.api.get("/v1/keys").await?.text();
    assert!(!all.contains(key.as_str().context("a key")?), "a key is shown once");
    let revoked = host.api.post(&format!("/v1/keys/{}/revoke", id.as_str().context("an id")?), &json!({})).await?;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(reader.get("/v1/inbox").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn another_sites_name_for_this_address_is_refused() -> Result<()> {
    let (host, _provider) = shop().await?;
    let answer = host.api.send(http::Method::GET, "/v1/inbox", &[("host", "evil.example")], "").await?;
    assert_eq!(answer.status, 421, "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn health_readiness_metrics_and_the_description_are_there() -> Result<()> {
    let (host, _provider) = shop().await?;
    let open = host.api.with_key(None);
    assert_eq!(open.get("/healthz").await?.status, 200);
    assert_eq!(open.get("/readyz").await?.status, 200);
    let metrics = host.api.get("/metrics").await?.text();
    assert!(metrics.contains("webhook"), "{metrics}");
    let description = open.get("/v1/openapi.json").await?.json();
    assert!(description["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")), "{}", description["openapi"]);
    Ok(())
}

#[tokio::test]
async fn the_description_of_the_api_is_true_for_every_request_that_it_allows() -> Result<()> {
    let program = paths::programs()?.parent().context("target")?.join("schemathesis/bin/schemathesis");
    ensure!(program.is_file(), "{} is missing; `cargo xtask test` installs it", program.display());
    let (host, _provider) = shop().await?;
    let mut run = Command::new(program);
    run.arg("run").arg(format!("{}/v1/openapi.json", host.api.base()));
    run.args(["--header", &format!("Authorization: Bearer {}", host.key)]);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    run.args(["--checks", checks, "--max-examples", "40", "--no-color", "--seed", "1", "--request-timeout", "20"]);
    // Live feeds never end by themselves; their own tests read them.
    run.args(["--exclude-path", "/v1/events", "--exclude-path", "/v1/channels/{id}/log"]);
    // Who is paused answers 503, and components cannot be made up; the tests of versions do both.
    run.args(["--exclude-path", "/v1/channels/{id}/pause", "--exclude-path", "/v1/connectors/{name}/generations"]);
    let output = run.kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}\n{}\n{}", String::from_utf8_lossy(&output.stderr), host.log());
    assert!(host.api.get("/readyz").await?.status == 200, "the host is still well");
    Ok(())
}
