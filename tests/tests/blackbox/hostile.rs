//! A hostile connector hurts itself only. What each bound does in detail is in the sandbox's own tests; here is what a host's users see.

use anyhow::{Context, Result};
use jackfield_tests::client::Answer;
use jackfield_tests::host::{Host, Setup, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{Webhook, meta, whatsapp_text};
use serde_json::{Value, json};

/// A shop with one hostile channel for each behaviour, named after it.
async fn shop(behaviours: &[&str]) -> Result<(Host, Provider)> {
    let provider = Provider::agreeable().await?;
    let mut setup = Setup::shop(&provider.url())?;
    for behaviour in behaviours {
        setup = setup.guest(&format!("hostile-{behaviour}"), "hostile", &format!("do = {behaviour:?}"))?;
        setup = setup.with(&format!("[channels.hostile-{behaviour}.limits]\nwall-ms = 2000"));
    }
    Ok((Host::start(&setup).await?, provider))
}

async fn strike(host: &Host, behaviour: &str) -> Result<Answer> {
    host.hook(&format!("hostile-{behaviour}"), &Webhook { body: String::from("{}"), headers: vec![] }).await
}

async fn channel(host: &Host, behaviour: &str) -> Result<Value> {
    host.api.read(&format!("/v1/channels/hostile-{behaviour}")).await
}

#[tokio::test]
async fn a_connector_that_exhausts_something_fails_its_own_call_with_the_reason_shown() -> Result<()> {
    let behaviours =
        ["spins", "allocates", "recurses", "traps", "floods-reply", "floods-host", "hoards-handles", "waits"];
    let (host, _provider) = shop(&behaviours).await?;
    for (number, behaviour) in behaviours.iter().enumerate() {
        let answer = strike(&host, behaviour).await?;
        assert_eq!(
            answer.status,
            200,
            "{behaviour}: parked, so that the provider does not repeat it: {}",
            answer.text()
        );
        let state = channel(&host, behaviour).await?;
        let error = state["running"]["last_error"]["problem"]["message"]
            .as_str()
            .with_context(|| format!("{behaviour}: no reason in {state}"))?;
        assert!(host.log().contains(error), "{behaviour}: `{error}` is not in the log");
        let parked = host.api.read("/v1/parked").await?;
        assert_eq!(parked["items"][0]["reason"], *error, "{behaviour}");
        let id = format!("w{number}");
        host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", &id, "the others go on"))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn other_channels_are_served_while_one_is_spinning() -> Result<()> {
    let (host, _provider) = shop(&["spins"]).await?;
    let struck = futures_util::future::join_all((0..24).map(|_| strike(&host, "spins")));
    let served = async {
        for n in 0..20 {
            host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", &format!("w{n}"), "hello"))).await?;
        }
        anyhow::Ok(())
    };
    // Spinning is bounded by processor time, half a second a call, so a slow machine does not change who is first.
    tokio::select! {
        biased;
        _ = struck => anyhow::bail!("the others were not served before the spinning was over"),
        served = served => served,
    }
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() -> Result<()> {
    let (host, _provider) = shop(&["floods-log"]).await?;
    strike(&host, "floods-log").await?;
    let log = host.stop().await?;
    assert!(log.len() < 1 << 20, "{} bytes of log", log.len());
    assert!(log.contains("line 0 "), "the first lines are there");
    Ok(())
}

#[tokio::test]
async fn events_of_a_request_that_nobody_verified_do_not_count() -> Result<()> {
    let behaviours = ["forges", "forges-signature", "forges-state", "forges-changes"];
    let (host, _provider) = shop(&behaviours).await?;
    for behaviour in behaviours {
        assert_eq!(strike(&host, behaviour).await?.status, 401, "{behaviour}");
    }
    assert_eq!(host.api.read("/v1/customers").await?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn what_was_not_verified_cannot_fill_the_disk() -> Result<()> {
    let (host, _provider) = shop(&["traps"]).await?;
    let mut refused = 0;
    for _ in 0..120 {
        refused += usize::from(strike(&host, "traps").await?.status == 503);
    }
    assert_eq!(refused, 20, "a hundred are kept");
    Ok(())
}
