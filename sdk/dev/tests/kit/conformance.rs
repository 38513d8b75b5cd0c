//! The conformance kit, held against connectors that are right and one that is wrong on purpose. `cargo xtask guests` builds them.

use std::path::{Path, PathBuf};

use jackfield_dev::conformance::plan::Promise;
use jackfield_dev::conformance::{self, Outcome, Plan, Report};
use jackfield_sandbox::{Sandbox, SandboxOptions};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn component(place: &str, name: &str) -> Vec<u8> {
    let path = Path::new(ROOT).join("target").join(place).join(name).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}. Build the guests with `cargo xtask guests`.", path.display()))
}

async fn run(component: Vec<u8>, plan: Plan) -> Report {
    let sandbox = Sandbox::new(SandboxOptions { instances: 16, ..SandboxOptions::default() }).unwrap();
    conformance::run(&sandbox, component, plan).await.unwrap()
}

fn plan(name: &str) -> Plan {
    let fixtures: PathBuf = [ROOT, "connectors", name, "fixtures"].iter().collect();
    Plan::read(&fixtures).unwrap()
}

async fn of_repository(name: &str) -> Report {
    run(component("connectors", name), plan(name)).await
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
    all_pass(&of_repository("instagram").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telegram_conforms() {
    all_pass(&of_repository("telegram").await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_conforms() {
    all_pass(&of_repository("slack").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_conforms() {
    all_pass(&of_repository("line").await, 3);
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
async fn a_connector_that_passes_no_promise_on_or_keeps_no_upload_whole_fails_where_it_should() {
    let mut plan = plan("whatsapp");
    let media = plan.media.as_mut().unwrap();
    // Nothing but the attachment tells the size now, and WhatsApp's connector does not go by that.
    media.answers[0].body = r#"{"url": "{origin}/whatsapp_business/attachments/?mid=1001"}"#.to_owned();
    media.promises = vec![Promise::Size];
    media.gone = Some(media.answers[0].clone());
    media.upload.as_mut().unwrap().answers[0].body = r#"{"id": "another"}"#.to_owned();
    let report = run(component("connectors", "whatsapp"), plan).await;
    fails(&report, "a file of another size or sum is refused", "of another size was taken");
    fails(&report, "a file that is gone is rejected", "something was fetched");
    fails(&report, "an upload is given whole and its id comes back", "4490709327384033");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_tried_says_why() {
    let report = hostile("verifies").await;
    assert_eq!(outcome(&report, "a good delivery gives its events").0, Outcome::Passed);
    let (applicable, why) = outcome(&report, "a message goes out");
    assert_eq!((applicable, why.as_str()), (Outcome::NotApplicable, "the plan has no [send]"));
    let (applicable, why) = outcome(&report, "a file is fetched whole");
    assert_eq!((applicable, why.as_str()), (Outcome::NotApplicable, "the plan has no [media]"));
}

#[tokio::test]
async fn a_plan_that_does_not_fit_the_manifest_is_told_once() {
    let mut plan = plan("whatsapp");
    plan.secrets.remove("access-token");
    let sandbox = Sandbox::new(SandboxOptions { instances: 2, ..SandboxOptions::default() }).unwrap();
    let error = conformance::run(&sandbox, component("connectors", "whatsapp"), plan).await.unwrap_err().to_string();
    assert!(error.contains("access-token"), "{error}");
}
