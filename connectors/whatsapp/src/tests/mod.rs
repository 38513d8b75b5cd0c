//! The connector against payloads in the documented shapes, and against a stand-in for the Graph API.

mod files;
mod inbound;
mod sending;

use jackfield_sdk::testing::{self, Env};
use jackfield_sdk::{Connector, Failure, Outcome};
use serde_json::json;

use crate::WhatsApp;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn env() -> Env {
    let config = json!({"phone_number_id": "700700", "api_base": "http://127.0.0.1:4000/", "api_version": "v25.0"});
    Env::new("wa-main")
        .config(config)
        .secret("app-secret", SECRET)
        .secret("verify-token", "agreed")
        .secret("access-token", "t")
}

pub fn receive(env: &mut Env, body: &str) -> Result<Outcome, Failure> {
    let mut request = testing::post("/hooks/wa-main", body);
    testing::sign_hub(&mut request, SECRET);
    env.run(|| WhatsApp::receive(request))
}
