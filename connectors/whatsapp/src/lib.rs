//! The WhatsApp connector: webhooks and messages of the Cloud API. One phone number is one channel.

mod change;
mod config;
mod content;
mod envelope;
mod files;
mod graph;
mod message;
mod outbound;
mod person;
mod setup;
mod status;
#[cfg(test)]
mod tests;

use jackfield_sdk::media::{Answer, File, Files, Outgoing, Progress};
use jackfield_sdk::{
    Connector, Delivery, Failure, Health, Media, Outcome, Problem, Receipt, Reply, Request, Step, config as channel,
    hub,
};

use config::Config;

/// The connector.
pub struct WhatsApp;

impl Connector for WhatsApp {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        match request.method.as_str() {
            "GET" => hub::challenge(&request, "verify-token"),
            "POST" => {
                hub::verify(&request, "app-secret")?;
                envelope::read(&channel::load()?, &request.body)
            }
            _ => Ok(Outcome::reply(Reply::status(405))),
        }
    }

    fn send(delivery: Delivery, _idempotency_key: &str) -> Result<Receipt, Failure> {
        outbound::deliver(&channel::load()?, &delivery)
    }

    fn validate(config: &str) -> Vec<Problem> {
        channel::parse(config)
            .map_or_else(|failure| vec![failure.problem().clone()], |config: Config| config.problems())
    }

    fn check() -> Result<Health, Failure> {
        setup::check(&channel::load()?)
    }

    fn connect(public_url: &str) -> Result<Vec<Step>, Failure> {
        Ok(setup::steps(public_url))
    }
}

impl Files for WhatsApp {
    fn fetch(media: Media) -> Result<File, Failure> {
        files::fetch(&channel::load()?, &media)
    }

    fn upload(file: Outgoing, _idempotency_key: &str) -> Result<Progress, Failure> {
        files::upload(&channel::load()?, &file)
    }

    fn resume(file: Outgoing, answer: Answer) -> Result<Progress, Failure> {
        files::resume(file, answer)
    }
}

jackfield_sdk::export!(WhatsApp, media);
