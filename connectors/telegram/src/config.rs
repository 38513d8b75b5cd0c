//! The channel's configuration.

use jackfield_sdk::Problem;
use serde::Deserialize;

/// As the manifest's schema describes it.
#[derive(Debug, Deserialize)]
pub struct Config {
    #[serde(default = "api_base")]
    api_base: String,
}

fn api_base() -> String {
    "https://api.telegram.org".into()
}

impl Config {
    /// The URL of a method. The host puts the token where its name stands; the connector never sees it.
    pub fn url(&self, method: &str) -> String {
        [self.api_base.trim_end_matches('/'), "/bot{bot-token}/", method].concat()
    }

    /// The URL of a file that `getFile` gave a path for.
    pub fn file_url(&self, path: &str) -> String {
        [self.api_base.trim_end_matches('/'), "/file/bot{bot-token}/", path].concat()
    }

    /// What the schema cannot tell.
    pub fn problems(&self) -> Vec<Problem> {
        if self.api_base.starts_with("https://") || self.api_base.starts_with("http://") {
            return Vec::new();
        }
        vec![Problem::new("`api_base` has to begin with https:// or http://.")]
    }
}
