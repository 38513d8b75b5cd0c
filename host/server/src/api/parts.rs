//! The content of a message that a client wants to send.

use jackfield_core::event::{Identifier, Media, Part};
use serde::Deserialize;
use utoipa::ToSchema;

use super::params::Text;
use crate::problem::{Problem, Result};

/// One part of the content. What a channel can send stands in its `rules.content`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum NewPart {
    /// Plain text, in the channel's own mark-up.
    Text {
        /// The text.
        #[schema(value_type = String, min_length = 1, max_length = 65536)]
        text: Text<65536>,
    },
    /// A picture.
    Image(NewMedia),
    /// A sound.
    Audio(NewMedia),
    /// A video.
    Video(NewMedia),
    /// Any other file.
    File(NewMedia),
    /// A sticker.
    Sticker(NewMedia),
    /// A place.
    Location(NewLocation),
    /// A contact card.
    Contact(NewContact),
    /// A message that the provider approved beforehand.
    Template(NewTemplate),
    /// Something of the channel's own.
    Other(NewOther),
}

/// An attachment: a file that was brought with `POST /v1/files`, or one by its URL, or by the channel's own id of it; one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMedia {
    /// The `sha256` of a file that was brought with `POST /v1/files`. The host gives it to the provider, where the channel takes files.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    file: Option<Text<64>>,
    /// Where the provider can fetch it without a credential.
    #[schema(value_type = Option<String>, max_length = 2048, pattern = "^https?://[!-~]+$")]
    url: Option<Text<2048>>,
    /// The channel's id of a file that it already has.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    id: Option<Text<512>>,
    /// Media type.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    mime: Option<Text<128>>,
    /// File name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    filename: Option<Text<255>>,
    /// What is to stand under it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 4096)]
    caption: Option<Text<4096>>,
}

/// A place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLocation {
    /// Degrees.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// Degrees.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
    /// What the place is called.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    name: Option<Text<1024>>,
    /// Its postal address.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    address: Option<Text<1024>>,
}

/// A contact card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewContact {
    /// The name on it.
    #[schema(value_type = String, min_length = 1, max_length = 1024)]
    name: Text<1024>,
    /// The addresses on it.
    #[schema(min_items = 1, max_items = 20)]
    identifiers: Vec<NewIdentifier>,
}

/// An address on a contact card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIdentifier {
    /// `phone`, `email`, …
    #[schema(value_type = String, min_length = 1, max_length = 32)]
    kind: Text<32>,
    /// The address.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    value: Text<512>,
}

/// A message that the provider approved beforehand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTemplate {
    /// The provider's name of it.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    name: Text<512>,
    /// BCP 47, or the provider's spelling.
    #[schema(value_type = String, min_length = 1, max_length = 35)]
    language: Text<35>,
    /// Values for its places.
    #[serde(default)]
    #[schema(max_items = 100)]
    parameters: Vec<NewParameter>,
}

/// A value for a place of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 1024)]
pub(super) struct NewParameter(Text<1024>);

/// Something of the channel's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOther {
    /// The channel's word for it.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    name: Text<64>,
    /// What it says.
    #[schema(value_type = Value)]
    value: serde_json::Value,
}

impl NewPart {
    /// For a fact.
    ///
    /// # Errors
    /// When a bound is not kept.
    pub(super) fn part(self) -> Result<Part> {
        Ok(match self {
            Self::Text { text } => Part::Text { text: text.0 },
            Self::Image(media) => Part::Image(media.media()?),
            Self::Audio(media) => Part::Audio(media.media()?),
            Self::Video(media) => Part::Video(media.media()?),
            Self::File(media) => Part::File(media.media()?),
            Self::Sticker(media) => Part::Sticker(media.media()?),
            Self::Location(place) => place.part()?,
            Self::Contact(card) => card.part()?,
            Self::Template(template) => template.part()?,
            Self::Other(NewOther { name, value }) => Part::Other { name: name.0, value: value.to_string() },
        })
    }
}

