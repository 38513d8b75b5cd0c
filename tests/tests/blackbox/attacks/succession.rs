//! Coming after another connector: under its name, or on its channel.

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::host::{Home, Host, Setup, TELEGRAM};
use jackfield_tests::paths;
use jackfield_tests::provider::{Provider, Script, Seen};
use jackfield_tests::versions::{version, webhook};
use jackfield_tests::webhooks::{Webhook, telegram, telegram_text};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{ANSWER, EVIL, QUESTION, signed};

const BOT: [(&str, &str); 2] = [("webhook-secret", "TELEGRAM_SECRET"), ("bot-token", "BOT_TOKEN")];

/// A host on whose Telegram channel somebody has asked something; a customer.
struct Bot {
    home: Home,
    host: Host,
    provider: Provider,
    author: Provider,
    victim: String,
}

impl Bot {
    async fn new() -> Result<Self> {
        Self::of(Provider::agreeable().await?).await
    }

    async fn of(provider: Provider) -> Result<Self> {
        let author = Provider::agreeable().await?;
        let home = Home::new(&Setup::new().channel(TELEGRAM, "telegram", &provider.url(), "", &BOT)?).await?;
        let host = home.start().await?;
        host.take(TELEGRAM, &telegram(&telegram_text(77, 1, QUESTION))).await?;
        let inbox = host.api.read("/v1/inbox").await?;
        let victim = inbox["items"][0]["customer"]["id"].as_str().or(inbox["items"][0]["customer"].as_str());
        let victim = victim.with_context(|| format!("{inbox}"))?.to_owned();
        Ok(Self { home, host, provider, author, victim })
    }

    /// The hostile connector under a name, on a channel.
    fn hostile(&self, setup: Setup, name: &str, channel: &str) -> Result<Setup> {
        let (component, target) = (paths::component("hostile")?, self.author.url());
        Ok(setup.with(&format!(
            "[connectors.{name}]\npath = {component:?}\n[channels.{channel}]\nconnector = {name:?}\n\
             config = {{ do = \"says\", target = {target:?} }}\n\
             [channels.{channel}.secrets]\napp-secret = {{ env = \"APP_SECRET\" }}\n\
             [channels.{channel}.grants]\nhttp = [{target:?}, \"http://ungranted.example\"]\nprivate-addresses = [{target:?}]"
        )))
    }

    async fn reload(&self, setup: &Setup) -> Result<Value> {
        setup.write(&self.home.folder)?;
        let reloaded = self.host.api.post("/v1/reload", &json!({})).await?;
        ensure!(reloaded.status == 200, "{}", reloaded.text());
        Ok(reloaded.json())
    }

    async fn says(&self, channel: &str, events: &Value) -> Result<u16> {
        let body = json!({ "events": events }).to_string();
        let headers = vec![("x-signature", signed(&body))];
        Ok(self.host.hook(channel, &Webhook { body, headers }).await?.status.as_u16())
    }

