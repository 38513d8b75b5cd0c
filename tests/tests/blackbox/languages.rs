//! What holds of a channel whatever its connector is written in. [`slack`](super::slack) and [`line`](super::line) are held to it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jackfield_tests::compiled;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::provider::{Provider, Script, Seen};
use jackfield_tests::webhooks::{APP_SECRET, Webhook};
use serde_json::json;

/// A channel of a connector, and how its provider speaks.
pub struct Kind {
    pub connector: &'static str,
    /// What stands in its configuration besides the provider's places.
    pub settings: &'static str,
    /// Its secrets, and the variables that they are in.
    pub secrets: &'static [(&'static str, &'static str)],
    /// What the host puts into requests.
    pub token: &'static str,
    /// The customer's address, and what the provider calls the customer.
    pub customer: &'static str,
    pub name: &'static str,
    /// The customer writes this, signed with a secret.
    pub writes: fn(secret: &str, text: &str) -> Webhook,
    /// What the provider answers.
    pub answers: fn(&Seen, usize) -> Script,
    /// The provider's id of what is sent, and where the words are in it.
    pub sent: &'static str,
    pub words: &'static str,
}

/// A host with one channel of a kind, and its provider.
pub struct Desk {
    pub kind: &'static Kind,
    pub host: Host,
    pub provider: Provider,
}

impl Kind {
    pub async fn open(&'static self) -> Result<Desk> {
        let provider = Provider::start(self.answers).await?;
        let setup =
            Setup::new().channel(self.connector, self.connector, &provider.url(), self.settings, self.secrets)?;
        let host = compiled::start(self.connector, &Home::new(&setup).await?).await?;
        Ok(Desk { kind: self, host, provider })
    }

    /// A signed webhook becomes a message in the inbox, of a customer who has a name.
    pub async fn arrives(&'static self) -> Result<()> {
        let desk = self.open().await?;
        desk.take("Is the green tea back?").await?;
        let inbox = desk.host.api.read("/v1/inbox").await?;
        let message = &inbox["items"][0]["last_message"];
        assert_eq!(message["parts"][0]["text"], "Is the green tea back?", "{inbox}");
        assert_eq!((&message["direction"], &message["author"]["kind"]), (&json!("inbound"), &json!("customer")));
        assert_eq!(inbox["items"][0]["customer"], desk.customer().await?);
        desk.named().await
    }

    /// What the provider did not sign is refused, and leaves nothing.
    pub async fn refuses(&'static self) -> Result<()> {
        let desk = self.open().await?;
        let good = (self.writes)(APP_SECRET, "hello");
        let forged = [
            (self.writes)("ffffffffffffffffffffffffffffffff", "hello"),
            Webhook { headers: vec![("content-type", String::from("application/json"))], ..good.clone() },
            Webhook { body: format!("{} ", good.body), ..good },
        ];
        for webhook in &forged {
            assert_eq!(desk.host.hook(self.connector, webhook).await?.status, 401, "{:?}", webhook.headers);
        }
        assert_eq!(desk.host.api.read("/v1/inbox").await?["items"], json!([]));
        assert_eq!(desk.host.api.read("/v1/parked").await?["items"], json!([]));
        Ok(())
    }

    /// A delivery that the provider repeats counts once.
    pub async fn counts_once(&'static self) -> Result<()> {
        let desk = self.open().await?;
        for _ in 0..3 {
            desk.take("only once").await?;
        }
        let timeline = desk.host.api.read(&format!("/v1/customers/{}/timeline", desk.customer().await?)).await?;
        assert_eq!(timeline["items"].as_array().map(Vec::len), Some(1), "{timeline}");
        Ok(())
    }

    /// A reply goes out with the credential that the host puts in, and its state comes back.
    pub async fn replies(&'static self) -> Result<()> {
        let desk = self.open().await?;
        let id = desk.reply("Yes, two are left.").await?;
        let message = desk.host.delivered(&id, "sent").await?;
        assert_eq!((&message["external_id"], &message["delivery"]["attempts"]), (&json!(self.sent), &json!(1)));
        let seen = &desk.provider.messages()[0];
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {}", self.token).as_str()));
        assert_eq!(seen.json().pointer(self.words), Some(&json!("Yes, two are left.")));
        assert!(!desk.host.stop().await?.contains(self.token));
        Ok(())
    }

    /// A provider that is too busy is asked again.
    pub async fn waits(&'static self) -> Result<()> {
        let desk = self.open().await?;
        let headers = vec![("retry-after", String::from("0"))];
        desk.provider.next(Script::Answer { status: 429, headers, body: String::from("{}") });
        let id = desk.reply("hello").await?;
        let message = desk.host.delivered(&id, "sent").await?;
        assert_eq!(message["delivery"]["attempts"], 2, "{message}");
        assert_eq!(desk.provider.messages().len(), 2);
        Ok(())
    }

    /// A channel in which the provider hangs up on a reply.
    pub async fn hangs_up(&'static self) -> Result<(Desk, String)> {
        let desk = self.open().await?;
        desk.provider.next(Script::HangUp);
        let id = desk.reply("hello").await?;
        Ok((desk, id))
    }

    /// A file that the customer sent is had through the connector, with the credential. `webhook` brings it as its only part.
    pub async fn fetches(&'static self, webhook: &Webhook, content: &str) -> Result<Desk> {
        let desk = self.open().await?;
        desk.host.take(self.connector, webhook).await?;
        let inbox = desk.host.api.read("/v1/inbox").await?;
        let message = inbox["items"][0]["last_message"]["id"].as_str().context("a message")?.to_owned();
        let got = desk.host.api.get(&format!("/v1/messages/{message}/attachments/0")).await?;
        assert_eq!((got.status.as_u16(), got.text().as_str()), (200, content));
        for seen in desk.provider.seen() {
            assert_eq!(seen.header("authorization"), Some(format!("Bearer {}", self.token).as_str()), "{seen:?}");
            assert!(!seen.path.contains(self.token));
        }
        assert!(!desk.host.log().contains(self.token));
        Ok(desk)
    }
}

impl Desk {
    async fn take(&self, text: &str) -> Result<()> {
        self.host.take(self.kind.connector, &(self.kind.writes)(APP_SECRET, text)).await
    }

    async fn customer(&self) -> Result<String> {
        self.host.api.customer_with(self.kind.customer).await
    }

    /// What the provider calls somebody is asked for after the first message, and no event says that it has come; asking is the only way
    /// to see it.
    async fn named(&self) -> Result<()> {
        let path = format!("/v1/customers/{}", self.customer().await?);
        let named = async {
            while self.host.api.read(&path).await?["name"] != self.kind.name {
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(10), named).await.context("the customer never gets a name")?
    }

    /// Answers the customer, who wrote before.
    async fn reply(&self, text: &str) -> Result<String> {
        self.take("hello?").await?;
        let path = format!("/v1/customers/{}/messages", self.customer().await?);
        let answer = self.host.api.post(&path, &json!({ "text": text })).await?;
        ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
        answer.json()["message_id"].as_str().map(str::to_owned).context("a message has an id")
    }
}
