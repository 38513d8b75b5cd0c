//! What Instagram tells about a person who has written to the account.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Hint, Identifier, Subject};

use crate::config::Config;
use crate::graph;

/// Name, handle and picture, which the person can all change at will. Empty for people whose profile is closed to the account.
pub fn hints(config: &Config, who: &Identifier) -> Result<Vec<Hint>, Failure> {
    if who.kind != "instagram" || !who.value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let profile = match graph::ask(config.url(&[&who.value, "?fields=name,username,profile_pic"].concat())) {
        Ok(profile) => profile,
        Err(Failure::Rejected(_) | Failure::RecipientGone(_)) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let told = [
        profile.text("name").map(|name| Hint::claimed(Subject::Name(name), "profile name on Instagram")),
        profile.text("username").map(|name| Hint::claimed(Subject::Username(name), "username on Instagram")),
        profile.text("profile_pic").map(|url| Hint::claimed(Subject::Avatar(url), "profile picture on Instagram")),
    ];
    Ok(told.into_iter().flatten().collect())
}
