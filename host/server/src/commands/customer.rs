//! `jackfield customer`

use std::process::ExitCode;

use serde_json::Value;

use super::ask::{done, items, text};
use crate::cli::CustomerCommand;

pub(super) fn run(command: CustomerCommand) -> anyhow::Result<ExitCode> {
    match command {
        CustomerCommand::Erase { id, host } => {
            done(&host, async |remote| remote.delete(&format!("/v1/customers/{id}")).await, erased)
        }
    }
}

fn erased(answer: &Value) -> Vec<String> {
    let identities: Vec<String> = items(&answer["identities"]).iter().map(text).collect();
    let state = match answer["ended_at"].as_str() {
        Some(at) => format!("nothing of the customer is left since {at}"),
        None => String::from("what the journal holds is being replaced; ask again, or see `rebuilding` of /readyz"),
    };
    vec![format!("{} ({}) is erased", text(&answer["customer"]), identities.join(", ")), state]
}
