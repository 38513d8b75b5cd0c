//! A connector that comes in many versions.
//!
//! The tests make them from one component, by writing another word over [`BEHAVIOUR`] in its bytes: so a hundred versions cost one
//! build, and differ in nothing but what they do. The words:
//!
//! * `good-…`: every message begins with the word, and so does the reply to the webhook, which shows which version answered.
//! * `bad-probe`: it cannot check the channel.
//! * `bad-hints…`: it fails when it is asked who somebody is. `good-named`: it says that it is Ada.
//! * `bad-soon…`: it fails at every webhook after the tenth.
//! * `bad-always`: it fails at every webhook with a body.
//! * `good-counts`: it counts in its state how often it checked the channel and was connected.
//! * `poison`: it fails at webhooks whose text is `poison`.
//! * `bad-files`: it fails when it is asked for a file. A message whose text is `photo` has one.
//! * `bad-late`: it fails after it has called the provider to send something.

use jackfield_sdk::media::{File, Files, Request as Download, Source};
use jackfield_sdk::{
    Action, Author, Connector, Content, Delivery, EventBody, Failure, Health, Hint, Identifier, Media, Message,
    Outcome, Part, Receipt, Reply, Request, Sender, Step, Subject, Thread, config, export, http, hub, state,
};
use serde::Deserialize;

/// Where the word stands: a mark, the word, and points up to the end. 48 bytes.
pub static BEHAVIOUR: [u8; 48] = *b"jackfield-version=good-a........................";

/// The channel's configuration.
#[derive(Deserialize)]
struct Config {
    api_base: String,
}

/// A webhook.
#[derive(Deserialize)]
struct Incoming {
    id: String,
    from: String,
    text: String,
}

/// The connector.
pub struct Versions;

/// The word, read so that no compiler can know it beforehand.
fn word() -> String {
    let bytes = std::hint::black_box(&BEHAVIOUR);
    String::from_utf8_lossy(&bytes[18..]).trim_end_matches('.').to_owned()
}

impl Connector for Versions {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        hub::verify(&request, "app-secret")?;
        let incoming: Incoming = serde_json::from_slice(&request.body).map_err(|e| Failure::rejected(e.to_string()))?;
        let word = word();
        match word.as_str() {
            "bad-always" => panic!("this version fails at every webhook"),
            "poison" if incoming.text == "poison" => panic!("this version fails at this text"),
            word if word.starts_with("bad-soon") => count_to_ten(word)?,
            _ => {}
        }
        let mut parts = vec![Part::Text(format!("{word}: {}", incoming.text))];
        if incoming.text == "photo" {
            parts.push(Part::Image(Media { id: Some(incoming.id.clone()), ..Media::default() }));
        }
        let mut outcome = Outcome::reply(Reply::text(200, word.clone()));
        outcome.push(EventBody::Message(Message {
            id: incoming.id,
            thread: Thread::direct(incoming.from.clone()),
            author: Author::Customer(Sender::new(Identifier::phone(&incoming.from))),
            sent_at: None,
            parts,
            reply_to: None,
            extra: Vec::new(),
        }));
        Ok(outcome)
    }

    fn send(delivery: Delivery, key: &str) -> Result<Receipt, Failure> {
        let Action::Message(Content { parts, .. }) = delivery.action else {
            return Err(Failure::unsupported("Only messages are sent here."));
        };
        let text = parts.into_iter().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
        let body = serde_json::json!({ "key": key, "version": word(), "text": text });
        let url = format!("{}/send", config::load::<Config>()?.api_base);
        let mut request = http::Request::new("POST", url);
        request.body = body.to_string().into_bytes();
        let response = request.send().map_err(http::Error::of_action)?;
        assert!(word() != "bad-late", "this version fails when the provider has answered");
        match response.status {
            200 => Ok(Receipt { message_ids: vec![format!("out-{key}")], events: Vec::new() }),
            status => Err(Failure::rejected(format!("The provider answered {status}."))),
        }
    }

    fn hints(_: Identifier) -> Result<Vec<Hint>, Failure> {
        match word().as_str() {
            word if word.starts_with("bad-hints") => panic!("this version cannot say who somebody is"),
            "good-named" => Ok(vec![Hint::claimed(Subject::Name(String::from("Ada")), "asked")]),
            _ => Ok(Vec::new()),
        }
    }

    fn connect(_: &str) -> Result<Vec<Step>, Failure> {
        Ok(vec![Step { title: format!("{} before", count()?), todo: None }])
    }

    fn check() -> Result<Health, Failure> {
        match word().as_str() {
            "bad-probe" => panic!("this version cannot check the channel"),
            "good-counts" => Ok(Health { summary: format!("{} before", count()?) }),
            word => Ok(Health { summary: word.to_owned() }),
        }
    }
}

impl Files for Versions {
    fn fetch(media: Media) -> Result<File, Failure> {
        assert!(word() != "bad-files", "this version cannot say where a file is");
        let content = media.id.unwrap_or_default().into_bytes();
        Ok(File { source: Source::Inline(content), ..File::download(Download::get("")) })
    }
}

/// How often this was asked before.
fn count() -> Result<u32, Failure> {
    let before = state::get_text("asked")?.and_then(|asked| asked.parse().ok()).unwrap_or(0);
    state::set("asked", (before + 1).to_string())?;
    Ok(before)
}

/// Fails from the eleventh call on. A call that fails leaves no state behind, so the count stays at ten.
fn count_to_ten(word: &str) -> Result<(), Failure> {
    let calls = state::get_text(word)?.and_then(|calls| calls.parse().ok()).unwrap_or(0_u32);
    assert!(calls < 10, "this version fails after ten calls");
    state::set(word, (calls + 1).to_string())
}

export!(Versions, media);
