//! Channels that have no webhook are asked.

use anyhow::{Context, Result};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::paths;
use serde_json::json;

/// The guest `poller` tells how long its cursor is, and makes it one byte longer each time.
fn setup() -> Result<Setup> {
    let path = paths::component("poller")?;
    Ok(Setup::new().with(&format!(
        "[connectors.poller]\npath = {path:?}\n[channels.polled]\nconnector = \"poller\"\n[channels.polled.limits]\npoll-ms = 100"
    )))
}

#[tokio::test]
async fn what_polling_brings_comes_once_and_in_order_across_a_crash() -> Result<()> {
    let home = Home::new(&setup()?).await?;
    let mut host = home.start().await?;
    let mut last: Option<String> = None;
    // Three times as far as a crash lets it, and the cursor goes on where the last event that was stored stands.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let path = "/v1/events?after=0&types=channel.other";
        let mut feed = Feed::open(host.api.base(), &host.key, path, last.as_deref()).await?;
        for _ in 0..3 {
            let event = feed.next().await?.context("the host goes on")?;
            seen.push(event.data["about"]["touchpoint"].clone());
            last = Some(event.id);
        }
        drop(feed);
        host.kill().await?;
        host = home.start().await?;
    }
    assert_eq!(seen.len(), 9);
    seen.dedup();
    assert_eq!(seen.len(), 9, "nothing came twice: {seen:?}");
    let channel = host.api.read("/v1/channels/polled").await?;
    assert!(channel["running"]["counters"]["faults"].as_object().is_some_and(serde_json::Map::is_empty), "{channel}");
    Ok(())
}

/// How often a channel was polled since the start.
async fn polls(host: &Host, channel: &str) -> Result<u64> {
    let channel = host.api.read(&format!("/v1/channels/{channel}")).await?;
    Ok(channel["running"]["counters"]["calls"]["poll"].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn a_paused_channel_is_not_polled_until_it_is_resumed() -> Result<()> {
    let other = "[channels.other]\nconnector = \"poller\"\n[channels.other.limits]\npoll-ms = 100";
    let host = Home::new(&setup()?.with(other)).await?.start().await?;
    let path = "/v1/events?after=0&types=channel.other,channel.paused,channel.resumed";
    let mut feed = Feed::open(host.api.base(), &host.key, path, None).await?;
    while polls(&host, "polled").await? == 0 {
        feed.next_of("channel.other").await?;
    }
    host.api.post("/v1/channels/polled/pause", &json!({})).await?;
    feed.next_of("channel.paused").await?;
    let (paused, began) = (polls(&host, "polled").await?, polls(&host, "other").await?);
    // The other channel is polled as often, so its polls tell the time.
    while polls(&host, "other").await? < began + 5 {
        feed.next_of("channel.other").await?;
    }
    let during = polls(&host, "polled").await?;
    assert!(during <= paused + 1, "{paused} polls before, {during} after; one may have been under way");
    host.api.post("/v1/channels/polled/resume", &json!({})).await?;
    feed.next_of("channel.resumed").await?;
    while polls(&host, "polled").await? == during {
        feed.next_of("channel.other").await?;
    }
    Ok(())
}
