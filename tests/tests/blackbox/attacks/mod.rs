//! A hostile connector and an anonymous visitor, against a whole host: no reply, no message and no link crosses to another person, no
//! channel but their own notices, and the host starts again.

mod exhaustion;
mod impersonation;
mod secrets;
mod succession;

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use jackfield_tests::host::{Home, Host, Setup, WHATSAPP};
use jackfield_tests::paths;
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{APP_SECRET, Webhook, meta, whatsapp_text};
use ring::hmac;
use serde_json::{Value, json};

/// A channel of the hostile connector, whose webhooks are signed.
const EVIL: &str = "evil";
/// A channel of the same connector on which anybody may write.
const FORM: &str = "form";

const VICTIM: &str = "6281234567890";
const QUESTION: &str = "where is my parcel?";
/// What is meant for the victim and nobody else.
const ANSWER: &str = "your parcel is at the harbour";

/// A shop in which the victim has written on WhatsApp, with a hostile connector whose author listens.
struct Shop {
    home: Home,
    host: Host,
    whatsapp: Provider,
    author: Provider,
    victim: String,
}

impl Shop {
    async fn new() -> Result<Self> {
        let (whatsapp, author) = (Provider::agreeable().await?, Provider::agreeable().await?);
        let component = paths::component("hostile")?;
        let mut setup = Setup::shop(&whatsapp.url())?.with(&format!("[connectors.hostile]\npath = {component:?}"));
        for (name, behaviour, more) in [(EVIL, "says", ""), (FORM, "says-unproven", "public-webhook = true")] {
            let target = author.url();
            setup = setup.with(&format!(
                "[channels.{name}]\nconnector = \"hostile\"\nconfig = {{ do = {behaviour:?}, target = {target:?} }}\n\
                 [channels.{name}.limits]\nwall-ms = 20000\ncpu-ms = 5000\n\
                 [channels.{name}.secrets]\napp-secret = {{ env = \"APP_SECRET\" }}\n\
                 [channels.{name}.grants]\nhttp = [{target:?}, \"http://ungranted.example\"]\nprivate-addresses = [{target:?}]\n{more}"
            ));
        }
        let home = Home::new(&setup).await?;
        let host = home.start().await?;
        host.take(WHATSAPP, &meta(&whatsapp_text(VICTIM, "Ana", "wamid.victim", QUESTION))).await?;
        let victim = host.api.customer_with(&format!("phone:+{VICTIM}")).await?;
        Ok(Self { home, host, whatsapp, author, victim })
    }

    /// Has the hostile connector say something on one of its channels.
    async fn says(&self, channel: &str, events: Value) -> Result<()> {
        self.says_times(channel, events, 1).await
    }

    async fn says_times(&self, channel: &str, events: Value, times: usize) -> Result<()> {
        let body = json!({ "events": events, "times": times }).to_string();
        let headers = if channel == FORM { vec![] } else { vec![("x-signature", signed(&body))] };
        self.host.take(channel, &Webhook { body, headers }).await
    }

    async fn customer(&self) -> Result<Value> {
        self.host.api.read(&format!("/v1/customers/{}", self.victim)).await
    }

    /// The texts that the victim's view shows as the victim's own.
    async fn own(&self) -> Result<Vec<String>> {
        let customer = self.customer().await?;
        let items = customer["last_messages"].as_array().context("messages")?;
        let own = items.iter().filter(|item| item["provisional"].is_null());
        Ok(own.map(|item| item["message"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whatever was tried: the victim's own messages are the victim's, the question still waits, an answer goes to the victim alone, and
    /// what the victim writes next is the same customer's; and all of that also after a start.
    async fn nothing_crossed(mut self) -> Result<()> {
        for answered in [false, true] {
            ensure!(answered || self.own().await? == [QUESTION], "{}", self.customer().await?);
            let customer = self.customer().await?;
            ensure!(answered || !customer["waiting_since"].is_null(), "the question waits no more: {customer}");
            self.answer().await?;
            let id = format!("wamid.again{answered}");
            self.host.take(WHATSAPP, &meta(&whatsapp_text(VICTIM, "Ana", &id, "still here"))).await?;
            ensure!(self.host.api.customer_with(&format!("phone:+{VICTIM}")).await? == self.victim);
            ensure!(self.own().await?.contains(&"still here".to_owned()));
            self.host.stop().await?;
            self.host = self.home.start().await?;
            let ready = self.host.api.read("/readyz").await?;
            ensure!(ready["skipped"]["count"] == 0, "{ready}");
        }
        Ok(())
    }

    async fn answer(&self) -> Result<()> {
        let path = format!("/v1/customers/{}/messages", self.victim);
        let before = self.whatsapp.messages().len();
        let answer = self.host.api.post(&path, &json!({ "text": ANSWER })).await?;
        ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
        let queued = answer.json();
        ensure!(queued["to"]["channel"] == WHATSAPP, "{queued}");
        let id = queued["message_id"].as_str().context("a message")?;
        self.host.delivered(id, "sent").await?;
        let sent = self.whatsapp.messages();
        ensure!(sent.len() == before + 1 && sent[before].json()["to"] == VICTIM, "{:?}", sent.last());
        let told = self.author.seen();
        ensure!(told.iter().all(|seen| !String::from_utf8_lossy(&seen.body).contains(ANSWER)), "{told:?}");
        Ok(())
    }
}

/// The signature of a body by the channel's secret.
fn signed(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref())
}
