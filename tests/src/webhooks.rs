//! Webhooks as the providers make them: their shapes and their signatures.

use data_encoding::{BASE64, HEXLOWER};
use ring::hmac;
use serde_json::{Value, json};

/// The secret that Meta's webhooks are signed with in tests.
pub const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What the challenge of a Meta webhook has to carry.
pub const VERIFY_TOKEN: &str = "verify-me";
/// What a Telegram webhook has to carry.
pub const TELEGRAM_SECRET: &str = "telegram-webhook-secret";
/// A credential that no guest may ever see.
pub const ACCESS_TOKEN: &str = "EAAGm0PX4ZCpsBAJackfieldAccessToken0123456789";
/// The same for Telegram.
pub const BOT_TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
/// The same for Slack.
pub const SLACK_TOKEN: &str = "xoxb-17653672481-19874698323-JackfieldSlackToken0123";

/// A request to a hook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The body.
    pub body: String,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Webhook {
    /// The headers, as a client takes them.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// The value of `X-Hub-Signature-256` for a body.
#[must_use]
pub fn meta_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", HEXLOWER.encode(signature(secret, body).as_ref()))
}

fn signature(secret: &str, message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message)
}

/// A webhook of Meta, signed.
#[must_use]
pub fn meta(payload: &Value) -> Webhook {
    let body = payload.to_string();
    let signature = meta_signature(APP_SECRET, body.as_bytes());
    let headers = vec![("content-type", String::from("application/json")), ("x-hub-signature-256", signature)];
    Webhook { body, headers }
}

/// A webhook of Telegram, with its secret.
#[must_use]
pub fn telegram(update: &Value) -> Webhook {
    let secret = ("x-telegram-bot-api-secret-token", TELEGRAM_SECRET.to_owned());
    Webhook { body: update.to_string(), headers: vec![("content-type", String::from("application/json")), secret] }
}

/// A webhook of Slack, signed now with this secret.
#[must_use]
pub fn slack(secret: &str, payload: &Value) -> Webhook {
    let (body, stamp) = (payload.to_string(), now_seconds().to_string());
    let proof = signature(secret, format!("v0:{stamp}:{body}").as_bytes());
    let proof = format!("v0={}", HEXLOWER.encode(proof.as_ref()));
    let json = ("content-type", String::from("application/json"));
    Webhook { body, headers: vec![json, ("x-slack-request-timestamp", stamp), ("x-slack-signature", proof)] }
}

/// A webhook of LINE, signed with this secret.
#[must_use]
pub fn line(secret: &str, payload: &Value) -> Webhook {
    let body = payload.to_string();
    let proof = BASE64.encode(signature(secret, body.as_bytes()).as_ref());
    Webhook { body, headers: vec![("content-type", String::from("application/json")), ("x-line-signature", proof)] }
}

/// The envelope of WhatsApp around `messages` or `statuses`.
#[must_use]
pub fn whatsapp_value(mut value: Value) -> Value {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": "106540352242922" });
    let entry = json!({ "id": "102290129340398", "changes": [{ "field": "messages", "value": value }] });
    json!({ "object": "whatsapp_business_account", "entry": [entry] })
}

/// A text on WhatsApp.
#[must_use]
pub fn whatsapp_text(from: &str, name: &str, id: &str, text: &str) -> Value {
    whatsapp_value(json!({
        "contacts": [{ "profile": { "name": name }, "wa_id": from }],
        "messages": [whatsapp_message(from, id, text)],
    }))
}

/// One message of WhatsApp, without its envelope.
#[must_use]
pub fn whatsapp_message(from: &str, id: &str, text: &str) -> Value {
    json!({ "from": from, "id": id, "timestamp": now_seconds().to_string(), "type": "text", "text": { "body": text } })
}

/// A status of WhatsApp.
#[must_use]
pub fn whatsapp_status(recipient: &str, id: &str, status: &str) -> Value {
    let at = now_seconds().to_string();
    whatsapp_value(json!({ "statuses": [{ "id": id, "status": status, "timestamp": at, "recipient_id": recipient }] }))
}

/// A direct message on Instagram.
#[must_use]
pub fn instagram_text(from: &str, mid: &str, text: &str) -> Value {
    let at = now_seconds() * 1000;
    json!({ "object": "instagram", "entry": [{ "id": "17841400000000000", "time": at, "messaging": [{
        "sender": { "id": from }, "recipient": { "id": "17841400000000000" }, "timestamp": at,
        "message": { "mid": mid, "text": text } }] }] })
}

/// A private message on Telegram.
#[must_use]
pub fn telegram_text(from: i64, update: i64, text: &str) -> Value {
    json!({ "update_id": update, "message": { "message_id": update, "date": now_seconds(),
        "from": { "id": from, "is_bot": false, "first_name": "Budi", "username": "budi" },
        "chat": { "id": from, "type": "private", "first_name": "Budi" }, "text": text } })
}

/// An event of Slack in its envelope: a message to the app in a direct chat, with `more` members.
#[must_use]
pub fn slack_message(user: &str, ts: &str, more: &Value) -> Value {
    let mut event = json!({ "type": "message", "user": user, "ts": ts, "event_ts": ts, "team": "T061EG9R6",
        "channel": "D024BE91L", "channel_type": "im" });
    extend(&mut event, more);
    let bot = json!({ "team_id": "T061EG9R6", "user_id": "U0BOT00001", "is_bot": true });
    json!({ "type": "event_callback", "team_id": "T061EG9R6", "api_app_id": "A0MDYCDME", "event_id": format!("Ev{ts}"),
        "event_time": now_seconds(), "authorizations": [bot], "event": event })
}

/// A message on LINE in its envelope; `content` is its type and what goes with it.
#[must_use]
pub fn line_message(user: &str, id: &str, content: &Value) -> Value {
    let mut message = json!({ "id": id });
    extend(&mut message, content);
    json!({ "destination": "Uf2c5f0a2b6e84b1a9c0f5d3e7a8b9c0d", "events": [{ "type": "message", "mode": "active",
        "webhookEventId": format!("01FZ74A0TDDPYRVKNK{id}"), "deliveryContext": { "isRedelivery": false },
        "timestamp": now_seconds() * 1000, "source": { "type": "user", "userId": user }, "message": message }] })
}

fn extend(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}

/// Seconds since 1970: reply windows are measured against it.
#[must_use]
pub fn now_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
