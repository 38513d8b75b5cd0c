//! The Telegram connector: one bot is one channel.

mod api;
mod chat;
mod config;
mod content;
mod files;
mod membership;
mod message;
mod outbound;
mod person;
mod pressed;
mod profile;
mod setup;
#[cfg(test)]
mod tests;
mod update;

use jackfield_sdk::media::{File, Files};
use jackfield_sdk::{
    Connector, Delivery, Failure, Health, Hint, Identifier, Media, Outcome, Problem, Receipt, Reply, Request, Step,
    config as channel, secrets,
};

use config::Config;

/// The connector.
pub struct Telegram;

impl Connector for Telegram {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        if request.method != "POST" {
            return Ok(Outcome::reply(Reply::status(405)));
        }
        let token = request.header("x-telegram-bot-api-secret-token").unwrap_or_default();
        if !secrets::equals("webhook-secret", token)? {
            return Err(Failure::unauthenticated("The header X-Telegram-Bot-Api-Secret-Token is missing or wrong."));
        }
        update::read(&request.body)
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
        setup::connect(&channel::load()?, public_url)
    }
}

impl Files for Telegram {
    fn fetch(media: Media) -> Result<File, Failure> {
        files::fetch(&channel::load()?, &media)
    }
}

jackfield_sdk::export!(Telegram, media);
