//! What is different from language to language: the template of a project, and how a component is made of it.

mod rust;
mod script;

use std::path::Path;

use anyhow::{Context, Result};

use crate::sdk::Sdk;

/// A file of a template: its path in the project, and its text with `{{name}}`, `{{type}}`, `{{sdk}}` and `{{tests}}` still in it.
pub type TemplateFile = (String, Vec<u8>);

/// A language that connectors are written in.
pub trait Language: Sync {
    /// What it is called on the command line.
    fn word(&self) -> &'static str;

    /// Files in the folder of a project by any of which the language is known.
    fn marks(&self) -> &'static [&'static str];

    /// The files of a new project.
    fn template(&self, sdk: &Sdk) -> Result<Vec<TemplateFile>>;

    /// How the author runs the project's own tests, as a line for the shell in the project's folder.
    fn tests(&self, sdk: &Sdk) -> Result<String>;

    /// Makes a component of a project, without the manifest.
    fn compile(&self, project: &Path, sdk: Option<&Path>) -> Result<Vec<u8>>;
}

/// Every language, in the order in which a project's folder is looked through.
pub const ALL: [&dyn Language; 3] = [&rust::Rust, &script::JAVASCRIPT, &script::PYTHON];

/// The language of this word.
#[must_use]
pub fn by_word(word: &str) -> Option<&'static dyn Language> {
    ALL.into_iter().find(|language| language.word() == word)
}

/// The language of the project in a folder.
pub fn of_project(project: &Path) -> Result<&'static dyn Language> {
    let is_of = |language: &&dyn Language| language.marks().iter().any(|mark| project.join(mark).is_file());
    ALL.into_iter().find(is_of).with_context(|| {
        let marks: Vec<_> = ALL.iter().flat_map(|language| language.marks().iter().copied()).collect();
        format!("{} is no project of a connector: none of {} is in it", project.display(), marks.join(", "))
    })
}
