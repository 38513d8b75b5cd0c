//! One message, as API clients see it.

use serde::Serialize;

use super::rows::{Direction, MESSAGES, Message, MessageAuthor};
use crate::event::{Media, Part, Problem, Property, Thread};
use crate::files::rows::{FILES, File, WANTED};
use crate::ids::{ChannelId, IdentityId, MessageId};
use crate::outbox::rows::DeliveryState;
use crate::read::Time;
use crate::tables::{Read, Result};

/// A message.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// The number of the fact that brought it.
    pub seq: u64,
    /// The channel.
    pub channel: ChannelId,
    /// The connector.
    pub connector: String,
    /// The channel's own thread.
    pub thread: Thread,
    /// The channel's id of it, once there is one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub external_id: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Direction,
    /// Who wrote it.
    pub author: MessageAuthor,
    /// The customer's address it came from or went to.
    pub identity: IdentityId,
    /// By the channel's clock.
    pub sent_at: Time,
    /// By the host's clock.
    pub received_at: Time,
    /// The content. Empty when it was deleted.
    pub parts: Vec<PartView>,
    /// The message it answers.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reply_to: Option<MessageId>,
    /// When it was last edited.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub edited_at: Option<Time>,
    /// When it was taken back.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub deleted_at: Option<Time>,
    /// Reactions on it.
    pub reactions: Vec<ReactionView>,
    /// The account's own reaction on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_reaction: Option<String>,
    /// When the customer was told that it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked_read_at: Option<Time>,
    /// The message that this is only something to be done to: a reaction, a read mark, an edit, a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_on: Option<MessageId>,
    /// For outbound messages that went through this host.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub delivery: Option<DeliveryView>,
    /// What else the channel said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Property>,
    /// What of it was over a bound and is not here, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// How many reactions are not here because there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_reactions: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One part of the content.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = Object))]
#[serde(transparent)]
pub struct PartView(pub serde_json::Value);

/// A reaction.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReactionView {
    /// Whose.
    pub identity: IdentityId,
    /// What.
    pub emoji: String,
    /// When.
    pub at: Time,
}

/// How a delivery stands.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// `queued`, `sending`, `sent`, `delivered`, `read`, `failed` or `uncertain`.
    pub state: DeliveryState,
    /// Since when.
    pub at: Time,
    /// Attempts that began.
    pub attempts: u32,
    /// What went wrong last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub error: Option<Problem>,
    /// Why it failed, for programs: `rejected`, `recipient_gone`, `window_closed`, `gave_up`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Every step; only where one message is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<StepView>>,
}

/// A step of a delivery.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = DeliveryStep))]
pub struct StepView {
    /// What was reached.
    pub state: String,
    /// When.
    pub at: Time,
    /// In which attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// One message with its delivery's history. The id of an echo gives the message it echoes.
///
/// # Errors
/// When the views cannot be read.
pub fn message(tables: &impl Read, id: MessageId) -> Result<Option<MessageView>> {
    let Some(row) = super::view::row(tables, id)? else {
        return Ok(None);
    };
    let row = match row.echo_of {
        Some(original) => MESSAGES.get(tables, (original,))?.unwrap_or(row),
        None => row,
    };
    view(tables, row, true).map(Some)
}

pub(crate) fn view(tables: &impl Read, row: Message, with_history: bool) -> Result<MessageView> {
    let parts =
        (0..).zip(&row.parts).map(|(number, content)| part(tables, &row, number, content)).collect::<Result<_>>()?;
    let delivery = row.delivery.map(|d| DeliveryView {
        state: d.state,
        at: Time(d.at),
        attempts: d.attempts,
        error: d.error,
        class: d.class,
        history: with_history.then(|| {
            let steps = d.history.into_iter();
            steps.map(|s| StepView { state: s.state, at: Time(s.at), attempt: s.attempt, error: s.error }).collect()
        }),
    });
    let reactions = row.reactions.into_iter();
    Ok(MessageView {
        id: row.id,
        seq: row.id.seq().0,
        channel: row.channel,
        connector: row.connector,
        thread: row.thread,
        external_id: row.external_ids.into_iter().next(),
        direction: row.direction,
        author: row.author,
        identity: row.identity,
        sent_at: Time(row.sent_at),
        received_at: Time(row.received_at),
        parts,
        reply_to: row.reply_to,
        edited_at: row.edited_at.map(Time),
        deleted_at: row.deleted_at.map(Time),
        reactions: reactions.map(|r| ReactionView { identity: r.identity, emoji: r.emoji, at: Time(r.at) }).collect(),
        own_reaction: row.own_reaction.map(|r| r.emoji),
        marked_read_at: row.marked_read_at.map(Time),
        action_on: row.action.map(|a| a.target),
        delivery,
        extra: row.extra,
        cut: row.cut,
        more_reactions: row.more_reactions,
    })
}

/// A part as JSON: its type, and for media where the file is as `attachment` beside `mime` and `caption`.
fn part(tables: &impl Read, row: &Message, number: u16, part: &Part) -> Result<PartView> {
    if let Part::Other { name, value } = part {
        let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value.as_str()));
        return Ok(PartView(serde_json::json!({ "type": "other", "name": name, "value": value })));
    }
    let Some(media) = part.media() else {
        return Ok(PartView(serde_json::to_value(part).unwrap_or_default()));
    };
    Ok(PartView(serde_json::json!({
        "type": part.kind(),
        "attachment": attachment(tables, row, number, media)?,
        "mime": media.mime,
        "filename": media.filename,
        "caption": media.caption,
    })))
}

/// Where the file of a part is: `kept` by this host, `waiting` to be fetched, `gone`, or `elsewhere`, where a client said that it is.
fn attachment(tables: &impl Read, row: &Message, number: u16, media: &Media) -> Result<serde_json::Value> {
    let place = format!("/v1/messages/{}/attachments/{number}", row.id);
    let mut shown = serde_json::json!({ "id": media.id, "url": media.url, "sha256": media.sha256, "size": media.size });
    let mut set = |name: &str, value: serde_json::Value| shown[name] = value;
    match FILES.get(tables, (row.id, number))? {
        Some(File::Kept(file)) => {
            set("state", "kept".into());
            set("sha256", file.sha256.into());
            set("size", file.size.into());
            set("href", place.into());
        }
        Some(File::Gone { problem, .. }) => {
            set("state", "gone".into());
            set("problem", serde_json::to_value(problem).unwrap_or_default());
        }
        None if media.own().is_some() => {
            set("state", "kept".into());
            set("href", place.into());
        }
        None if WANTED.contains(tables, (&row.channel, row.id, number))? => {
            set("state", "waiting".into());
            set("href", place.into());
        }
        None => set("state", "elsewhere".into()),
    }
    Ok(shown)
}
