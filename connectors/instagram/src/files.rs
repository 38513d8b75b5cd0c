//! Files that people send.

use jackfield_sdk::media::{File, Request};
use jackfield_sdk::{Failure, Media, http};

use crate::config::Config;

/// A file is at the attachment's URL, for a while and for everybody: no credential goes there.
pub fn fetch(config: &Config, media: &Media) -> Result<File, Failure> {
    let url = media.url.as_deref().ok_or_else(|| Failure::rejected("The attachment has no URL on Instagram."))?;
    if !config.keeps(url) {
        return Err(Failure::misconfigured(format!(
            "Instagram keeps this file at {}. Set `media_base` to that, and grant it, if the channel should fetch from there.",
            http::origin(url)
        )));
    }
    Ok(File::download(Request::get(url)))
}
