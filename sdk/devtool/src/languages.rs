//! Connectors in other languages than Rust: found by their files, built by the SDK of their language, with its tools installed below
//! `target` from the versions that the SDK pins.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};

use jackfield_devtool::component::{MANIFEST_SECTION, append_section};
use jackfield_devtool::tools::{Language, Tools};

use crate::guest;
use crate::progress::say;
use crate::tasks;
use crate::workspace::Workspace;

/// What the runtimes of these languages import besides what a connector in Rust does. The host links it, with nothing behind it.
pub const ALLOWED_IMPORTS: [&str; 3] = ["wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// The language of the project in `folder`, by the file that it begins with. None for Rust and for what is no project.
fn language_of(folder: &Path) -> Option<Language> {
    let has = |name: &str| folder.join(name).is_file();
    if has("Cargo.toml") {
        None
    } else if has("src/index.ts") || has("src/index.js") {
        Some(Language::JavaScript)
    } else {
        has("src/connector.py").then_some(Language::Python)
    }
}

/// The projects in other languages below `folder` (relative to the root), in order of their names.
pub fn projects(workspace: &Workspace, folder: &str) -> Vec<(PathBuf, Language)> {
    let entries = fs::read_dir(workspace.root.join(folder)).into_iter().flatten().flatten();
    let projects = entries.filter_map(|entry| language_of(&entry.path()).map(|language| (entry.path(), language)));
    let mut projects: Vec<_> = projects.collect();
    projects.sort_by(|a, b| a.0.cmp(&b.0));
    projects
}

/// Builds the project and leaves its component, with its manifest inside, in `made`. Does nothing where nothing has changed. Returns the
/// component's path.
pub fn build(workspace: &Workspace, project: &Path, language: Language, made: &Path) -> Result<PathBuf> {
    let name = project.file_name().with_context(|| format!("{} has no name", project.display()))?;
    let component = made.join(name).with_extension("wasm");
    let sdk = workspace.root.join("sdk").join(language.folder());
    let sources = [project, &sdk, &workspace.root.join("wit")].into_iter().map(newest).max().flatten();
    if modified(&component) > sources {
        return Ok(component);
    }
    let tools = tools(workspace, language, &sdk)?;
    say(format_args!("building {}; about half a minute", project.display()));
    let started = Instant::now();
    let plain = made.join(name).with_extension("plain");
    tasks::run(workspace, tools.command("build", &sdk).args([project, &plain]))?;
    let mut bytes = fs::read(&plain).with_context(|| format!("{} was not built", project.display()))?;
    fs::remove_file(&plain)?;
    let manifest = project.join("connector.toml");
    let manifest = fs::read(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    append_section(&mut bytes, MANIFEST_SECTION, &manifest);
    guest::write_whole(&component, &bytes)?;
    let (size, seconds) = (bytes.len().div_ceil(1024), started.elapsed().as_secs());
    say(format_args!("built {} ({size} KiB, {seconds} s)", component.display()));
    Ok(component)
}

/// Runs the own tests of every connector in another language, and of the SDKs' templates, natively.
pub fn test(workspace: &Workspace) -> Result<()> {
    for (project, language) in
        ["connectors", "sdk/js", "sdk/python"].iter().flat_map(|folder| projects(workspace, folder))
    {
        let sdk = workspace.root.join("sdk").join(language.folder());
        let tools = tools(workspace, language, &sdk)?;
        say(format_args!("testing {}", project.display()));
        tasks::run(workspace, tools.command("test", &sdk).arg(project))?;
    }
    Ok(())
}

/// The tools of a language, installed below the folder that cargo builds into.
fn tools(workspace: &Workspace, language: Language, sdk: &Path) -> Result<Tools> {
    Tools::install(language, sdk, &workspace.target.join(format!("sdk-{}", language.folder())))
}

/// When the newest file below `path` was written.
fn newest(path: &Path) -> Option<SystemTime> {
    const LEFT_OUT: [&str; 5] = ["node_modules", "__pycache__", "target", "template", "README.md"];
    if path.file_name().is_some_and(|name| LEFT_OUT.iter().any(|left_out| name == *left_out)) {
        return None;
    }
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().filter_map(|entry| newest(&entry.path())).max(),
        Err(_) => modified(path),
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_the_file_that_a_project_begins_with() {
        let folder = tempfile::tempdir().unwrap();
        let src = folder.path().join("src");
        fs::create_dir(&src).unwrap();
        assert_eq!(language_of(folder.path()), None);
        fs::write(src.join("connector.py"), "").unwrap();
        assert_eq!(language_of(folder.path()), Some(Language::Python));
        fs::write(src.join("index.ts"), "").unwrap();
        assert_eq!(language_of(folder.path()), Some(Language::JavaScript));
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(language_of(folder.path()), None);
    }

    #[test]
    fn what_was_installed_or_compiled_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("node_modules/a.js"), "").unwrap();
        assert_eq!(newest(folder.path()), None);
        fs::write(folder.path().join("a.js"), "").unwrap();
        assert!(newest(folder.path()).is_some());
    }
}
