//! The part of the plan that is about files.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::Answer;

/// Files, for connectors with the interface `media`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaPlan {
    /// A file that somebody sent, as the connector told it in an event.
    pub attachment: Attachment,
    /// What is in it.
    pub content: String,
    /// What the channel says of it beforehand, in the attachment or in one of the answers.
    #[serde(default)]
    pub promises: Vec<Promise>,
    /// What the provider answers. The first that fits counts; `{content}`, `{size}` and `{sha256}` stand for those of the file.
    pub answers: Vec<Answer>,
    /// How the provider says that the file is gone; else 404.
    #[serde(default)]
    pub gone: Option<Answer>,
    /// A file that is sent, where the channel takes any.
    #[serde(default)]
    pub upload: Option<UploadPlan>,
}

/// A file that somebody sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachment {
    /// The channel's id of it.
    pub id: Option<String>,
    /// Where it is. `{origin}` stands for the provider's.
    pub url: Option<String>,
    /// Its type.
    pub mime: Option<String>,
    /// Its name.
    pub filename: Option<String>,
}

/// What a channel says of a file beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Promise {
    /// How large it is.
    Size,
    /// Its sum.
    Sha256,
}

/// A file that is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadPlan {
    /// What it is sent as.
    #[serde(default = "file")]
    pub kind: String,
    /// Its name.
    #[serde(default = "name")]
    pub filename: String,
    /// Its type.
    #[serde(default = "text")]
    pub mime: String,
    /// What is in it.
    pub content: String,
    /// The provider's id of it, as the answers give it.
    pub id: String,
    /// What the provider answers. The first that fits counts.
    pub answers: Vec<Answer>,
}

fn file() -> String {
    "file".to_owned()
}

fn name() -> String {
    "a file.txt".to_owned()
}

fn text() -> String {
    "text/plain".to_owned()
}

impl MediaPlan {
    pub(super) fn check(&self) -> Result<()> {
        let Attachment { id, url, .. } = &self.attachment;
        ensure!(id.is_some() || url.is_some(), "[media.attachment] has neither an `id` nor a `url`");
        let contents = [Some(&self.content), self.upload.as_ref().map(|upload| &upload.content)];
        ensure!(
            contents.iter().flatten().all(|content| !content.is_empty()),
            "[media] has a `content` that is empty, so no case could tell whether it came"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(plan: &str) -> Result<()> {
        toml::from_str::<MediaPlan>(&format!("answers = []\n{plan}"))?.check()
    }

    #[test]
    fn a_file_is_named_and_not_empty() {
        assert!(check("attachment = { id = \"1\" }\ncontent = \"a\"").is_ok());
        let upload =
            "attachment = { id = \"1\" }\ncontent = \"a\"\nupload = { content = \"\", id = \"2\", answers = [] }";
        for (plan, reason) in [
            ("attachment = {}\ncontent = \"a\"", "neither"),
            ("attachment = { id = \"1\" }\ncontent = \"\"", "empty"),
            (upload, "empty"),
        ] {
            let error = check(plan).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
