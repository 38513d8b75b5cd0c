//! What a channel may do: the configuration, and what the operator allowed or took back while the host ran.

use jackfield_core::generation::GrantChanges;
use jackfield_sandbox::{Grants, Origin};

use crate::config::GrantsConfig;

/// The configuration's grants with the changes on top.
#[must_use]
pub fn effective(config: &GrantsConfig, changes: &GrantChanges) -> Grants {
    let parsed = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect::<Vec<Origin>>();
    let revoked = parsed(&changes.revoked);
    let joined = |configured: &[Origin], added: &[String]| {
        let mut origins: Vec<Origin> = configured.to_vec();
        origins.extend(parsed(added));
        origins.retain(|origin| !revoked.contains(origin));
        origins.sort();
        origins.dedup();
        origins
    };
    let http = joined(&config.http, &changes.http);
    let mut private_addresses = joined(&config.private_addresses, &changes.private_addresses);
    private_addresses.retain(|origin| http.contains(origin));
    let public_webhook = changes.public_webhook.unwrap_or(config.public_webhook);
    Grants { http, private_addresses, public_webhook, attests: config.attests.clone(), scopes: config.scopes.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn config(http: &[&str]) -> GrantsConfig {
        GrantsConfig { http: http.iter().map(|text| origin(text)).collect(), ..GrantsConfig::default() }
    }

    #[test]
    fn what_was_granted_while_the_host_ran_comes_on_top_of_the_configuration() {
        let changes = GrantChanges { http: vec![String::from("https://b.example")], ..GrantChanges::default() };
        let grants = effective(&config(&["https://a.example"]), &changes);
        assert_eq!(grants.http, [origin("https://a.example"), origin("https://b.example")]);
        assert!(grants.private_addresses.is_empty());
    }

    #[test]
    fn what_was_revoked_is_not_granted_whatever_the_configuration_says() {
        let changes = GrantChanges { revoked: vec![String::from("https://a.example")], ..GrantChanges::default() };
        assert!(effective(&config(&["https://a.example"]), &changes).http.is_empty());
    }
}