    /// Has an agent answer the customer.
    async fn writes(&self) -> Result<Value> {
        let path = format!("/v1/customers/{}/messages", self.victim);
        let answer = self.host.api.post(&path, &json!({ "text": ANSWER })).await?;
        ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    fn author_knows(&self) -> bool {
        self.author.seen().iter().any(|seen| String::from_utf8_lossy(&seen.body).contains(ANSWER))
    }
}

/// What a message came to.
async fn ended(bot: &Bot, accepted: &Value) -> Result<Value> {
    let id = accepted["message_id"].as_str().context("a message")?;
    bot.host.delivered(id, "failed").await
}

#[tokio::test]
async fn who_comes_under_the_name_of_a_connector_that_was_removed_does_not_get_its_people() -> Result<()> {
    let bot = Bot::new().await?;
    bot.reload(&Setup::new()).await?;
    let removed = bot.host.api.post("/v1/connectors/telegram/remove", &json!({})).await?;
    ensure!(removed.status == 200, "{}", removed.text());
    let headers = [("content-type", "application/wasm")];
    let bring = async |name: &str| {
        let component = std::fs::read(paths::component(name)?)?;
        bot.host.api.send(Method::POST, "/v1/connectors/telegram/generations", &headers, component).await
    };
    let refused = bring("hostile").await?;
    ensure!(refused.status == 422 && refused.text().contains("another name"), "{} {}", refused.status, refused.text());
    bot.hostile(Setup::new(), "telegram", EVIL)?.write(&bot.home.folder)?;
    let reloaded = bot.host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.status == 409, "{} {}", reloaded.status, reloaded.text());
    // The one whose name it is may come back to its people.
    let back = bring("telegram").await?;
    ensure!(back.status == 201, "{} {}", back.status, back.text());
    bot.reload(&Setup::new().channel(TELEGRAM, "telegram", &bot.provider.url(), "", &BOT)?).await?;
    bot.host.take(TELEGRAM, &telegram(&telegram_text(77, 2, "still me"))).await?;
    let inbox = bot.host.api.read("/v1/inbox").await?;
    ensure!(inbox["items"].as_array().map(Vec::len) == Some(1), "{inbox}");
    Ok(())
}

#[tokio::test]
async fn what_waits_to_be_sent_is_not_told_to_another_connector_that_comes_to_the_channel() -> Result<()> {
    let bot = Bot::new().await?;
    bot.host.api.post(&format!("/v1/channels/{TELEGRAM}/pause"), &json!({})).await?;
    let accepted = bot.writes().await?;
    ensure!(accepted["waits"] == "paused", "{accepted}");
    bot.reload(&bot.hostile(Setup::new(), "hostile", TELEGRAM)?).await?;
    bot.host.api.post(&format!("/v1/channels/{TELEGRAM}/resume"), &json!({})).await?;
    let message = ended(&bot, &accepted).await?;
    ensure!(message["delivery"]["class"] == "no_address", "{message}");
    ensure!(!bot.author_knows(), "{message}");
    // Nor is it once somebody wants it to be tried again.
    let id = accepted["message_id"].as_str().context("a message")?;
    let again = bot.host.api.post(&format!("/v1/messages/{id}/retry"), &json!({})).await?;
    ensure!(again.status == 409, "{} {}", again.status, again.text());
    Ok(())
}

#[tokio::test]
async fn what_is_written_to_a_person_of_the_connector_before_is_not_told_to_another_one_on_the_channel() -> Result<()> {
    let bot = Bot::new().await?;
    bot.reload(&bot.hostile(Setup::new(), "hostile", TELEGRAM)?).await?;
    let path = format!("/v1/customers/{}/messages", bot.victim);
    let refused = bot.host.api.post(&path, &json!({ "text": ANSWER })).await?;
    ensure!(refused.json()["code"] == "no_address", "{} {}", refused.status, refused.text());
    ensure!(!bot.author_knows(), "{}", bot.host.log());
    // Its own people are answered.
    ensure!(bot.says(TELEGRAM, &json!([{ "id": "e1", "from": ["phone", "+6281111"], "text": "hello" }])).await? == 200);
    let inbox = bot.host.api.read("/v1/inbox").await?;
    let own = inbox["items"][0]["customer"]["id"].as_str().or(inbox["items"][0]["customer"].as_str());
    let path = format!("/v1/customers/{}/messages", own.with_context(|| inbox.to_string())?);
    let answer = bot.host.api.post(&path, &json!({ "text": "hello to you" })).await?.json();
    bot.host.delivered(answer["message_id"].as_str().context("a message")?, "sent").await?;
    Ok(())
}