impl NewMedia {
    fn media(self) -> Result<Media> {
        let url = self.url.map(|url| url.0);
        let is_url = |url: &String| {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
        };
        if url.as_ref().is_some_and(|url| !is_url(url)) {
            return Err(Problem::invalid("`url` has to begin with https:// or http:// and to have no spaces"));
        }
        let sha256 = self.file.map(|file| file.0);
        let is_sum = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if sha256.as_ref().is_some_and(|sum| !is_sum(sum)) {
            return Err(Problem::invalid("`file` has to be the `sha256` of a file, as `POST /v1/files` gave it"));
        }
        match (&sha256, url.is_some() || self.id.is_some()) {
            (None, false) => return Err(Problem::invalid("an attachment needs `file`, `url` or `id`")),
            (Some(_), true) => {
                return Err(Problem::invalid("an attachment has `file`, or `url` or `id`, and not both"));
            }
            _ => {}
        }
        Ok(Media {
            id: self.id.map(|id| id.0),
            url,
            mime: self.mime.map(|mime| mime.0),
            filename: self.filename.map(|name| name.0),
            size: None,
            sha256,
            caption: self.caption.map(|caption| caption.0),
        })
    }
}

impl NewLocation {
    fn part(self) -> Result<Part> {
        if !(-90.0..=90.0).contains(&self.latitude) || !(-180.0..=180.0).contains(&self.longitude) {
            return Err(Problem::invalid("`latitude` is -90 to 90 and `longitude` -180 to 180"));
        }
        Ok(Part::Location {
            latitude: self.latitude,
            longitude: self.longitude,
            name: self.name.map(|name| name.0),
            address: self.address.map(|address| address.0),
        })
    }
}

impl NewContact {
    fn part(self) -> Result<Part> {
        if !(1..=20).contains(&self.identifiers.len()) {
            return Err(Problem::invalid("a contact has 1 to 20 `identifiers`"));
        }
        let identifier = |i: NewIdentifier| Identifier {
            kind: i.kind.0,
            namespace: String::new(),
            value: i.value.0,
            raw: None,
            scope: None,
        };
        Ok(Part::Contact { name: self.name.0, identifiers: self.identifiers.into_iter().map(identifier).collect() })
    }
}

impl NewTemplate {
    /// For a fact.
    ///
    /// # Errors
    /// When a bound is not kept.
    pub(super) fn part(self) -> Result<Part> {
        if self.parameters.len() > 100 {
            return Err(Problem::invalid("a template has at most 100 `parameters`"));
        }
        let parameters = self.parameters.into_iter().map(|NewParameter(text)| text.0).collect();
        Ok(Part::Template { name: self.name.0, language: self.language.0, parameters })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(part: serde_json::Value) -> std::result::Result<Part, String> {
        let part: NewPart = serde_json::from_value(part).map_err(|e| e.to_string())?;
        part.part().map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn each_kind_of_part_is_read() {
        for part in [
            json!({"type": "text", "text": "x"}),
            json!({"type": "image", "url": "https://example.com/a.png", "caption": "x"}),
            json!({"type": "file", "id": "17"}),
            json!({"type": "file", "file": "a".repeat(64), "filename": "a.pdf"}),
            json!({"type": "location", "latitude": 1, "longitude": -180.0}),
            json!({"type": "contact", "name": "Ana", "identifiers": [{"kind": "phone", "value": "+62811"}]}),
            json!({"type": "template", "name": "a", "language": "id"}),
            json!({"type": "other", "name": "poll", "value": {"a": 1}}),
        ] {
            read(part.clone()).unwrap_or_else(|e| panic!("{part}: {e}"));
        }
    }

    #[test]
    fn what_no_channel_could_send_is_refused() {
        for part in [
            json!({"type": "text", "text": ""}),
            json!({"type": "text", "text": "x", "more": 1}),
            json!({"type": "image"}),
            json!({"type": "image", "url": "file:///etc/passwd"}),
            json!({"type": "image", "url": "https://a b"}),
            json!({"type": "image", "id": "1", "more": 1}),
            json!({"type": "image", "id": "1", "file": "a".repeat(64)}),
            json!({"type": "image", "file": "../etc/passwd"}),
            json!({"type": "location", "latitude": 91, "longitude": 0}),
            json!({"type": "contact", "name": "Ana", "identifiers": []}),
            json!({"type": "hologram"}),
            json!({}),
        ] {
            assert!(read(part.clone()).is_err(), "{part}");
        }
    }
}
