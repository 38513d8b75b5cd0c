//! The Instagram connector: messages to a professional account, and comments under its posts. One account is one channel.

mod account;
mod comment;
mod config;
mod content;
mod envelope;
mod files;
mod graph;
mod messaging;
mod outbound;
mod profile;
mod setup;
#[cfg(test)]
mod tests;

use jackfield_sdk::media::{File, Files, Outgoing, Progress};
use jackfield_sdk::{
    Connector, Delivery, Failure, Health, Hint, Identifier, Media, Outcome, Problem, Receipt, Reply, Request, Step,
    config as channel, hub,
};

use config::Config;

/// The connector.
pub struct Instagram;

impl Connector for Instagram {
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

    fn hints(who: Identifier) -> Result<Vec<Hint>, Failure> {
        profile::hints(&channel::load()?, &who)
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

impl Files for Instagram {
    fn fetch(media: Media) -> Result<File, Failure> {
        files::fetch(&channel::load()?, &media)
    }

    fn upload(_: Outgoing, _idempotency_key: &str) -> Result<Progress, Failure> {
        Err(Failure::unsupported("Instagram takes a file by a URL that everybody can fetch, and no upload of it."))
    }
}

jackfield_sdk::export!(Instagram, media);
