//! The story of the shop, played against the real host: `cargo xtask demo`.
#![allow(clippy::print_stdout, reason = "it is a demonstration: it prints")]

use anyhow::{Context, Result, ensure};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, INSTAGRAM, Setup, TELEGRAM, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{
    Webhook, instagram_text, meta, telegram, telegram_text, whatsapp_status, whatsapp_text,
};
use serde_json::{Value, json};

const QUESTION: &str = "Hi! Is the 14 inch laptop in stock? You can put the order under 0812-3456-7890";
const COMPLAINT: &str = "Hello, my shipment still has not arrived";
const REPLY: &str = "Hi Ana! I am looking into it. Is this about the laptop you asked about yesterday?";

#[tokio::main]
async fn main() -> Result<()> {
    let stay = !std::env::args().any(|argument| argument == "--exit");
    let folder = std::env::current_dir()?.join("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("the folder of the last demonstration is in use; stop that first")?;
    }
    std::fs::create_dir_all(&folder)?;
    let provider = Provider::agreeable().await?;
    step(&format!("The host starts on an embedded store in {}", folder.display()));
    let home = Home::at(folder, &Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    say(&format!("it is ready on {}", host.api.base()));
    let owner = customers_write(&host).await?;
    agent_looks(&host, &owner).await?;
    agent_replies(&host, &provider, &owner).await?;
    person_is_confirmed(&host, &owner).await?;
    println!("\nThe demonstration worked.");
    if stay {
        wait(&host).await?;
    }
    host.stop().await?;
    Ok(())
}

/// Three webhooks, signed as the providers sign them.
async fn customers_write(host: &Host) -> Result<String> {
    step("Yesterday, on Instagram, somebody asks about a laptop and types a phone number");
    take(host, INSTAGRAM, &meta(&instagram_text("5551234", "mid.demo.1", QUESTION))).await?;
    step("Today, on WhatsApp, a customer complains; WhatsApp vouches for the number");
    take(host, WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana Putri", "wamid.demo.1", COMPLAINT))).await?;
    step("And somebody else writes on Telegram");
    take(host, TELEGRAM, &telegram(&telegram_text(77, 1, "Do you repair phones?"))).await?;
    step("A webhook with a wrong signature is refused");
    let forged = Webhook { headers: vec![("x-hub-signature-256", String::from("sha256=00"))], ..meta(&json!({})) };
    let refused = host.hook(WHATSAPP, &forged).await?;
    ensure!(refused.status == 401, "a forged webhook was answered with {}", refused.status);
    say(&format!("POST /hooks/{WHATSAPP} → {}", refused.status));
    host.api.customer_with("phone:+6281234567890").await
}

async fn take(host: &Host, channel: &str, webhook: &Webhook) -> Result<()> {
    host.take(channel, webhook).await?;
    say(&format!("POST /hooks/{channel} → 200, after it was on stable storage"));
    Ok(())
}

/// One call shows everything.
async fn agent_looks(host: &Host, owner: &str) -> Result<()> {
    step("The agent opens the WhatsApp customer: one call");
    say(&format!("GET /v1/customers/{owner}"));
    let view = host.api.read(&format!("/v1/customers/{owner}")).await?;
    print_view(&view);
    ensure!(view.to_string().contains("laptop"), "the laptop question is not in the view");
    step("Whoever opens the Instagram sender sees nothing of WhatsApp: the number was only claimed");
    let claimant = host.api.customer_with("instagram:5551234").await?;
    let view = host.api.read(&format!("/v1/customers/{claimant}")).await?;
    print_view(&view);
    ensure!(!view.to_string().contains("shipment"), "the complaint leaked to the claimant");
    Ok(())
}

fn print_view(view: &Value) {
    say(&format!("  name       {}", view["name"].as_str().unwrap_or("not known")));
    for identity in view["identities"].as_array().into_iter().flatten() {
        say(&format!(
            "  identity   {}:{} ({})",
            text(&identity["kind"]),
            text(&identity["value"]),
            text(&identity["trust"])
        ));
    }
    for possible in view["possible_identities"].as_array().into_iter().flatten() {
        let (kind, value) = (text(&possible["kind"]), text(&possible["value"]));
        say(&format!("  possible   {kind}:{value}: {}", text(&possible["reason"])));
    }
    for entry in view["last_messages"].as_array().into_iter().flatten() {
        let message = &entry["message"];
        let mark = if entry["provisional"].is_object() { " (by a possible link)" } else { "" };
        let words = text(&message["parts"][0]["text"]);
        say(&format!("  message    {} {}{mark}: {words}", text(&message["sent_at"]), text(&message["channel"])));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The reply goes through the connector to the provider, and its delivery state comes back.
async fn agent_replies(host: &Host, provider: &Provider, owner: &str) -> Result<()> {
    step("The agent replies");
    let path = format!("/v1/customers/{owner}/messages");
    let answer = host.api.post(&path, &json!({ "text": REPLY })).await?;
    ensure!(answer.status == 202, "{}", answer.text());
    let id = text(&answer.json()["message_id"]).to_owned();
    say(&format!("POST {path} → {} {id}", answer.status));
    let sent = host.delivered(&id, "sent").await?;
    let seen = provider.wait_for(1).await?.remove(0);
    say(&format!("the provider's stand-in got POST {} with the credential that the connector never saw", seen.path));
    say(&format!("  {}", seen.json()));
    step("WhatsApp says that it arrived, and that it was read");
    let external = text(&sent["external_id"]).to_owned();
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?types=delivery.updated", None).await?;
    for status in ["delivered", "read"] {
        host.take(WHATSAPP, &meta(&whatsapp_status("6281234567890", &external, status))).await?;
        let event = feed.next_of("delivery.updated").await?;
        say(&format!("GET /v1/events says: {} {}", event.kind, text(&event.data["about"]["state"])));
    }
    Ok(())
}

async fn person_is_confirmed(host: &Host, owner: &str) -> Result<()> {
    step("The customer confirms, so the agent accepts the link: one customer, one conversation");
    let view = host.api.read(&format!("/v1/customers/{owner}")).await?;
    let suggestion = text(&view["possible_identities"][0]["suggestion"]).to_owned();
    let answer =
        host.api.post(&format!("/v1/suggestions/{suggestion}/accept"), &json!({ "reason": "she said so" })).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    let view = host.api.read(&format!("/v1/customers/{owner}")).await?;
    print_view(&view);
    let identity = view["identities"].as_array().into_iter().flatten().find(|i| i["kind"] == "instagram");
    let identity = text(&identity.context("the link was not made")?["id"]).to_owned();
    let why = host.api.read(&format!("/v1/customers/{owner}/why?identity={identity}")).await?;
    say(&format!("GET /v1/customers/{owner}/why?identity={identity}"));
    for step in why["path"].as_array().into_iter().flatten() {
        say(&format!(
            "  {} → {}: {} ({})",
            text(&step["from"]),
            text(&step["to"]),
            text(&step["evidence"]),
            text(&step["rule"])
        ));
    }
    Ok(())
}

async fn wait(host: &Host) -> Result<()> {
    println!("\nThe host goes on running, until Ctrl-C:");
    println!("  url   {}", host.api.base());
    println!("  key   {}", host.key);
    println!("  try   curl -H 'Authorization: Bearer {}' {}/v1/inbox", host.key, host.api.base());
    println!("  or    curl -N -H 'Authorization: Bearer {}' '{}/v1/events?after=0'", host.key, host.api.base());
    tokio::signal::ctrl_c().await.context("this program cannot be told to stop")?;
    println!();
    Ok(())
}

fn step(what: &str) {
    println!("\n{what}");
}

fn say(what: &str) {
    println!("  {what}");
}
