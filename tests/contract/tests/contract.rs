//! The contract of this repository against every one that was released, and the check against changes of which we know what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use jackfield_contract::{Change, Contract};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn frozen() -> PathBuf {
    root().join("tests/golden/0.1/wit")
}

#[test]
fn nothing_that_was_released_is_broken() {
    let today = Contract::read(&root().join("wit")).unwrap();
    let mut seen = 0;
    for version in fs::read_dir(root().join("tests/golden")).unwrap() {
        let folder = version.unwrap().path().join("wit");
        if !folder.is_dir() {
            continue;
        }
        seen += 1;
        let changes = today.since(&Contract::read(&folder).unwrap());
        let table = changes.iter().map(Change::to_string).collect::<Vec<_>>().join("\n");
        println!("{}\n{table}", folder.display());
        assert!(
            changes.iter().all(|change| !change.breaks),
            "wit/ breaks components that were built for {}. wit/VERSIONING.md says how to go on.\n{table}",
            folder.display()
        );
    }
    assert!(seen > 0);
}

/// What the check says of the frozen contract after an edit of one file.
fn after(file: &str, old: &str, new: &str) -> Vec<Change> {
    let place = tempfile::tempdir().unwrap();
    copy(&frozen(), place.path());
    let path = place.path().join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert!(text.contains(old), "{file} has no `{old}`");
    fs::write(&path, if old.is_empty() { format!("{text}{new}") } else { text.replacen(old, new, 1) }).unwrap();
    Contract::read(place.path()).unwrap().since(&Contract::read(&frozen()).unwrap())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

#[test]
fn the_contract_has_not_changed_since_itself() {
    let frozen = Contract::read(&frozen()).unwrap();
    assert_eq!(frozen.since(&frozen), []);
}

#[test]
fn what_breaks_a_component_is_found_and_named() {
    for (file, old, new, what) in [
        (
            "types.wit",
            "        inferred,",
            "        inferred,\n        sworn,",
            "types.trust: the case sworn was added to the variant",
        ),
        ("types.wit", "        inferred,\n", "", "types.trust: the case inferred was removed from the variant"),
        (
            "types.wit",
            "        username(string),",
            "        username(u32),",
            "types.subject: the case username of the variant was string and became u32",
        ),
        (
            "types.wit",
            "        sent,\n        delivered,",
            "        delivered,\n        sent,",
            "types.delivery-state: the case sent of the variant has another place",
        ),
        (
            "types.wit",
            "        mime: option<string>,",
            "        mime: option<string>,\n        width: option<u32>,",
            "types.media: the field width was added to the record",
        ),
        (
            "types.wit",
            "        mime: option<string>,",
            "        mime: string,",
            "types.media: the field mime of the record was option<string> and became string",
        ),
        (
            "types.wit",
            "        caption: option<string>,\n",
            "",
            "types.media: the field caption was removed from the record",
        ),
        ("types.wit", "type timestamp = u64;", "type timestamp = s64;", "types.timestamp: u64 became s64"),
        (
            "imports.wit",
            "    config: func() -> string;",
            "    config: func(name: string) -> string;",
            "channel.config: the parameter name was added to the Freestanding function",
        ),
        (
            "imports.wit",
            "    config: func() -> string;",
            "    config: func() -> list<u8>;",
            "channel.config: the parameter -> of the Freestanding function was string and became list<u8>",
        ),
        (
            "imports.wit",
            "    config: func() -> string;",
            "    config: async func() -> string;",
            "channel.config: Freestanding function became AsyncFreestanding function",
        ),
        ("imports.wit", "    config: func() -> string;", "", "channel.config: the function was removed"),
        (
            "imports.wit",
            "    config: func() -> string;",
            "    config: func() -> string;\n    name: func() -> string;",
            "channel.name: a function was added to the interface",
        ),
        (
            "exports.wit",
            "deliver: func(delivery: delivery, idempotency-key: string)",
            "deliver: func(delivery: delivery, key: string)",
            "send.deliver: the parameter idempotency-key was removed",
        ),
        (
            "world.wit",
            "    import state;\n",
            "",
            "the world host does not import jackfield:connector/state@0.1.0 any more",
        ),
        (
            "world.wit",
            "    export identity;\n",
            "",
            "the world connector does not export jackfield:connector/identity@0.1.0 any more",
        ),
    ] {
        let changes = after(file, old, new);
        let found = changes.iter().any(|change| change.breaks && change.what.starts_with(what));
        assert!(found, "{what}\nwas not found in {changes:?}");
    }
}

#[test]
fn enums_and_flags_grow_no_more_than_variants() {
    let place = tempfile::tempdir().unwrap();
    let contract = |name: &str, colours: &str| {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        let text =
            format!("package a:b@0.1.0;\ninterface i {{ enum colour {{ {colours} }} flags set {{ {colours} }} }}");
        fs::write(folder.join("a.wit"), text).unwrap();
        Contract::read(&folder).unwrap()
    };
    let changes = contract("new", "red, green, blue").since(&contract("old", "red, green"));
    let told: Vec<String> = changes.iter().map(Change::to_string).collect();
    assert_eq!(
        told,
        ["BREAKS i.colour: the case blue was added to the enum", "BREAKS i.set: the flag blue was added to the flags"]
    );
}

#[test]
fn what_no_component_notices_is_fine() {
    for (file, old, new, number) in [
        ("types.wit", "/// The words that the whole contract is written in.", "/// Other words.", 0),
        ("types.wit", "    /// Milliseconds since 1970-01-01T00:00:00Z.\n", "", 0),
        (
            "more.wit",
            "",
            "package jackfield:connector@0.1.0;\ninterface novelty { use types.{event}; new: func() -> event; }\n",
            1,
        ),
        ("more.wit", "", "package jackfield:connector@0.1.0;\nworld small { export identity; }\n", 1),
        ("world.wit", "    import state;", "    import state;\n    import wasi:random/insecure@0.2.12;", 2),
        ("types.wit", "    type timestamp = u64;", "    type timestamp = u64;\n    type duration = u64;", 1),
    ] {
        let changes = after(file, old, new);
        assert!(changes.iter().all(|change| !change.breaks), "{file} {new}: {changes:?}");
        assert_eq!(changes.len(), number, "{changes:?}");
    }
}

#[test]
fn another_version_is_another_package() {
    let changes = after("types.wit", "", "");
    assert_eq!(changes, []);
    let place = tempfile::tempdir().unwrap();
    copy(&frozen(), place.path());
    for file in ["types.wit", "imports.wit", "exports.wit", "world.wit"] {
        let path = place.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("jackfield:connector@0.1.0", "jackfield:connector@0.2.0")).unwrap();
    }
    let changes = Contract::read(place.path()).unwrap().since(&Contract::read(&frozen()).unwrap());
    assert!(changes[0].breaks && changes[0].what.contains("another package"), "{changes:?}");
}
