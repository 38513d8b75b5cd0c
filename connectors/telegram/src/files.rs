//! Files that people send to the bot.

use jackfield_sdk::json::Look;
use jackfield_sdk::media::{File, Request};
use jackfield_sdk::{Failure, Media};
use serde_json::json;

use crate::api;
use crate::config::Config;

/// Where a file is. Telegram makes an address for an hour when it is asked, for files of up to 20 MB.
/// <https://core.telegram.org/bots/api#getfile>
pub fn fetch(config: &Config, media: &Media) -> Result<File, Failure> {
    let id = media.id.as_deref().ok_or_else(|| Failure::rejected("The attachment has no id on Telegram."))?;
    let answer = api::ask(config, "getFile", &json!({ "file_id": id }))?;
    let path = answer
        .text("file_path")
        .ok_or_else(|| Failure::rejected("Telegram does not give this file out; it may be larger than 20 MB."))?;
    let size = answer.int("file_size").and_then(|size| u64::try_from(size).ok());
    Ok(File { size, ..File::download(Request::get(config.file_url(&path))) })
}
