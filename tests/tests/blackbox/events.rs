//! The live feed: nothing missed, nothing twice, across reconnections and restarts.

use anyhow::{Context, Result};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Setup, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{meta, whatsapp_message, whatsapp_text, whatsapp_value};
use serde_json::json;

const MESSAGES: &str = "/v1/events?types=message.received";

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_sees_nothing_twice_across_a_restart_too() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let mut host = home.start().await?;
    let mut feed = Feed::open(host.api.base(), &host.key, MESSAGES, Some("0")).await?;
    let (mut seen, mut last, mut sent) = (Vec::new(), String::from("0"), 0);
    for round in 0..4 {
        // Two messages in one webhook are two events of one fact.
        let pair = json!([
            whatsapp_message("62811", &format!("a{round}"), "x"),
            whatsapp_message("62811", &format!("b{round}"), "y")
        ]);
        let contacts = json!([{ "profile": { "name": "Ana" }, "wa_id": "62811" }]);
        host.take(WHATSAPP, &meta(&whatsapp_value(json!({ "contacts": contacts, "messages": pair })))).await?;
        sent += 2;
        let event = feed.next().await?.context("an event")?;
        last.clone_from(&event.id);
        seen.push(event.data["message"]["external_id"].clone());
        if round == 1 {
            host.stop().await?;
            host = home.start().await?;
        }
        // Each round leaves after the first of two events and comes back for the second.
        feed = Feed::open(host.api.base(), &host.key, MESSAGES, Some(&last)).await?;
        let event = feed.next().await?.context("an event")?;
        last.clone_from(&event.id);
        seen.push(event.data["message"]["external_id"].clone());
    }
    let expected: Vec<_> = (0..4).flat_map(|r| [json!(format!("a{r}")), json!(format!("b{r}"))]).collect();
    assert_eq!((seen.len(), seen), (sent, expected));
    Ok(())
}

#[tokio::test]
async fn a_client_without_a_place_follows_from_now_on() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "before", "x"))).await?;
    let mut feed = Feed::open(host.api.base(), &host.key, MESSAGES, None).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "after", "x"))).await?;
    let event = feed.next().await?.context("an event")?;
    assert_eq!(event.data["message"]["external_id"], "after");
    Ok(())
}
