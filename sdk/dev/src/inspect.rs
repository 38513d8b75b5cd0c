//! `jackfield-dev inspect`: what a component says of itself. Nothing is run.

use std::fmt;

use anyhow::{Context, Result};
use jackfield_devtool::component::{MANIFEST_SECTION, Outline};
use serde::Serialize;
use serde_json::Value;

use crate::signature::{self, State, sha256};

/// What there is to know of a component from outside.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Bytes.
    pub size: usize,
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// The manifest as it stands in the component; null if it has none.
    pub manifest: Value,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// What its signature is worth.
    pub signature: State,
    #[serde(skip)]
    text: String,
}

/// Looks at a component's bytes.
pub fn inspect(component: &[u8]) -> Result<Inspection> {
    let outline = Outline::of(component).context("this is no component; build one with `jackfield-dev build`")?;
    let text = outline.section(MANIFEST_SECTION).map(|data| String::from_utf8_lossy(data).into_owned());
    let table = text.as_ref().map(|text| toml::from_str::<toml::Table>(text)).transpose();
    let table = table.context("its manifest is no TOML")?;
    Ok(Inspection {
        size: component.len(),
        sha256: sha256(component),
        manifest: serde_json::to_value(table)?,
        imports: outline.imports,
        exports: outline.exports,
        signature: signature::state(component)?,
        text: text.unwrap_or_default(),
    })
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "size       {} bytes ({} KiB)", self.size, self.size.div_ceil(1024))?;
        writeln!(f, "sha256     {}", self.sha256)?;
        match &self.signature {
            State::Unsigned => writeln!(f, "signature  none")?,
            State::Signed { key } => writeln!(f, "signature  genuine, of the key {key}")?,
            State::Broken { reason } => writeln!(f, "signature  BROKEN: {reason}")?,
        }
        for import in &self.imports {
            writeln!(f, "import     {import}")?;
        }
        for export in &self.exports {
            writeln!(f, "export     {export}")?;
        }
        match self.text.is_empty() {
            true => write!(f, "manifest   none"),
            false => write!(f, "manifest\n{}", self.text.trim_end()),
        }
    }
}
