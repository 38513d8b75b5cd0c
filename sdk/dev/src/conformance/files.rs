//! Files: had whole or not at all, and given whole.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use jackfield_core::event::Media;
use jackfield_sandbox::{Failure, Fetched, Upload};
use ring::digest::{SHA256, digest};

use super::plan::{Answer, MediaPlan, Promise, UploadPlan};
use super::provider::Mood;
use super::report::{Fault, Judged, failed, not_applicable};
use super::rig::{Rig, broke_down, said};

fn plan(rig: &Rig) -> Result<&MediaPlan, Fault> {
    if !rig.connector.interfaces().media {
        return not_applicable("the connector does not export `media`");
    }
    match &rig.plan.media {
        Some(plan) => Ok(plan),
        None => not_applicable("the plan has no [media]"),
    }
}

/// A file comes as the provider has it.
pub(super) async fn whole(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let (fetched, content) = fetch(rig, plan, plan.playing(&plan.content)).await?;
    match fetched {
        Ok(_) if content != plan.content.as_bytes() => failed(format!(
            "{} bytes came, which are not the {} of the plan. Is the request the one that brings the file?",
            content.len(),
            plan.content.len()
        )),
        Ok(fetched) => Ok(format!(
            "{} bytes, {}, {}",
            fetched.size,
            fetched.mime.as_deref().unwrap_or("of no known type"),
            fetched.filename.as_deref().unwrap_or("without a name")
        )),
        Err(failure) => failed(format!("The file was not fetched. {}", said(&failure))),
    }
}

/// What comes is not what was promised.
pub(super) async fn another(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    if plan.promises.is_empty() {
        return not_applicable("the channel says nothing of a file beforehand ([media] has no `promises`)");
    }
    let mut told = Vec::new();
    for promise in &plan.promises {
        let (other, word) = match promise {
            Promise::Size => (format!("{} and more", plan.content), "size"),
            Promise::Sha256 => (turned(&plan.content), "sha256"),
        };
        told.push(format!("another {word} is refused"));
        match fetch(rig, plan, plan.playing(&other)).await?.0 {
            Err(Failure::Retry { .. }) => {}
            Err(failure) => {
                return failed(format!("Another {word} than the promised one ended otherwise. {}", said(&failure)));
            }
            Ok(_) => {
                return failed(format!(
                    "A file of another {word} was taken for the promised one. Give what the channel says in `{word}` of the file."
                ));
            }
        }
    }
    Ok(told.join(", "))
}

/// The provider does not have it any more.
pub(super) async fn gone(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let default = Answer { method: None, path: String::new(), status: 404, headers: [].into(), body: "{}".to_owned() };
    let mood = Mood::Always(Box::new(plan.gone.clone().unwrap_or(default)));
    match fetch(rig, plan, mood).await?.0 {
        Err(Failure::Rejected(problem)) => Ok(format!("`rejected`: {}", problem.message)),
        Err(failure) => failed(format!("A file that is gone for good has to be `rejected`. {}", said(&failure))),
        Ok(_) => failed("The provider says that the file is gone, and something was fetched."),
    }
}

/// A file that is sent arrives whole, and is known by its id from then on.
pub(super) async fn given(rig: &Rig) -> Judged {
    let plan = plan(rig)?;
    let Some(wanted) = &plan.upload else { return declined(rig, plan).await };
    let (provider, line) = rig.online(Mood::Answers(wanted.answers.clone())).await?;
    let call = line.upload(&wanted.file()).await.map_err(|error| broke_down(&error))?;
    let seen = provider.seen();
    let media = match call.result {
        Ok(media) => media,
        Err(failure) => {
            let asked: Vec<_> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
            return failed(format!(
                "It was not taken. {} The provider was asked: [{}].",
                said(&failure),
                asked.join(", ")
            ));
        }
    };
    // In one piece or in several, as it is or in a form.
    let bodies = seen.iter().flat_map(|seen| &seen.body).copied().collect::<Vec<_>>();
    if !bodies.windows(wanted.content.len()).any(|piece| piece == wanted.content.as_bytes()) {
        return failed("The provider did not get the whole file.");
    }
    match media.id {
        Some(id) if id == wanted.id => {
            Ok(format!("{} bytes in {} requests, id {id}", wanted.content.len(), seen.len()))
        }
        other => failed(format!("The id is {other:?}; the plan expects `{}`.", wanted.id)),
    }
}

/// A channel that takes no files says so.
async fn declined(rig: &Rig, plan: &MediaPlan) -> Judged {
    let (_provider, line) = rig.online(Mood::Answers(plan.answers.clone())).await?;
    let file = upload("file", "a file.txt", "text/plain", &plan.content);
    match line.upload(&file).await.map_err(|error| broke_down(&error))?.result {
        Err(Failure::Unsupported(problem)) => not_applicable(problem.message),
        _ => failed("The plan has no [media.upload]. If the channel takes no files, answer `unsupported`."),
    }
}

/// Fetches the plan's file from a provider in this mood.
async fn fetch(rig: &Rig, plan: &MediaPlan, mood: Mood) -> Result<(Result<Fetched, Failure>, Vec<u8>), Fault> {
    let (provider, line) = rig.online(mood).await?;
    let (call, content) = line.fetch(plan.media(&provider.origin)).await.map_err(|error| broke_down(&error))?;
    Ok((call.result, content))
}

impl MediaPlan {
    /// A provider that promises the plan's file, and gives `content`.
    fn playing(&self, content: &str) -> Mood {
        let size = self.content.len().to_string();
        let places = [("{content}", content), ("{size}", &size), ("{sha256}", &sum(&self.content))];
        let filled = |answer: Answer| places.iter().fold(answer, |answer, (place, value)| answer.filled(place, value));
        Mood::Answers(self.answers.iter().cloned().map(filled).collect())
    }

    /// The attachment as the connector told it.
    fn media(&self, origin: &str) -> Media {
        let promised = |promise: Promise| self.promises.contains(&promise);
        let attachment = self.attachment.clone();
        Media {
            id: attachment.id,
            url: attachment.url.map(|url| url.replace("{origin}", origin)),
            mime: attachment.mime,
            filename: attachment.filename,
            size: promised(Promise::Size).then(|| length(&self.content)),
            sha256: promised(Promise::Sha256).then(|| sum(&self.content)),
            caption: None,
        }
    }
}

impl UploadPlan {
    fn file(&self) -> Upload {
        upload(&self.kind, &self.filename, &self.mime, &self.content)
    }
}

fn upload(kind: &str, filename: &str, mime: &str, content: &str) -> Upload {
    Upload {
        kind: kind.to_owned(),
        filename: filename.to_owned(),
        mime: mime.to_owned(),
        size: length(content),
        sha256: sum(content),
        content: Arc::new(Bytes::copy_from_slice(content.as_bytes())),
    }
}

fn length(content: &str) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

fn sum(content: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, content.as_bytes()).as_ref())
}

/// Another content of the same length.
fn turned(content: &str) -> String {
    content.bytes().map(|byte| if byte == b'x' { 'y' } else { 'x' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_as_long_and_has_another_sum() {
        for content in ["x", "the receipt ☕", "xxxx"] {
            assert_eq!(length(&turned(content)), length(content));
            assert_ne!(sum(&turned(content)), sum(content));
        }
    }
}
