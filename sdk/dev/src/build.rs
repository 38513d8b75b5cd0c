//! `jackfield-dev build`: from a project to one file that is the plugin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use jackfield_devtool::component::{MANIFEST_SECTION, Outline, append_section};
use jackfield_devtool::guest::write_whole;
use jackfield_sandbox::Manifest;

use crate::language;
use crate::signature::sha256;

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// The id in its manifest.
    pub id: String,
    /// Bytes.
    pub size: usize,
    /// Its sha256, 64 hexadecimal digits.
    pub sha256: String,
}

/// Builds the project in a folder into `out`, or into `dist/ID.wasm`. The manifest is read first, because that takes no time.
pub fn build(project: &Path, sdk: Option<&Path>, out: Option<&Path>) -> Result<Built> {
    let language = language::of_project(project)?;
    let (text, manifest) = manifest(project)?;
    let mut component = language.compile(project, sdk)?;
    let outline = Outline::of(&component).context("what was built is no component")?;
    ensure!(
        outline.section(MANIFEST_SECTION).is_none(),
        "the component has a manifest already; only jackfield-dev may embed connector.toml"
    );
    append_section(&mut component, MANIFEST_SECTION, text.as_bytes());
    let path = out.map_or_else(|| default_path(project, &manifest.id), Path::to_path_buf);
    write_whole(&path, &component)?;
    Ok(Built { path, id: manifest.id, size: component.len(), sha256: sha256(&component) })
}

/// Where the component of the project in a folder is, once it is built.
pub fn component_path(project: &Path) -> Result<PathBuf> {
    Ok(default_path(project, &manifest(project)?.1.id))
}

fn default_path(project: &Path, id: &str) -> PathBuf {
    // Without a `./` that only looks odd.
    project.strip_prefix(".").unwrap_or(project).join("dist").join(id).with_extension("wasm")
}

fn manifest(project: &Path) -> Result<(String, Manifest)> {
    let path = project.join("connector.toml");
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read. Every connector has a manifest; `jackfield-dev new` writes one to begin with.",
            path.display()
        )
    })?;
    let manifest = Manifest::from_toml(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    Ok((text, manifest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_no_project_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(folder.path(), None, None).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml") && error.contains("package.json"), "{error}");
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let error = build(folder.path(), None, None).unwrap_err().to_string();
        assert!(error.contains("connector.toml"), "{error}");
    }

    #[test]
    fn a_wrong_manifest_is_told_before_anything_is_compiled() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        fs::write(folder.path().join("connector.toml"), "id = \"Bell\"\nversion = 1").unwrap();
        let error = build(folder.path(), None, None).unwrap_err().to_string();
        assert!(error.contains("connector.toml") && error.contains("line 2"), "{error}");
    }
}
