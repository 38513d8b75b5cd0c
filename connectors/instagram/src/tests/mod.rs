//! The connector against payloads in the documented shapes, and against a stand-in for the API.

mod files;
mod inbound;
mod sending;

use jackfield_sdk::testing::{self, Env};
use jackfield_sdk::{Connector, Failure, Outcome};
use serde_json::json;

use crate::Instagram;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const ACCOUNT: &str = "17840000000000001";

pub fn env() -> Env {
    let config = json!({"account_id": ACCOUNT, "api_base": "http://127.0.0.1:4000"});
    Env::new("ig-main").config(config).secret("app-secret", SECRET).secret("verify-token", "agreed")
}

pub fn receive(env: &mut Env, body: &str) -> Result<Outcome, Failure> {
    let mut request = testing::post("/hooks/ig-main", body);
    testing::sign_hub(&mut request, SECRET);
    env.run(|| Instagram::receive(request))
}
