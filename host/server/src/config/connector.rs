//! `[connectors.NAME]`: where a connector's code is, and what it may use.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{LimitsConfig, Reference};

/// `[connectors.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Section")]
pub struct ConnectorConfig {
    /// Where its code is.
    pub code: Code,
    /// What a call may use on its channels, where they do not say so themselves.
    pub limits: LimitsConfig,
}

/// Where a connector's code is.
#[derive(Clone, Debug)]
pub enum Code {
    /// The component, relative to the file.
    Path(PathBuf),
    /// In a registry.
    Oci(Spanned<Reference>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    path: Option<PathBuf>,
    oci: Option<Spanned<Reference>>,
    #[serde(default)]
    limits: LimitsConfig,
}

impl TryFrom<Section> for ConnectorConfig {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, Self::Error> {
        let code = match (section.path, section.oci) {
            (Some(path), None) => Code::Path(path),
            (None, Some(reference)) => Code::Oci(reference),
            _ => {
                return Err("a connector's code is in one place: write either `path`, a file, or `oci`, in a registry");
            }
        };
        Ok(Self { code, limits: section.limits })
    }
}
