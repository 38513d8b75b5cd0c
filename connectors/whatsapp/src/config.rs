//! The channel's configuration.

use jackfield_sdk::{Problem, http};
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
    #[serde(default = "media_base")]
    media_base: String,
    #[serde(default = "api_version")]
    api_version: String,
}

fn api_base() -> String {
    "https://graph.facebook.com".into()
}

fn media_base() -> String {
    "https://lookaside.fbsbx.com".into()
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

    /// The URL of a file of the phone number.
    pub fn file_url(&self, id: &str) -> String {
        let base = self.api_base.trim_end_matches('/');
        [base, "/", &self.api_version, "/", id, "?phone_number_id=", &self.phone_number_id].concat()
    }

    /// Whether a URL is where this channel may go.
    pub fn reaches(&self, url: &str) -> bool {
        [&self.media_base, &self.api_base].into_iter().any(|base| http::origin(base) == http::origin(url))
    }

    /// What the schema cannot tell.
    pub fn problems(&self) -> Vec<Problem> {
        let bases = [("api_base", &self.api_base), ("media_base", &self.media_base)];
        let wrong = bases.iter().filter(|(_, base)| !base.starts_with("https://") && !base.starts_with("http://"));
        wrong.map(|(name, _)| Problem::new(format!("`{name}` has to begin with https:// or http://."))).collect()
    }
}
