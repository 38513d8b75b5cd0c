//! What a manifest asks for, want by want, for the operator to approve.

use std::collections::BTreeSet;

use jackfield_core::ask::{Ask, Want};

use super::{DeclaredTrust, LimitNeeds, Manifest, SecretUse};

impl Manifest {
    /// Everything that a version with this manifest asks for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        // Every field is named, so that a new one is not forgotten. Those that ask for nothing: names and texts for people, the
        // configuration's form, and what the channel can do, which is about what is refused before it is sent.
        let Self {
            http,
            secrets,
            credentials,
            identifiers,
            channel,
            limits,
            reply_headers,
            id: _,
            version: _,
            contract: _,
            name: _,
            description: _,
            config: _,
        } = self;
        let LimitNeeds { cpu_ms, wall_ms, memory_mib, reuse } = *limits;
        let mut wants = BTreeSet::new();
        for need in http {
            for method in &need.methods {
                wants.extend(need.paths.iter().map(|path| Want::Reach {
                    origin: need.origin.to_string(),
                    config: need.config.clone(),
                    method: method.to_string(),
                    path: path.clone(),
                }));
            }
        }
        for secret in secrets {
            let uses = self.uses(&secret.name);
            let checked = [(SecretUse::Verify, "verify"), (SecretUse::Sign, "sign")];
            wants.extend(
                checked
                    .into_iter()
                    .filter(|(one, _)| uses.contains(one))
                    .map(|(_, purpose)| Want::Use { secret: secret.name.clone(), purpose: purpose.to_owned() }),
            );
        }
        for credential in credentials {
            let all = http.iter().map(|need| &need.origin);
            let origins: Vec<_> = match &credential.origins {
                Some(named) => named.iter().collect(),
                None => all.collect(),
            };
            wants.extend(origins.into_iter().map(|origin| Want::Send {
                secret: credential.secret.clone(),
                origin: origin.to_string(),
                place: credential.place.to_string(),
            }));
        }
        let attested = identifiers.iter().filter(|declared| declared.trust == DeclaredTrust::Attested);
        wants.extend(attested.map(|declared| Want::Attest { kind: declared.kind.clone() }));
        wants.extend(reply_headers.iter().map(|name| Want::ReplyHeader { name: name.clone() }));
        wants.extend(channel.idempotent.then_some(Want::Idempotent));
        wants.extend(reuse.then_some(Want::Reuse));
        let limits = [("cpu_ms", cpu_ms), ("wall_ms", wall_ms), ("memory_mib", memory_mib)];
        wants.extend(limits.into_iter().filter_map(|(of, most)| Some(Want::Limit { of: of.to_owned(), most: most? })));
        Ask { wants }
    }

    /// What a secret may be used for: what the manifest declares, or to verify requests and to be sent where it has a place.
    pub(crate) fn uses(&self, secret: &str) -> BTreeSet<SecretUse> {
        let declared = self.secrets.iter().find(|need| need.name == secret).and_then(|need| need.uses.clone());
        declared.unwrap_or_else(|| {
            let sent = self.credentials.iter().any(|credential| credential.secret == secret);
            [SecretUse::Verify].into_iter().chain(sent.then_some(SecretUse::Send)).collect()
        })
    }
}
