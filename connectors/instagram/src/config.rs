//! The channel's configuration.

use jackfield_sdk::Problem;
use serde::Deserialize;

/// As the manifest's schema describes it.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// The account that is this channel.
    pub account_id: String,
    #[serde(default = "api_base")]
    api_base: String,
    #[serde(default = "api_version")]
    api_version: String,
}

fn api_base() -> String {
    "https://graph.instagram.com".into()
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

    /// What the schema cannot tell.
    pub fn problems(&self) -> Vec<Problem> {
        if self.api_base.starts_with("https://") || self.api_base.starts_with("http://") {
            return Vec::new();
        }
        vec![Problem::new("`api_base` has to begin with https:// or http://.")]
    }
}
