//! The structure of the host: no files of a crate import each other in a circle.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its tree is to stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its path within the crate; empty is the crate itself.
type Module = Vec<String>;

/// A crate's files, what each imports, and what each gives on under its own name.
#[derive(Default)]
struct Crate {
    files: BTreeMap<Module, PathBuf>,
    imports: BTreeMap<Module, Vec<Module>>,
    given_on: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Crate {
    fn read(src: &Path) -> Self {
        let mut this = Self::default();
        this.find(src, &Vec::new());
        for (module, file) in this.files.clone() {
            let text = fs::read_to_string(&file).unwrap();
            let (imports, given_on) = paths(&module, &text);
            this.imports.insert(module.clone(), imports);
            this.given_on.insert(module, given_on);
        }
        this
    }

    fn find(&mut self, folder: &Path, module: &Module) {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let mut inner = module.clone();
            if path.is_dir() {
                inner.push(stem);
                self.find(&path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
                if stem != "mod" && stem != "lib" {
                    inner.push(stem);
                }
                self.files.insert(inner, path);
            }
        }
    }

    /// The module in which what a path names is written down.
    fn home(&self, path: &[String], depth: usize) -> Option<Module> {
        let longest = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
        let (module, rest) = path.split_at(longest);
        let given = rest.first().and_then(|name| self.given_on.get(module)?.get(name));
        match given {
            Some(elsewhere) if depth < 8 => self.home(elsewhere, depth + 1),
            _ => Some(module.to_vec()),
        }
    }

    fn edges(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let of = |(module, paths): (_, &Vec<Module>)| {
            let homes: BTreeSet<Module> = paths.iter().filter_map(|path| self.home(path, 0)).collect();
            (module, homes.into_iter().filter(|home| home != module && !home.is_empty()).collect())
        };
        self.imports.iter().map(of).collect()
    }
}

/// The paths that a file imports or names, and those that it gives on, from the crate's root.
fn paths(module: &Module, text: &str) -> (Vec<Module>, BTreeMap<String, Module>) {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let (mut imports, mut given_on) = (Vec::new(), BTreeMap::new());
    for (public, tree) in statements(&code) {
        for path in expand(tree.trim()) {
            let (path, name) =
                path.split_once(" as ").map_or((path.as_str(), None), |(p, n)| (p.trim(), Some(n.trim())));
            let segments: Vec<String> = path.split("::").map(|s| s.trim().to_owned()).collect();
            // What is given on may be named from here on: `pub use cache::Cache`.
            let below = || public.then(|| [module.as_slice(), &segments].concat());
            let Some(full) = absolute(module, &segments).or_else(below) else { continue };
            if public && let Some(last) = full.last() {
                given_on.insert(name.map_or_else(|| last.clone(), str::to_owned), full.clone());
            } else {
                imports.push(full);
            }
        }
    }
    for (at, _) in code.match_indices("crate::") {
        let rest: String = code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        let segments: Vec<String> = rest.split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
        let in_use = code[..at].rfind(';').map_or(&code[..at], |from| &code[from..at]).contains("use ");
        imports.extend(absolute(module, &segments).filter(|_| !in_use));
    }
    (imports, given_on)
}

/// What stands behind `use`, and whether it is given on.
fn statements(code: &str) -> Vec<(bool, String)> {
    let mut found: Vec<(bool, String)> = Vec::new();
    let mut open = false;
    for line in code.lines().map(str::trim) {
        let behind = line.split_once("use ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
        if let Some((before, rest)) = behind.filter(|_| !open) {
            found.push((!before.is_empty(), rest.to_owned()));
            open = true;
        } else if let Some((_, tree)) = found.last_mut().filter(|_| open) {
            tree.push_str(line);
        }
        if let Some((_, tree)) = found.last_mut().filter(|_| open && line.ends_with(';')) {
            tree.pop();
            open = false;
        }
    }
    found
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`; `self` is what it stands in.
fn expand(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else {
        return vec![tree.trim_end_matches("::self").trim_end_matches("::*").to_owned()];
    };
    let (prefix, inner) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())]);
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{prefix}{part}"))).collect()
}

/// A path from the crate's root; none for another crate's.
fn absolute(module: &Module, segments: &[String]) -> Option<Module> {
    let mut base = module.clone();
    let mut rest = segments;
    match rest.first()?.as_str() {
        "crate" => (base, rest) = (Vec::new(), &rest[1..]),
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|s| s == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The files that can be reached from one.
fn reach<'a>(edges: &'a BTreeMap<&Module, BTreeSet<Module>>, from: &'a Module) -> BTreeSet<&'a Module> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(module) = waiting.pop() {
        for next in edges.get(module).into_iter().flatten() {
            if found.insert(next) {
                waiting.push(next);
            }
        }
    }
    found
}

#[test]
fn no_files_of_the_host_import_each_other_in_a_circle() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host");
    let mut circles = BTreeSet::new();
    for name in ["core", "store", "sandbox", "server"] {
        let krate = Crate::read(&host.join(name).join("src"));
        assert!(krate.files.len() > 10, "{name} was not found");
        let edges = krate.edges();
        for module in edges.keys() {
            let reached = reach(&edges, module);
            if reached.contains(*module) {
                let back = |other: &&&Module| reach(&edges, other).contains(*module);
                let of: Vec<String> = reached.iter().filter(back).map(|m| m.join("::")).collect();
                circles.insert(format!("{name}: {}", of.join(", ")));
            }
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_reader_of_imports_sees_what_is_imported() {
    let text =
        "use super::b::{self, c::{D, E}};\npub use inner::Given;\npub(crate) use self::x::Y;\nfn f() { crate::z::g() }";
    let (imports, given_on) = paths(&vec!["a".to_owned(), "m".to_owned()], text);
    let joined: Vec<String> = imports.iter().map(|path| path.join("::")).collect();
    assert_eq!(joined, ["a::b", "a::b::c::D", "a::b::c::E", "z::g"]);
    assert_eq!(given_on["Y"].join("::"), "a::m::x::Y");
}