#[tokio::test]
async fn a_pause_that_the_provider_of_the_connector_before_asks_for_late_holds_nothing_of_another_one() -> Result<()> {
    let (opens, held) = watch::channel(false);
    let wait = json!({ "ok": false, "error_code": 429, "description": "wait", "parameters": { "retry_after": 600 } });
    let answer = move |seen: &Seen, _| match seen.path.ends_with("/sendMessage") {
        true => Script::Held(held.clone(), Box::new(Script::json(429, &wait))),
        false => Script::json(200, &json!({ "ok": true, "result": {} })),
    };
    let bot = Bot::of(Provider::start(answer).await?).await?;
    let accepted = bot.writes().await?;
    bot.provider.wait_for(1).await?;
    // It is granted the same, so that no call ends because of that.
    let provider = format!("[{:?}, ", bot.provider.url());
    let setup = bot.hostile(Setup::new(), "hostile", TELEGRAM)?.with("attests = [\"phone\", \"email\"]");
    let setup = setup.replaced("http = [", &format!("http = {provider}"));
    bot.reload(&setup.replaced("addresses = [", &format!("addresses = {provider}"))).await?;
    opens.send(true)?;
    bot.host.delivered(accepted["message_id"].as_str().context("a message")?, "queued").await?;
    ensure!(bot.says(TELEGRAM, &json!([{ "id": "e1", "from": ["phone", "+6281111"], "text": "hello" }])).await? == 200);
    let inbox = bot.host.api.read("/v1/inbox").await?;
    let own = inbox["items"][0]["customer"]["id"].as_str().or(inbox["items"][0]["customer"].as_str());
    let path = format!("/v1/customers/{}/messages", own.with_context(|| inbox.to_string())?);
    let answer = bot.host.api.post(&path, &json!({ "text": "hello to you" })).await?.json();
    bot.host.delivered(answer["message_id"].as_str().context("a message")?, "sent").await?;
    let channel = bot.host.api.read(&format!("/v1/channels/{TELEGRAM}")).await?;
    ensure!(channel["held_until"].is_null(), "{channel}");
    Ok(())
}

#[tokio::test]
async fn a_file_of_a_person_of_the_connector_before_is_not_given_by_another_one_on_the_channel() -> Result<()> {
    let bot = Bot::new().await?;
    let wish = json!({ "inline": "forged" }).to_string();
    let photo = json!([{ "file_id": "F1", "file_unique_id": "U1", "width": 90, "height": 90, "file_size": 9 }]);
    let mut update = telegram_text(77, 2, "");
    update["message"]["photo"] = photo;
    update["message"]["caption"] = json!(wish);
    bot.host.take(TELEGRAM, &telegram(&update)).await?;
    let timeline = bot.host.api.read(&format!("/v1/customers/{}/timeline", bot.victim)).await?;
    let id = timeline["items"][0]["message"]["id"].as_str().with_context(|| timeline.to_string())?.to_owned();
    bot.reload(&bot.hostile(Setup::new(), "hostile", TELEGRAM)?).await?;
    let got = bot.host.api.get(&format!("/v1/messages/{id}/attachments/0")).await?;
    ensure!(got.status == 409 && !got.text().contains("forged"), "{} {}", got.status, got.text());
    Ok(())
}

#[tokio::test]
async fn what_could_not_be_handled_before_is_not_shown_to_another_connector_on_the_channel() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let secrets = [("app-secret", "APP_SECRET")];
    let home = Home::new(&Setup::new().channel("shop", "versions", &provider.url(), "", &secrets)?).await?;
    let host = home.start().await?;
    for component in [version("poison")?, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()] {
        let headers = [("content-type", "application/wasm")];
        let path = "/v1/connectors/versions/generations";
        let brought = host.api.send(Method::POST, path, &headers, component).await?;
        ensure!(brought.status == 201, "{}", brought.text());
    }
    host.take("shop", &webhook("m1", "6281234", "poison")).await?;
    Setup::new().guest("shop", "hostile", "do = \"logs\"")?.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.status == 200, "{}", reloaded.text());
    let answer = host.api.post("/v1/parked/replay", &json!({})).await?.json();
    ensure!(answer["stay"].as_array().map(Vec::len) == Some(1), "{answer}");
    let log = host.api.get("/v1/channels/shop/log?end=true").await?;
    ensure!(!log.text().contains("m1"), "{}", log.text());
    Ok(())
}

