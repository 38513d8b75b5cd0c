//! The channel's configuration.

use jackfield_sdk::Problem;
use serde::Deserialize;

/// As the manifest's schema describes it.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// The id of the number that is this channel.
    pub phone_number_id: String,
    /// The business account, for webhooks that leave it out.
    #[serde(default)]
    pub waba_id: Option<String>,
    #[serde(default = "api_base")]
    api_base: String,
    #[serde(default = "api_version")]
    api_version: String,
}

fn api_base() -> String {
    "https://graph.facebook.com".into()
}

fn api_version() -> String {
    "v25.0".into()
}

impl Config {
    /// The URL of something below the phone number; `path` begins with a slash or a question mark, or is empty.
    pub fn url(&self, path: &str) -> String {
        let base = self.api_base.trim_end_matches('/');
        [base, "/", &self.api_version, "/", &self.phone_number_id, path].concat()
    }

    /// What the schema cannot tell.
    pub fn problems(&self) -> Vec<Problem> {
        if self.api_base.starts_with("https://") || self.api_base.starts_with("http://") {
            return Vec::new();
        }
        vec![Problem::new("`api_base` has to begin with https:// or http://.")]
    }
}
