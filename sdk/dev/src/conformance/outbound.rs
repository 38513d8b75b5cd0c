//! One message that goes out, to a provider that is well, busy, broken, slow, or gone.

use jackfield_core::fact::{TextLimit, TextUnit};
use jackfield_sandbox::{Call, CallError, CallErrorKind, Failure, Receipt};
use serde_json::Value;

use super::plan::{Answer, SendPlan};
use super::provider::{Mood, Provider, Seen};
use super::report::{Fault, Judged, failed, not_applicable};
use super::rig::{Rig, broke_down, said};

/// How long the provider wants to be left alone when it is busy, as the plan's default answer says.
const WAIT_MS: u64 = 7_000;

fn plan(rig: &Rig) -> Result<&SendPlan, Fault> {
    if !rig.connector.interfaces().send {
        return not_applicable("the connector does not send");
    }
    match &rig.plan.send {
        Some(plan) => Ok(plan),
        None => not_applicable("the plan has no [send]"),
    }
}

/// A message goes out, and comes back with its id.
pub(super) async fn ok(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let (provider, line) = rig.online(Mood::Answers(plan.answers.clone())).await?;
    let receipt = sent(line.send(&plan.text).await, &provider)?;
    arrived(&provider, &plan.text)?;
    if !plan.message_ids.is_empty() && receipt.message_ids != plan.message_ids {
        return failed(format!("The ids are {:?}; the plan expects {:?}.", receipt.message_ids, plan.message_ids));
    }
    Ok(format!("{} requests, ids {:?}", provider.seen().len(), receipt.message_ids))
}

/// A text of emoji, exactly as long as the manifest allows.
pub(super) async fn longest(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let Some(limit) = rig.connector.manifest().channel.text_limit else {
        return not_applicable("the manifest has no `channel.text_limit`");
    };
    let text = filled(limit);
    let (provider, line) = rig.online(Mood::Answers(plan.answers.clone())).await?;
    sent(line.send(&text).await, &provider)?;
    arrived(&provider, &text)?;
    let (line, longer) = (rig.line(&provider.origin)?, format!("{text}👋"));
    let beyond = match line.send(&longer).await.map_err(|error| broke_down(&error))?.result {
        Ok(_) => arrived(&provider, &longer).map(|()| "sent whole".to_owned()).or_else(|_| {
            failed("A text that is longer than the manifest allows was sent cut off. Refuse it with `rejected`.")
        })?,
        Err(failure) => format!("`{}`", failure.class()),
    };
    Ok(format!("{} {} arrive whole; one emoji more: {beyond}", limit.max, unit(limit)))
}

fn unit(limit: TextLimit) -> &'static str {
    match limit.unit {
        TextUnit::Characters => "characters",
        TextUnit::Bytes => "bytes",
        TextUnit::Utf16 => "UTF-16 units",
    }
}

/// Emoji up to the limit, and letters where one more does not fit.
fn filled(limit: TextLimit) -> String {
    const EMOJI: &str = "👋";
    let max = usize::try_from(limit.max).unwrap_or(usize::MAX);
    let each = limit.measure(EMOJI);
    [EMOJI.repeat(max / each), "a".repeat(max % each)].concat()
}

/// Too much at once.
pub(super) async fn rate_limited(rig: &Rig) -> Judged {
    let wait = (WAIT_MS / 1_000).to_string();
    let default = Answer { headers: [("retry-after".to_owned(), wait)].into(), ..status(429) };
    match refused(rig, |plan| plan.refusals.rate_limited.clone().unwrap_or(default)).await? {
        Failure::RateLimited { after_ms: Some(after), .. } if after >= WAIT_MS => {
            Ok(format!("`rate_limited`, wait {after} ms"))
        }
        Failure::RateLimited { after_ms, .. } => failed(format!(
            "The provider said to wait {WAIT_MS} ms; the connector says {after_ms:?}. Read `Retry-After`, in seconds."
        )),
        other => failed(format!("Too much at once has to be `rate_limited`. {}", said(&other))),
    }
}

