//! Files: those that people send, and those that are sent to them.

use jackfield_sdk::json::Look;
use jackfield_sdk::media::{Answer, Field, File, Outgoing, Progress, Request, Transfer};
use jackfield_sdk::{Failure, Media, http};

use crate::config::Config;
use crate::content::hexadecimal;
use crate::graph;

/// Where a file is. Meta gives its address out for five minutes, and wants the access token there too.
pub fn fetch(config: &Config, media: &Media) -> Result<File, Failure> {
    let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let id = media.id.as_deref().filter(is_id);
    let id = id.ok_or_else(|| Failure::rejected("The attachment has no id on WhatsApp."))?;
    let told = graph::ask(config.file_url(id))?;
    let url = told.text("url").ok_or_else(|| Failure::retry("WhatsApp gave no address of the file."))?;
    if !config.reaches(&url) {
        return Err(Failure::misconfigured(format!(
            "WhatsApp keeps this file at {}. Set `media_base` to that, and grant it, if the channel should fetch from there.",
            http::origin(&url)
        )));
    }
    Ok(File {
        mime: told.text("mime_type"),
        size: told.int("file_size").and_then(|size| u64::try_from(size).ok()),
        // A file never changes, so what the webhook said of it holds.
        sha256: told.text("sha256").and_then(|hash| hexadecimal(&hash)).or_else(|| media.sha256.clone()),
        ..File::download(Request::get(url))
    })
}

/// Gives Meta a file, which it keeps for thirty days.
pub fn upload(config: &Config, file: &Outgoing) -> Result<Progress, Failure> {
    let (size, limit) = (file.size, limit(&file.kind));
    if size > limit {
        let sentence = format!("The file has {size} bytes; as `{}` WhatsApp takes at most {limit}.", file.kind);
        return Err(Failure::rejected(sentence));
    }
    let fields = vec![
        Field::text("messaging_product", "whatsapp"),
        Field::text("type", file.mime.as_str()),
        Field::file("file"),
    ];
    Ok(Progress::Transfer(Transfer::form(Request::post(config.url("/media")), fields)))
}

/// What Meta said to the file.
pub fn resume(file: Outgoing, answer: Answer) -> Result<Progress, Failure> {
    let told = graph::accept(&answer.into()).map_err(again)?;
    let id = told.text("id").ok_or_else(|| Failure::retry("WhatsApp took the file but gave no id of it."))?;
    Ok(Progress::done(file, id))
}

/// Nobody sees a file that no message shows, so what cannot be known of it is done again.
fn again(failure: Failure) -> Failure {
    match failure {
        Failure::Uncertain(problem) => Failure::retry(problem),
        other => other,
    }
}

/// The most bytes of a file that is sent as this.
fn limit(kind: &str) -> u64 {
    match kind {
        "image" => 5 << 20,
        "audio" | "video" => 16 << 20,
        "sticker" => 500 << 10,
        _ => 100 << 20,
    }
}
