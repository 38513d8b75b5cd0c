//! `cargo xtask guests`: every connector and every guest of the tests, as components.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use jackfield_devtool::component::Outline;

use crate::guest;
use crate::languages;
use crate::progress::say;
use crate::toolchain::{TARGET, Toolchain, Way};
use crate::workspace::Workspace;

/// Where the guests' crates are, and where below `target` their components go.
const PLACES: [(&str, &str); 2] = [("connectors", "connectors"), ("tests/guests", "test-guests")];

/// Connectors in JavaScript and Python whose sources are frozen: too large to keep, and built anew to show that they still work. The
/// frozen one in Rust is kept as it was built.
const GOLDEN: (&str, &str) = ("tests/golden/0.1", "golden");

/// All that a connector may import, as beginnings of names.
const ALLOWED_IMPORTS: [&str; 5] = ["jackfield:connector/", "wasi:http/", "wasi:io/", "wasi:clocks/", "wasi:random/"];

#[derive(Args, Default)]
pub struct Arguments {
    /// How to compile for WebAssembly; without it, whatever works
    #[arg(long, value_enum)]
    with: Option<Way>,
    /// Print what each component imports and exports
    #[arg(long)]
    show: bool,
}

/// Which components.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The connectors, which take a Rust compiler only.
    Connectors,
    /// Those of the tests, too, which take the tools of JavaScript and Python.
    All,
}

/// Builds all that is not built yet.
pub fn run(arguments: &Arguments) -> Result<()> {
    build(Which::All, arguments)
}

/// Builds what is not built yet. Other commands call it before they need a component.
pub fn build(which: Which, arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    let toolchain = Toolchain::find(arguments.with)?;
    warn_of_the_first_build(&workspace, &toolchain);
    let places = if which == Which::All { &PLACES[..] } else { &PLACES[..1] };
    for (source, made) in places {
        for guest in workspace.guests(source) {
            let component = guest::build(&workspace, &toolchain, &guest, &workspace.root.join("target").join(made))?;
            // A guest of the tests may ask for what it must not get.
            check(&component, arguments.show, (*source == "connectors").then_some(&[]))?;
        }
    }
    let golden = (which == Which::All).then_some(&GOLDEN);
    for (source, made) in places.iter().chain(golden) {
        for (project, language) in languages::projects(&workspace, source) {
            let component =
                languages::build(&workspace, &project, language, &workspace.root.join("target").join(made))?;
            check(&component, arguments.show, Some(&languages::ALLOWED_IMPORTS))?;
        }
    }
    Ok(())
}

fn warn_of_the_first_build(workspace: &Workspace, toolchain: &Toolchain) {
    let built = workspace.root.join("target/guests").join(toolchain.word()).join(TARGET);
    match toolchain {
        _ if built.exists() => {}
        Toolchain::Installed => say("building the connectors for WebAssembly; about half a minute the first time"),
        Toolchain::FromSource { .. } => {
            say("building the standard library for WebAssembly, once, and the connectors; one to two minutes");
        }
    }
}

/// Refuses a component that asks for something that no host gives: better here than at an operator's.
/// `also` is what a language's runtime may import besides; without it anything may be.
fn check(component: &Path, show: bool, also: Option<&[&str]>) -> Result<()> {
    let bytes = std::fs::read(component).with_context(|| format!("{} cannot be read", component.display()))?;
    let names = Outline::of(&bytes).with_context(|| format!("{} is no component", component.display()))?;
    for import in &names.imports {
        let allowed = |also: &[&str]| ALLOWED_IMPORTS.iter().chain(also).any(|allowed| import.starts_with(allowed));
        if also.is_some_and(|also| !allowed(also)) {
            bail!("{} imports {import}, which no host offers", component.display());
        }
    }
    if show {
        say(format_args!("{}", component.display()));
        names.imports.iter().for_each(|name| say(format_args!("  import {name}")));
        names.exports.iter().for_each(|name| say(format_args!("  export {name}")));
        names.sections.iter().for_each(|section| say(format_args!("  section {}", section.name)));
    }
    Ok(())
}