/// Trouble of the provider's own.
pub(super) async fn server_error(rig: &Rig) -> Judged {
    match refused(rig, |plan| plan.refusals.server_error.clone().unwrap_or_else(|| status(500))).await? {
        failure @ (Failure::Retry { .. } | Failure::Uncertain(_)) => Ok(format!("`{}`", failure.class())),
        other => {
            failed(format!("Trouble of the provider's own passes: answer `retry`, or `uncertain`. {}", said(&other)))
        }
    }
}

/// Credentials that do not work.
pub(super) async fn credentials(rig: &Rig) -> Judged {
    match refused(rig, |plan| plan.refusals.credentials.clone().unwrap_or_else(|| status(401))).await? {
        Failure::Credentials(_) => Ok("`credentials`".to_owned()),
        other => failed(format!(
            "Credentials that do not work have to be `credentials`, so that the host stops until somebody mends them. {}",
            said(&other)
        )),
    }
}

fn status(status: u16) -> Answer {
    Answer { method: None, path: String::new(), status, headers: [].into(), body: "{}".to_owned() }
}

async fn refused(rig: &Rig, answer: impl FnOnce(&SendPlan) -> Answer) -> Result<Failure, Fault> {
    let plan = plan(rig)?;
    let (provider, line) = rig.online(Mood::Always(Box::new(answer(plan)))).await?;
    let call = line.send(&plan.text).await.map_err(|error| broke_down(&error))?;
    asked(&provider)?;
    match call.result {
        Err(failure) => Ok(failure),
        Ok(receipt) => {
            failed(format!("The provider refused; the connector says that it was sent, as {:?}.", receipt.message_ids))
        }
    }
}

/// The provider takes the request and says nothing. Takes as long as a request may take.
pub(super) async fn slow(rig: &Rig) -> Judged {
    unknown(rig, Mood::Silent).await
}

/// The answer breaks off in the middle.
pub(super) async fn cut_off(rig: &Rig) -> Judged {
    unknown(rig, Mood::CutsOff).await
}

/// The provider takes the request and hangs up.
pub(super) async fn hung_up(rig: &Rig) -> Judged {
    unknown(rig, Mood::HangsUp).await
}

/// It may have been sent, and nobody can tell.
async fn unknown(rig: &Rig, mood: Mood) -> Judged {
    let plan = plan(rig)?;
    let (provider, line) = rig.online(mood).await?;
    let answer = line.send(&plan.text).await;
    asked(&provider)?;
    match answer {
        Ok(call) => match call.result {
            Err(Failure::Uncertain(_)) => Ok("`uncertain`".to_owned()),
            Err(failure) => failed(format!(
                "It may have been sent, so the answer has to be `uncertain`; otherwise the customer may get it twice, or never. {}",
                said(&failure)
            )),
            Ok(_) => failed("No whole answer came, and the connector says that it was sent."),
        },
        Err(error) if error.kind == CallErrorKind::WallExceeded && error.usage.http_sent > 0 => {
            Ok("the call's time ran out, which the host takes for `uncertain`".to_owned())
        }
        Err(error) => Err(broke_down(&error)),
    }
}

/// Nobody is there: it is certain that nothing was sent.
pub(super) async fn unreachable(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    // Asked for its reasons, if it is not applicable.
    let (provider, _) = rig.online(Mood::Silent).await?;
    drop(provider);
    let origin = Provider::absent().await.map_err(|error| Fault::Failed(format!("no port on loopback: {error}")))?;
    match rig.line(&origin)?.send(&plan.text).await.map_err(|error| broke_down(&error))?.result {
        Err(Failure::Retry { .. }) => Ok("`retry`".to_owned()),
        Err(failure @ Failure::Uncertain(_)) => {
            Ok(format!("`{}`, though nothing was sent and `retry` would do", failure.class()))
        }
        Err(failure) => {
            failed(format!("The provider cannot be reached, which passes: answer `retry`. {}", said(&failure)))
        }
        Ok(_) => failed("Nobody was there, and the connector says that it was sent."),
    }
}

