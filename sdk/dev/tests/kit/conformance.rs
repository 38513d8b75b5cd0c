//! The conformance kit, held against connectors that are right and one that is wrong on purpose. `cargo xtask guests` builds them.

use std::path::{Path, PathBuf};

use jackfield_dev::conformance::{self, Outcome, Plan, Report};
use jackfield_sandbox::{Sandbox, SandboxOptions};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn component(place: &str, name: &str) -> Vec<u8> {
    let path = Path::new(ROOT).join("target").join(place).join(name).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}. Build the guests with `cargo xtask guests`.", path.display()))
}

async fn run(component: Vec<u8>, plan: Plan) -> Report {
    let sandbox = Sandbox::new(SandboxOptions { cache_dir: None, instances: 16 }).unwrap();
    conformance::run(&sandbox, component, plan).await.unwrap()
}

async fn of_repository(name: &str) -> Report {
    let fixtures: PathBuf = [ROOT, "connectors", name, "fixtures"].iter().collect();
    run(component("connectors", name), Plan::read(&fixtures).unwrap()).await
}

/// The hostile guest, doing `behaviour`.
async fn hostile(behaviour: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let plan = format!(
        r#"
        channel = {{ config = {{ do = "{behaviour}" }} }}
        secrets = {{ app-secret = "the-app-secret" }}
        [signature]
        scheme = "hmac-sha256"
        secret = "app-secret"
        header = "x-signature"
        [[inbound]]
        file = "hello.txt"
        events = 1
        "#
    );
    std::fs::write(folder.path().join("conformance.toml"), plan).unwrap();
    std::fs::write(folder.path().join("hello.txt"), "hello").unwrap();
    run(component("test-guests", "hostile"), Plan::read(folder.path()).unwrap()).await
}

fn outcome(report: &Report, name: &str) -> (Outcome, String) {
    let case =
        report.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("there is no case `{name}`"));
    (case.outcome, case.detail.clone())
}

fn fails(report: &Report, name: &str, expected: &str) {
    let (outcome, detail) = outcome(report, name);
    assert_eq!(outcome, Outcome::Failed, "{name}: {detail}");
    assert!(detail.contains(expected), "{detail}");
}

fn all_pass(report: &Report, not_applicable: usize) {
    assert_eq!((report.failed, report.not_applicable), (0, not_applicable), "{report}");
    let untold = report.cases.iter().find(|case| case.detail.is_empty());
    assert!(untold.is_none(), "{untold:?} does not say what was seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsapp_conforms() {
    all_pass(&of_repository("whatsapp").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instagram_conforms() {
    all_pass(&of_repository("instagram").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telegram_conforms() {
    all_pass(&of_repository("telegram").await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_conforms() {
    all_pass(&of_repository("slack").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_conforms() {
    all_pass(&of_repository("line").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_verifies_nothing_fails_where_it_should() {
    let report = hostile("forges").await;
    fails(&report, "a wrong signature is unauthenticated", "Verify first");
    fails(&report, "a missing signature is unauthenticated", "Verify first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_collapses_fails_with_its_last_words() {
    let report = hostile("traps").await;
    fails(&report, "a good delivery gives its events", "This connector stops here.");
    fails(&report, "garbage causes no collapse", "`trap`");
    fails(&report, "thousands of headers end in bounds", "`trap`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_without_bounds_is_stopped_at_ours() {
    let report = hostile("spins").await;
    assert_eq!(outcome(&report, "a body of 5 MiB ends in bounds").0, Outcome::Passed, "a bound is an end too");
    fails(&report, "a good delivery gives its events", "`cpu_exceeded`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_tried_says_why() {
    let report = hostile("verifies").await;
    assert_eq!(outcome(&report, "a good delivery gives its events").0, Outcome::Passed);
    let (applicable, why) = outcome(&report, "a message goes out");
    assert_eq!((applicable, why.as_str()), (Outcome::NotApplicable, "the plan has no [send]"));
}

#[tokio::test]
async fn a_plan_that_does_not_fit_the_manifest_is_told_once() {
    let fixtures: PathBuf = [ROOT, "connectors", "whatsapp", "fixtures"].iter().collect();
    let mut plan = Plan::read(&fixtures).unwrap();
    plan.secrets.remove("access-token");
    let sandbox = Sandbox::new(SandboxOptions { cache_dir: None, instances: 2 }).unwrap();
    let error = conformance::run(&sandbox, component("connectors", "whatsapp"), plan).await.unwrap_err().to_string();
    assert!(error.contains("access-token"), "{error}");
}
