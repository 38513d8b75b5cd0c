//! What commands about connectors come to: how far a version has come, what stands in its way, what went wrong.

use jackfield_core::event::Problem;
use jackfield_core::fact::{Fact, Refusal};
use jackfield_core::generation::{Missing, Stage};
use jackfield_core::ids::{ChannelId, Seq};
use jackfield_core::tables::ReadError;
use jackfield_store::AppendError;

/// Why a command about connectors came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// There is none of this name.
    #[error("there is no connector {0}")]
    NoConnector(String),
    /// There is none of this number.
    #[error(
        "the connector {connector} has no generation {generation}; `jackfield connector show {connector}` lists them"
    )]
    NoGeneration {
        /// The connector.
        connector: String,
        /// The number.
        generation: u32,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The domain's rules refuse it.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// It is in the journal, and met a defect of this version of the host.
    #[error(
        "fact {0} is stored and met a defect of this version of the host, so nothing came of it; the log says which"
    )]
    Skipped(Seq),
    /// Nothing came from a registry.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The disk.
    #[error("the component cannot be kept or read: {0}")]
    Disk(#[from] std::io::Error),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What stands in a version's way, and on which channel.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// None if it is about the version itself.
    pub channel: Option<ChannelId>,
    /// What, with the remedy.
    pub problem: Problem,
}

/// How far a version has come.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its number.
    pub generation: u32,
    /// How far.
    pub stage: Stage,
    /// Why no further.
    pub rejections: Vec<Rejection>,
}

/// Why nothing was pulled. Each is a sentence with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// The configuration does not let it, or something of it is missing here.
    #[error("{0}")]
    Configuration(String),
    /// The registry does not give it.
    #[error("{0}")]
    Registry(String),
    /// What the registry gives is no component, or not the one that was asked for.
    #[error("{0}")]
    Component(String),
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(channel) = &self.channel {
            write!(f, "{channel}: ")?;
        }
        f.write_str(&self.problem.message)
    }
}

impl From<&Missing> for Rejection {
    fn from(missing: &Missing) -> Self {
        let problem = Problem { message: missing.message.clone(), code: Some(missing.code.clone()) };
        Self { channel: Some(missing.channel.clone()), problem }
    }
}

pub(super) fn moved(name: &str, generation: u32, to: Stage, problem: Option<Problem>, missing: Vec<Missing>) -> Fact {
    let (connector, approved, differences) = (name.to_owned(), None, Vec::new());
    Fact::GenerationMoved { connector, generation, to, problem, missing, approved, differences }
}
