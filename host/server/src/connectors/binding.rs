//! Binds a version of a connector to a channel, or says everything that stands in the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::generation::{GrantChanges, Missing};
use jackfield_core::ids::ChannelId;
use jackfield_sandbox::{Binding, Connector, Grants, StateView};

use super::generation::BoundChannel;
use super::grants;
use crate::config::{ChannelConfig, Config};

/// Everything of a channel that binding takes.
pub struct BindInputs<'a> {
    /// The configuration file's settings; its folder is where the paths of secrets start.
    pub config: &'a Config,
    /// The channel's name.
    pub id: &'a ChannelId,
    /// The channel's section.
    pub channel: &'a ChannelConfig,
    /// The number of the channel, as [`BoundChannel::new`] takes it.
    pub made: u64,
    /// What is allowed on top of it.
    pub changes: &'a GrantChanges,
    /// Whether another connector serves the channel still, so that what is granted there now is not granted to this one.
    pub to_another: bool,
    /// The channel's committed state.
    pub state: Arc<dyn StateView>,
}

/// Why a version cannot serve a channel.
#[derive(Clone, Debug, Default)]
pub struct BindRejection {
    /// Wants that the operator has not met, and can.
    pub missing: Vec<Missing>,
    /// What is wrong besides.
    pub problems: Vec<Problem>,
}

impl BindRejection {
    /// All of it, as problems.
    pub fn all(self) -> impl Iterator<Item = Problem> {
        let missing = self.missing.into_iter().map(|m| Problem { message: m.message, code: Some(m.code) });
        self.problems.into_iter().chain(missing)
    }
}

/// Binds a version to a channel. `strict` refuses what asks for more than is granted; without it that is denied when it is wanted.
///
/// # Errors
/// Everything that stands in the way, not only the first.
pub fn bind(connector: &Arc<Connector>, inputs: &BindInputs<'_>, strict: bool) -> Result<BoundChannel, BindRejection> {
    let mut rejections = BindRejection::default();
    let mut secrets = BTreeMap::new();
    for (name, source) in &inputs.channel.secrets {
        match source.fetch(|path| inputs.config.resolve(path)) {
            Ok(secret) => {
                secrets.insert(name.clone(), secret);
            }
            Err(why) => rejections.problems.push(Problem { message: format!("the secret {name}: {why}"), code: None }),
        }
    }
    let unfetched = !rejections.problems.is_empty();
    let grants = grants::effective(&inputs.channel.grants, inputs.changes);
    let binding = Binding {
        channel: inputs.id.clone(),
        config: inputs.channel.config.clone(),
        secrets,
        grants: grants.clone(),
        limits: inputs.channel.limits.limits(),
        state: Arc::clone(&inputs.state),
    };
    let bound = if strict { connector.bind(binding) } else { connector.bind_with_less(binding) };
    match bound {
        Ok(channel) if !unfetched => Ok(BoundChannel::new(channel, grants, inputs.made)),
        Ok(_) => Err(rejections),
        Err(problems) => {
            for problem in problems {
                match problem.code.as_deref() {
                    // What could not be fetched is missing; it need not be said twice.
                    Some("missing_secret") if unfetched => {}
                    Some("missing_secret") => rejections.missing.push(missing(inputs.id, problem)),
                    // Told below, origin by origin.
                    Some("not_granted") => {}
                    _ => rejections.problems.push(problem),
                }
            }
            rejections.missing.extend(not_granted(connector, inputs, &grants));
            Err(rejections)
        }
    }
}

fn missing(channel: &ChannelId, problem: Problem) -> Missing {
    Missing { channel: channel.clone(), code: problem.code.unwrap_or_default(), origin: None, message: problem.message }
}

fn not_granted(connector: &Connector, inputs: &BindInputs<'_>, grants: &Grants) -> Vec<Missing> {
    let asked = connector.asks_for(&inputs.channel.config);
    let missing = asked.into_iter().filter(|origin| !grants.http.contains(origin)).map(|origin| Missing {
        channel: inputs.id.clone(),
        code: String::from("not_granted"),
        origin: Some(origin.to_string()),
        message: match inputs.to_another {
            true => format!(
                "The connector wants to reach {origin}; add it to the channel's `http` grants. What was granted while the host ran was \
                 granted to the connector that served the channel before."
            ),
            false => format!(
                "The connector wants to reach {origin}; add it to the channel's `http` grants, or grant it with `jackfield channel grant \
                 {} {origin}`.",
                inputs.id
            ),
        },
    });
    missing.collect()
}