/// A success that says nothing the connector could read.
pub(super) async fn unreadable(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let page = Answer { body: "<html>All is well</html>".to_owned(), ..status(200) };
    let (provider, line) = rig.online(Mood::Always(Box::new(page))).await?;
    let call = line.send(&plan.text).await.map_err(|error| broke_down(&error))?;
    asked(&provider)?;
    match call.result {
        Ok(_) if !plan.message_ids.is_empty() => {
            failed("The answer is no answer of the provider, and the connector says that it was sent.")
        }
        Ok(_) => Ok("sent; the channel gives no ids".to_owned()),
        Err(failure) => Ok(format!("`{}`", failure.class())),
    }
}

fn sent(answer: Result<Call<Receipt>, CallError>, provider: &Provider) -> Result<Receipt, Fault> {
    match answer.map_err(|error| broke_down(&error))?.result {
        Ok(receipt) => Ok(receipt),
        Err(failure) => {
            let seen: Vec<_> = provider.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
            failed(format!("It was not sent. {} The provider was asked: [{}].", said(&failure), seen.join(", ")))
        }
    }
}

fn asked(provider: &Provider) -> Result<(), Fault> {
    match provider.seen().is_empty() {
        true => failed("The connector made no request at all."),
        false => Ok(()),
    }
}

/// Whether the provider got the whole text.
fn arrived(provider: &Provider, text: &str) -> Result<(), Fault> {
    match provider.seen().iter().any(|seen| carries(seen, text)) {
        true => Ok(()),
        false => failed("The provider did not get the whole text."),
    }
}

fn carries(seen: &Seen, text: &str) -> bool {
    let in_json = serde_json::from_slice(&seen.body).is_ok_and(|value: Value| holds(&value, text));
    let in_form = || form_urlencoded::parse(&seen.body).any(|(_, value)| value.contains(text));
    let query = seen.path.split_once('?').map_or("", |(_, query)| query);
    let in_query = || form_urlencoded::parse(query.as_bytes()).any(|(_, value)| value.contains(text));
    in_json || in_form() || in_query() || String::from_utf8_lossy(&seen.body).contains(text)
}

fn holds(value: &Value, text: &str) -> bool {
    match value {
        // Some providers take JSON inside of JSON.
        Value::String(string) => {
            string.contains(text)
                || serde_json::from_str(string).is_ok_and(|inner: Value| !inner.is_string() && holds(&inner, text))
        }
        Value::Array(list) => list.iter().any(|value| holds(value, text)),
        Value::Object(members) => members.values().any(|value| holds(value, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_is_exactly_as_long_as_allowed() {
        for (unit, max) in [(TextUnit::Characters, 4_096), (TextUnit::Bytes, 1_003), (TextUnit::Utf16, 4_095)] {
            let limit = TextLimit { max, unit };
            let text = filled(limit);
            assert_eq!(limit.measure(&text), usize::try_from(max).unwrap());
            assert!(text.starts_with('👋'));
        }
    }

    #[test]
    fn a_text_is_found_however_it_is_wrapped() {
        let seen = |body: &str| Seen { method: "POST".into(), path: "/x?text=Hi%20you".into(), body: body.into() };
        for body in [
            r#"{"a": [{"b": "so: 👋 Hi"}]}"#,
            r#"{"a": "{\"b\": \"\ud83d\udc4b Hi\"}"}"#,
            "text=%F0%9F%91%8B+Hi",
            "👋 Hi",
        ] {
            assert!(carries(&seen(body), "👋 Hi"), "{body}");
        }
        assert!(carries(&seen(""), "Hi you"));
        assert!(!carries(&seen(r#"{"text": "👋 H"}"#), "👋 Hi"));
    }
}
