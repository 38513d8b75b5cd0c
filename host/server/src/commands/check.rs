//! `jackfield check`

use std::process::ExitCode;

use jackfield_store::OpenError;
use jackfield_store::disk::Reserve;

use super::{rebuild, say, tell, wait_for};
use crate::cli::ConfigFile;
use crate::config::{Code, Config};
use crate::start::{self, Fault};
use crate::tls;

pub(super) fn run(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    // Everything that is wrong goes to standard output here, the file itself included.
    let config = match Config::read(&file.config) {
        Ok(config) => config,
        Err(error) => {
            say(&error.to_string())?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let faults = wait_for(find(&config))?;
    match jackfield_store::skipped(&config.data(), &start::store_options(&config)) {
        Ok(facts) => rebuild::skipped(&facts)?,
        Err(OpenError::Locked(_)) => {
            tell("the host is running; `GET /readyz` says whether facts were skipped, and its log why")
        }
        Err(error) => tell(&format!("the facts that were skipped cannot be listed: {error}")),
    }
    for fault in &faults {
        say(&format!("{}: {fault}", file.config.display()))?;
    }
    for (name, connector) in &config.connectors {
        if let Code::Oci(reference) = &connector.code {
            tell(&format!(
                "[connectors.{name}] is left out, with its channels: it is pulled at the start, from {}",
                reference.get_ref()
            ));
        }
    }
    match faults.is_empty() {
        true => {
            let (connectors, channels) = (config.connectors.len(), config.channels.len());
            say(&format!("{} is good: {connectors} connectors, {channels} channels", file.config.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        false => {
            tell(&format!("problems to mend: {}", faults.len()));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn find(config: &Config) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    if let Err(error) = tls::Certificates::load(config) {
        faults.push(Fault { place: String::from("server.tls"), message: error.to_string() });
    }
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.level) {
        faults.push(Fault { place: String::from("log"), message: format!("level: {error}") });
    }
    let options = start::store_options(config);
    let reserve = Reserve::new(options.disk, &config.data(), options.reserve_bytes);
    let sandbox = start::sandbox(config, start::compiler(), reserve)?;
    if let Err(more) = start::examine(config, &sandbox).await {
        faults.extend(more.0);
    }
    Ok(faults)
}
