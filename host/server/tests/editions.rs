//! What clients see while the tables of a new version are built.
#![allow(clippy::unwrap_used, reason = "a helper of a test panics as the test does")]

use std::sync::{Condvar, Mutex};

use anyhow::Result;
use jackfield_core::apply::{Applied, apply};
use jackfield_core::fact::{Actor, Entry, Fact, Role};
use jackfield_core::tables::{self, Write};
use jackfield_sandbox::Compiler;
use jackfield_server::config::Config;
use jackfield_server::keys::NewKey;
use jackfield_server::serve::Running;
use jackfield_server::start::store_options;
use jackfield_store::{Options, Rules};
use jackfield_tests::client::Client;
use jackfield_tests::host::Setup;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Whether the thread that builds may go on.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// The rules of the next version, which wait at the gate.
fn next(tables: &mut dyn Write, entry: &Entry) -> tables::Result<Applied> {
    if std::thread::current().name() == Some("rebuild") {
        drop(GATE.1.wait_while(GATE.0.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
    apply(tables, entry)
}

#[tokio::test]
async fn decisions_about_who_is_who_wait_for_the_tables_of_the_version_that_serves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config::read(&Setup::new().write(folder.path())?)?;
    let key = NewKey::generate()?;
    let before = jackfield_store::open(&config.data(), &store_options(&config), &mut |_| {})?;
    let created = Fact::KeyCreated { name: String::from("tests"), role: Role::Admin, hash: key.hash };
    before.append(Actor::Host, created).await?;
    before.close().await?;

    let rules = Rules { edition: Rules::default().edition + 1, apply: next, ..Rules::default() };
    let options = Options { rules, ..store_options(&config) };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let compiler = Compiler::Child { program: env!("CARGO_BIN_EXE_jackfield").into(), args: vec!["compile".into()] };
    let running = Running::start_with(config, listener, options, compiler).await?;
    let mut building = running.host().store.rebuilding();
    let (stop, stopping) = oneshot::channel::<()>();
    let stopped = tokio::spawn(running.until(async { drop(stopping.await) }));
    let api = Client::new(&format!("http://{address}"), Some(&key.text));

    let decisions = [
        ("/v1/customers/merge", json!({ "a": "cus_1", "b": "cus_2" })),
        ("/v1/customers/cus_1/unlink", json!({ "identity": "idn_1" })),
        ("/v1/suggestions/sug_1/accept", json!({})),
        ("/v1/suggestions/sug_1/reject", json!({})),
    ];
    for (path, body) in &decisions {
        let answer = api.post(path, body).await?;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("upgrading")), "{path}");
        assert_eq!(answer.headers["retry-after"], "30", "{path}");
    }
    assert_eq!(api.post("/v1/keys", &json!({ "name": "new", "role": "reader" })).await?.status, 201);
    *GATE.0.lock().unwrap() = true;
    GATE.1.notify_all();
    building.wait_for(Option::is_none).await?;
    for (path, body) in &decisions {
        assert_eq!(api.post(path, body).await?.status, 404, "{path}");
    }
    drop(stop);
    stopped.await?
}
