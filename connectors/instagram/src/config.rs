//! The channel's configuration.

use jackfield_sdk::{Problem, http};
use serde::Deserialize;

/// As the manifest's schema describes it.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// The account that is this channel.
    pub account_id: String,
    #[serde(default = "api_base")]
    api_base: String,
    #[serde(default = "media_base")]
    media_base: String,
    #[serde(default = "api_version")]
    api_version: String,
}

fn api_base() -> String {
    "https://graph.instagram.com".into()
}

fn media_base() -> String {
    "https://lookaside.fbsbx.com".into()
}

fn api_version() -> String {
    "v25.0".into()
}

impl Config {
    /// The URL of something of the API.
    pub fn url(&self, path: &str) -> String {
        let base = self.api_base.trim_end_matches('/');
        [base, "/", &self.api_version, "/", path].concat()
    }

    /// The URL that messages are sent to.
    pub fn messages_url(&self) -> String {
        self.url(&[&self.account_id, "/messages"].concat())
    }

    /// Whether a URL is where files are kept.
    pub fn keeps(&self, url: &str) -> bool {
        http::origin(&self.media_base) == http::origin(url)
    }

    /// What the schema cannot tell.
    pub fn problems(&self) -> Vec<Problem> {
        let bases = [("api_base", &self.api_base), ("media_base", &self.media_base)];
        let wrong = bases.iter().filter(|(_, base)| !base.starts_with("https://") && !base.starts_with("http://"));
        wrong.map(|(name, _)| Problem::new(format!("`{name}` has to begin with https:// or http://."))).collect()
    }
}
