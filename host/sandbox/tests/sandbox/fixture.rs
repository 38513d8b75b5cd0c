//! A sandbox with the hostile guest in it, and channels of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use data_encoding::HEXLOWER;
use jackfield_core::ids::Millis;
use jackfield_sandbox::{
    Binding, Channel, Connector, Grants, Limits, Request, Sandbox, SandboxOptions, Secret, StateView,
};
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The key of the signatures.
pub const APP_SECRET: &str = "the-app-secret";

/// The component of a guest of the tests.
pub fn component(name: &str) -> Vec<u8> {
    let folder = match std::env::var_os("JACKFIELD_TEST_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/test-guests"),
    };
    let path = folder.join(name).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|e| panic!("{}: {e}. Build the guests of the tests with `cargo xtask guests`.", path.display()))
}

/// One sandbox for all tests, as in the host.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(SandboxOptions { instances: 32, ..SandboxOptions::default() }).unwrap())
}

/// The hostile guest.
pub async fn hostile() -> Arc<Connector> {
    static HOSTILE: OnceCell<Arc<Connector>> = OnceCell::const_new();
    HOSTILE.get_or_init(|| async { sandbox().load(component("hostile")).await.unwrap() }).await.clone()
}

/// A state that is fixed.
#[derive(Default)]
pub struct Fixed(pub BTreeMap<String, Vec<u8>>);

impl StateView for Fixed {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(key).cloned())
    }

    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        Ok(self.0.keys().filter(|key| key.starts_with(prefix)).take(limit).cloned().collect())
    }
}

/// A binding whose guest does `behaviour`.
pub fn binding(behaviour: &str) -> Binding {
    Binding {
        channel: "test".parse().unwrap(),
        config: json!({"do": behaviour, "target": "http://127.0.0.1:1", "second": "http://127.0.0.1:2"}),
        secrets: [("app-secret".to_owned(), Secret::new(APP_SECRET))].into(),
        grants: Grants {
            http: vec!["http://127.0.0.1:1".parse().unwrap(), "http://127.0.0.1:2".parse().unwrap()],
            private_addresses: Vec::new(),
            public_webhook: false,
            attests: vec!["phone".to_owned()],
            scopes: Vec::new(),
        },
        limits: Limits::default(),
        state: Arc::new(Fixed::default()),
    }
}

/// A channel whose guest does `behaviour`.
pub async fn channel(behaviour: &str) -> Channel {
    hostile().await.bind(binding(behaviour)).unwrap()
}

/// A channel whose guest does `behaviour` in these limits.
pub async fn limited(behaviour: &str, limits: Limits) -> Channel {
    hostile().await.bind(Binding { limits, ..binding(behaviour) }).unwrap()
}

/// A channel whose guest calls `target`, which may be at a private address.
pub fn online(behaviour: &str, target: &str) -> Binding {
    let mut binding = binding(behaviour);
    binding.config["target"] = Value::from(target);
    binding.grants.http.push(target.parse().unwrap());
    binding.grants.private_addresses.push(target.parse().unwrap());
    binding
}

/// A request that nobody signed.
pub fn unsigned(body: impl Into<Vec<u8>>) -> Request {
    Request {
        method: "POST".to_owned(),
        url: "https://desk.example/hooks/test".to_owned(),
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body: body.into(),
        received_at: Millis(1_700_000_000_000),
    }
}

/// A genuine request.
pub fn signed(body: impl Into<Vec<u8>>) -> Request {
    let mut request = unsigned(body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    let signature = HEXLOWER.encode(hmac::sign(&key, &request.body).as_ref());
    request.headers.push(("x-signature".to_owned(), signature.into_bytes()));
    request
}
