//! Rust: a crate on `jackfield-sdk`, compiled by cargo.

use std::path::Path;

use anyhow::{Context, Result};
use jackfield_devtool::guest;
use jackfield_devtool::toolchain::Toolchain;
use jackfield_devtool::workspace::Workspace;

use super::{Language, TemplateFile};
use crate::sdk::Sdk;

/// The language.
pub struct Rust;

const TEMPLATE: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml.in")),
    (".gitignore", include_str!("../../templates/rust/gitignore")),
    ("README.md", include_str!("../../templates/rust/README.md")),
    ("connector.toml", include_str!("../../templates/rust/connector.toml")),
    ("src/lib.rs", include_str!("../../templates/rust/src/lib.rs")),
    ("src/outbound.rs", include_str!("../../templates/rust/src/outbound.rs")),
    ("src/tests.rs", include_str!("../../templates/rust/src/tests.rs")),
    ("fixtures/messages.json", include_str!("../../templates/rust/fixtures/messages.json")),
    ("fixtures/conformance.toml", include_str!("../../templates/rust/fixtures/conformance.toml")),
];

impl Language for Rust {
    fn word(&self) -> &'static str {
        "rust"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["Cargo.toml"]
    }

    fn template(&self, _: &Sdk) -> Result<Vec<TemplateFile>> {
        Ok(TEMPLATE.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }

    fn tests(&self, _: &Sdk) -> Result<String> {
        Ok("cargo test".to_owned())
    }

    fn compile(&self, project: &Path, _: Option<&Path>) -> Result<Vec<u8>> {
        let workspace = Workspace::around(project)?;
        let guest = workspace.guest_in(project).with_context(|| {
            format!(
                "the crate in {} makes no component: it needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`",
                project.display()
            )
        })?;
        guest::componentize(&guest::compile(&workspace, &Toolchain::find(None)?, &guest)?)
    }
}
