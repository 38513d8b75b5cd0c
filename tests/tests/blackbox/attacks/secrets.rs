//! Where an operator's secrets must never be found.

use std::path::Path;

use anyhow::{Result, ensure};
use jackfield_tests::webhooks::{APP_SECRET, Webhook};
use serde_json::json;

use super::{EVIL, Shop};

/// The first file below a folder that holds a text.
fn holder(folder: &Path, text: &str) -> Result<Option<String>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => holder(&path, text)?,
            false => std::fs::read(&path)?
                .windows(text.len())
                .any(|bytes| bytes == text.as_bytes())
                .then(|| path.display().to_string()),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

#[tokio::test]
async fn a_secret_in_a_webhook_that_is_parked_is_on_no_disk_in_no_view_and_in_no_log() -> Result<()> {
    let shop = Shop::new().await?;
    // The signature is wrong for this body, so it is refused; the next cannot be read, so it is kept.
    let body = json!({ "token": APP_SECRET, "events": "none" }).to_string();
    let headers = |signature: String| vec![("x-token", APP_SECRET.to_owned()), ("x-signature", signature)];
    let refused = Webhook { body: body.clone(), headers: headers("00".to_owned()) };
    ensure!(shop.host.hook(EVIL, &refused).await?.status == 401);
    let signature = super::signed(&body);
    let answer = shop.host.hook(EVIL, &Webhook { body, headers: headers(signature) }).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    // Its first sign as JSON may spell it, so that the rest is enough to go by.
    let rest = &APP_SECRET[1..];
    let body = format!(r#"{{"token":"\u00{:x}{rest}","events":"none"}}"#, APP_SECRET.as_bytes()[0]);
    let headers = vec![("x-signature", super::signed(&body))];
    ensure!(shop.host.hook(EVIL, &Webhook { body, headers }).await?.status == 200);
    let parked = shop.host.api.read("/v1/parked").await?;
    let ids: Vec<&str> =
        parked["items"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).collect();
    ensure!(ids.len() == 2, "{parked}");
    for id in ids {
        let one = shop.host.api.read(&format!("/v1/parked/{id}")).await?;
        ensure!(!one.to_string().contains(rest) && one.to_string().contains("{secret:"), "{one}");
    }
    ensure!(!parked.to_string().contains(rest), "{parked}");
    ensure!(!shop.host.log().contains(APP_SECRET));
    // Components are no data, and hold tables of digits as they please.
    let data = shop.host.folder().join("data");
    for folder in ["cache", "artifacts"] {
        std::fs::remove_dir_all(data.join(folder))?;
    }
    ensure!(holder(&data, APP_SECRET)?.is_none(), "{:?}", holder(&data, APP_SECRET)?);
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_secret_in_an_item_that_could_not_be_read_is_on_no_disk_and_in_no_view() -> Result<()> {
    let shop = Shop::new().await?;
    // An address without a kind: the host refuses the event, and keeps what it was.
    shop.says(EVIL, json!([{ "id": "e1", "from": ["", "me"], "text": format!("it is {APP_SECRET}") }])).await?;
    let parked = shop.host.api.read("/v1/parked").await?;
    let id = parked["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let one = shop.host.api.read(&format!("/v1/parked/{id}")).await?;
    ensure!(one.to_string().contains("it is ") && !one.to_string().contains(APP_SECRET), "{one}");
    let data = shop.host.folder().join("data");
    for folder in ["cache", "artifacts"] {
        std::fs::remove_dir_all(data.join(folder))?;
    }
    ensure!(holder(&data, APP_SECRET)?.is_none(), "{:?}", holder(&data, APP_SECRET)?);
    Ok(())
}
