//! The omnichannel test: one customer, one conversation, nothing asked twice, and an impostor sees nothing.

use anyhow::{Context, Result};
use jackfield_tests::host::{Host, INSTAGRAM, Setup, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{instagram_text, meta, whatsapp_text};
use serde_json::{Value, json};

const QUESTION: &str = "Is the 14 inch laptop in stock? Please put the order under 0812-3456-7890";
const COMPLAINT: &str = "My shipment has not arrived";

struct Shop {
    host: Host,
    provider: Provider,
    owner: String,
    claimant: String,
}

/// The shop after both webhooks.
async fn shop() -> Result<Shop> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(INSTAGRAM, &meta(&instagram_text("igsid-1", "mid.1", QUESTION))).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana Putri", "wamid.1", COMPLAINT))).await?;
    let owner = host.api.customer_with("phone:+6281234567890").await?;
    let claimant = host.api.customer_with("instagram:igsid-1").await?;
    Ok(Shop { host, provider, owner, claimant })
}

impl Shop {
    async fn view(&self, id: &str) -> Result<Value> {
        self.host.api.read(&format!("/v1/customers/{id}")).await
    }

    async fn suggestion(&self) -> Result<String> {
        let view = self.view(&self.owner).await?;
        let id = view["possible_identities"][0]["suggestion"].as_str();
        id.map(str::to_owned).with_context(|| format!("no suggestion: {view}"))
    }

    async fn accept(&self) -> Result<()> {
        let path = format!("/v1/suggestions/{}/accept", self.suggestion().await?);
        let answer = self.host.api.post(&path, &json!({ "reason": "the customer confirmed it" })).await?;
        anyhow::ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        Ok(())
    }

    /// Both views, without what the channels were asked in the background meanwhile.
    async fn views(&self) -> Result<(String, String)> {
        Ok((self.view(&self.owner).await?.to_string(), self.view(&self.claimant).await?.to_string()))
    }
}

#[tokio::test]
async fn the_agent_sees_the_laptop_question_beside_the_complaint_and_why() -> Result<()> {
    let shop = shop().await?;
    let view = shop.view(&shop.owner).await?;
    let text = view.to_string();
    assert!(text.contains(QUESTION) && text.contains(COMPLAINT), "{text}");
    assert_eq!(view["name"], "Ana Putri");
    let provisional = view["last_messages"].as_array().context("messages")?;
    let question = provisional.iter().find(|m| m["message"]["parts"][0]["text"] == QUESTION).context("the question")?;
    let reason = question["provisional"]["reason"].as_str().context("a reason")?;
    assert!(reason.contains("+6281234567890"), "{reason}");
    assert_eq!(view["possible_identities"][0]["shown"], true);
    let identity = view["possible_identities"][0]["identity"].as_str().context("an identity")?;
    let why = shop.host.api.read(&format!("/v1/customers/{}/why?identity={identity}", shop.owner)).await?;
    assert_eq!((&why["linked"], &why["path"][1]["rule"]), (&json!(false), &json!("claim")), "{why}");
    Ok(())
}

#[tokio::test]
async fn the_claimants_view_shows_nothing_of_the_owner() -> Result<()> {
    let shop = shop().await?;
    for path in ["", "/timeline"] {
        let view = shop.host.api.read(&format!("/v1/customers/{}{path}", shop.claimant)).await?.to_string();
        for secret in ["whatsapp", "Putri", "shipment", "wamid", shop.owner.as_str()] {
            assert!(!view.contains(secret), "{secret} leaks: {view}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn accepting_makes_one_customer_and_unlinking_restores_both_views_byte_for_byte() -> Result<()> {
    let shop = shop().await?;
    let before = shop.views().await?;
    shop.accept().await?;
    let (owner, claimant) = shop.views().await?;
    assert_eq!(owner, claimant, "both old ids resolve to the one customer");
    let view = shop.view(&shop.owner).await?;
    let identities = view["identities"].as_array().context("identities")?;
    let identity = identities.iter().find(|i| i["kind"] == "instagram").context("instagram")?["id"].clone();
    let id = view["id"].as_str().context("an id")?;
    let why =
        shop.host.api.read(&format!("/v1/customers/{id}/why?identity={}", identity.as_str().context("text")?)).await?;
    assert_eq!(why["linked"], true);
    let answer = shop.host.api.post(&format!("/v1/customers/{id}/unlink"), &json!({ "identity": identity })).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(shop.views().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_merge_shows_beforehand_what_it_will_do_and_can_be_undone() -> Result<()> {
    let shop = shop().await?;
    let before = shop.views().await?;
    let pair = json!({ "a": shop.owner, "b": shop.claimant });
    let preview = shop.host.api.post("/v1/customers/merge-preview", &pair).await?;
    assert_eq!(
        (preview.status.as_u16(), &preview.json()["allowed"], &preview.json()["messages"]),
        (200, &json!(true), &json!(2))
    );
    assert_eq!(shop.views().await?, before, "a preview changes nothing");
    let merged = shop.host.api.post("/v1/customers/merge", &pair).await?;
    assert_eq!(merged.status, 200, "{}", merged.text());
    assert_eq!(preview.json()["customer"], merged.json()["customer"]);
    let younger = std::cmp::max_by_key(&shop.owner, &shop.claimant, |id| id.len());
    let identity = younger.replace("cus_", "idn_");
    let undo = shop.host.api.post(&format!("/v1/customers/{younger}/unlink"), &json!({ "identity": identity })).await?;
    assert_eq!(undo.status, 200, "{}", undo.text());
    assert_eq!(shop.views().await?, before);
    Ok(())
}

#[tokio::test]
async fn an_impostor_gets_no_reply_that_is_meant_for_the_owner() -> Result<()> {
    let shop = shop().await?;
    let path = format!("/v1/customers/{}/messages", shop.owner);
    let sent = shop.host.api.post(&path, &json!({ "text": "Your parcel is at the depot" })).await?;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let seen = shop.provider.wait_for(1).await?;
    assert_eq!(seen[0].json()["to"], "6281234567890", "the reply goes where the proven customer wrote from");
    let view = shop.view(&shop.owner).await?;
    let claimed = view["possible_identities"][0]["identity"].clone();
    for via in [claimed, json!(INSTAGRAM)] {
        let refused = shop.host.api.post(&path, &json!({ "text": "secret", "via": via })).await?;
        assert_eq!(refused.status, 409, "{via}: {}", refused.text());
    }
    assert_eq!(shop.provider.messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_rejected_claim_disappears_from_the_owners_view() -> Result<()> {
    let shop = shop().await?;
    let path = format!("/v1/suggestions/{}/reject", shop.suggestion().await?);
    assert_eq!(shop.host.api.post(&path, &json!({})).await?.status, 200);
    let view = shop.view(&shop.owner).await?;
    assert!(!view.to_string().contains(QUESTION), "{view}");
    assert_eq!(view["possible_identities"], json!([]));
    Ok(())
}

#[tokio::test]
async fn one_inbox_shows_conversations_of_all_channels() -> Result<()> {
    let shop = shop().await?;
    let inbox = shop.host.api.read("/v1/inbox").await?;
    let rows = inbox["items"].as_array().context("items")?;
    assert_eq!(rows.len(), 2, "{inbox}");
    let only = shop.host.api.read(&format!("/v1/inbox?channel={INSTAGRAM}")).await?;
    assert_eq!(only["items"].as_array().map(Vec::len), Some(1));
    Ok(())
}
