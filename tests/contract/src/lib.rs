//! Says whether a change of the contract breaks what was built for it, by the table of `wit/VERSIONING.md`.
//!
//! A contract is a folder of WIT. What is compared is what a component sees: interfaces, their types and functions, and what the worlds
//! import and export. Comments do not count, and neither does the order of things that have names of their own.

mod compare;
mod shape;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use wit_parser::Resolve;

use shape::Item;

/// A contract, in a form in which two can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// `jackfield:connector@0.1.0`.
    package: String,
    interfaces: BTreeMap<String, Interface>,
    worlds: BTreeMap<String, World>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Interface {
    types: BTreeMap<String, Item>,
    functions: BTreeMap<String, Item>,
}

/// Names of what it imports and exports.
#[derive(Clone, Debug, PartialEq, Eq)]
struct World {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Contract {
    /// Reads a folder of WIT, with what it depends on in `deps`.
    ///
    /// # Errors
    ///
    /// When it is no WIT.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder).with_context(|| format!("{} is no WIT", folder.display()))?;
        Ok(shape::contract(&resolve, package))
    }

    /// What became of an older one in this one.
    #[must_use]
    pub fn since(&self, older: &Self) -> Vec<Change> {
        compare::contracts(older, self)
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether a component that was built for the older contract may stop to work.
    pub breaks: bool,
    /// What changed: `types.author: the case bot was added to the variant`.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.breaks { "BREAKS" } else { "fine  " };
        write!(f, "{word} {}", self.what)
    }
}