#[tokio::test]
async fn what_was_granted_to_the_connector_before_is_not_granted_to_another_one_on_the_channel() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let secrets = [("app-secret", "APP_SECRET")];
    let home = Home::new(&Setup::new().channel("form", "versions", &provider.url(), "", &secrets)?).await?;
    let host = home.start().await?;
    let mine = "http://127.0.0.1:1";
    for grants in [json!({ "public_webhook": true }), json!({ "private_addresses": [mine] })] {
        let granted = host.api.post("/v1/channels/form/grants", &grants).await?;
        ensure!(granted.status == 200, "{}", granted.text());
    }
    let setup = Setup::new().guest("form", "hostile", "do = \"says-unproven\"")?;
    // What was granted while the host ran stands in for nothing that the configuration does not grant.
    setup.clone().replaced(&format!("{mine:?}, "), "").write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.status == 409 && reloaded.text().contains(mine), "{} {}", reloaded.status, reloaded.text());
    setup.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.status == 200, "{}", reloaded.text());
    let grants = host.api.read("/v1/channels/form/grants").await?;
    ensure!(grants["granted"]["private_addresses"] == json!([]), "{grants}");
    let body = json!({ "events": [{ "id": "e1", "from": ["visitor", "1"], "text": "hello" }] }).to_string();
    let unsigned = Webhook { body, headers: vec![] };
    ensure!(host.hook("form", &unsigned).await?.status == 401);
    // To this one the operator may grant it.
    host.api.post("/v1/channels/form/grants", &json!({ "public_webhook": true })).await?;
    ensure!(host.hook("form", &unsigned).await?.status == 200);
    Ok(())
}

#[tokio::test]
async fn what_a_connector_asks_for_on_a_channel_of_another_one_is_granted_by_its_approval() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let secrets = [("app-secret", "APP_SECRET")];
    let before = Setup::new().channel("stays", "versions", &provider.url(), "", &secrets)?;
    let home = Home::new(&before.clone().channel("passes", "versions", &provider.url(), "", &secrets)?).await?;
    let host = home.start().await?;
    ensure!(host.hook("passes", &webhook("m1", "6281234", "hello")).await?.status == 200);
    host.stop().await?;
    // Nothing serves the channel after this, since the configuration does not grant all that is asked for.
    let setup = before.guest("passes", "hostile", "do = \"verifies\"")?.replaced("\"http://127.0.0.1:1\", ", "");
    setup.write(&home.folder)?;
    let host = home.start().await?;
    let waits = host.api.read("/v1/connectors/hostile").await?;
    ensure!(waits["generations"][0]["stage"] == "pending-approval", "{waits}");
    let approved = host.api.post("/v1/connectors/hostile/approve", &json!({ "generation": 1 })).await?;
    ensure!(approved.status == 201, "{} {}", approved.status, approved.text());
    let (body, grants) = ("hello".to_owned(), host.api.read("/v1/channels/passes/grants").await?);
    ensure!(grants["denied"] == json!([]), "{grants}");
    let headers = vec![("x-signature", signed(&body))];
    ensure!(host.hook("passes", &Webhook { body, headers }).await?.status == 200);
    Ok(())
}

#[tokio::test]
async fn a_message_to_a_channel_that_is_off_is_said_to_wait() -> Result<()> {
    let bot = Bot::new().await?;
    let setup = Setup::new().channel(TELEGRAM, "telegram", &bot.provider.url(), "", &BOT)?;
    bot.reload(&Setup::new()).await?;
    let accepted = bot.writes().await?;
    ensure!(accepted["waits"] == "off", "{accepted}");
    bot.reload(&setup).await?;
    bot.host.delivered(accepted["message_id"].as_str().context("a message")?, "sent").await?;
    let accepted = bot.writes().await?;
    ensure!(accepted["waits"].is_null(), "{accepted}");
    Ok(())
}
