//! Who somebody is, and whether a channel is set up: questions that must never end in a collapse.

use std::time::Duration;

use jackfield_core::event::Identifier;
use serde_json::{Value, json};

use super::plan::{Answer, SendPlan};
use super::provider::Mood;
use super::report::{Judged, failed, not_applicable};
use super::rig::{Rig, broke_down};
use super::trouble::senders;

/// People of the fixtures that are asked about.
const PEOPLE: usize = 3;

/// Whatever the provider says of somebody, there is an answer.
pub(super) async fn hints(rig: &Rig, origin: &str) -> Judged {
    let mut people = odd_people(rig);
    for inbound in &rig.plan.inbound {
        people.extend(senders(&rig.line(origin)?.take_all(inbound, Duration::ZERO).await?).into_iter().take(PEOPLE));
    }
    let mut asked = 0;
    for mood in moods(rig.plan.send.as_ref()) {
        let (_provider, line) = rig.online(mood).await?;
        for who in &people {
            line.channel.hints(who.clone()).await.map_err(|error| broke_down(&error))?;
            asked += 1;
        }
    }
    Ok(format!("{asked} questions about {} addresses", people.len()))
}

/// Addresses as no provider would make them, of every kind that the manifest declares and of one that it does not.
fn odd_people(rig: &Rig) -> Vec<Identifier> {
    let declared = rig.connector.manifest().identifiers.iter().map(|declared| declared.kind.clone());
    let who =
        |kind: String, value: String| Identifier { kind, namespace: String::new(), value, raw: None, scope: None };
    let odd = |kind: String| [who(kind.clone(), "👋/../?&#".to_owned()), who(kind, "9".repeat(1_000))];
    declared.chain(["kind-of-the-future".to_owned()]).flat_map(odd).collect()
}

fn moods(plan: Option<&SendPlan>) -> Vec<Mood> {
    let answer = |status: u16, body: &str| {
        let body = body.to_owned();
        Mood::Always(Box::new(Answer { method: None, path: String::new(), status, headers: [].into(), body }))
    };
    let answers = Mood::Answers(plan.map(|plan| plan.answers.clone()).unwrap_or_default());
    vec![
        answers,
        answer(200, "{}"),
        answer(200, "<html>"),
        answer(200, "[7, null]"),
        answer(500, ""),
        Mood::HangsUp,
        Mood::CutsOff,
    ]
}

/// The plan's configuration is right, and no other makes the connector collapse.
pub(super) async fn validates(rig: &Rig, origin: &str) -> Judged {
    if !rig.connector.interfaces().configure {
        return not_applicable("the connector does not export `configure`");
    }
    let line = rig.line(origin)?;
    let good = line.channel.validate(&rig.config(origin)).await.map_err(|error| broke_down(&error))?;
    if let Ok(problems) = &good.result
        && let Some(problem) = problems.first()
    {
        return failed(format!("It finds fault with the plan's configuration: {}", problem.message));
    }
    for config in [json!({}), json!({"unknown": [1, null]}), Value::Null, json!([]), json!("text")] {
        line.channel.validate(&config).await.map_err(|error| broke_down(&error))?;
    }
    Ok("the plan's configuration is right; five others are told apart without a collapse".to_owned())
}

/// Checking and connecting a channel come to an answer, whatever the provider says.
pub(super) async fn checks(rig: &Rig) -> Judged {
    if !rig.connector.interfaces().configure {
        return not_applicable("the connector does not export `configure`");
    }
    for mood in moods(rig.plan.send.as_ref()) {
        let (_provider, line) = rig.online(mood).await?;
        line.channel.check().await.map_err(|error| broke_down(&error))?;
        line.channel.connect(&rig.plan.channel.url).await.map_err(|error| broke_down(&error))?;
    }
    Ok("an answer to every mood of the provider".to_owned())
}
