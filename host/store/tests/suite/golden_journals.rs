//! Journals that earlier versions wrote are read for ever, and come to the same rows as long as the edition of the rules is the same.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jackfield_core::apply::{EDITION, apply};
use jackfield_core::event::Identifier;
use jackfield_core::tables::Memory;
use jackfield_core::views::{customer, message, operations, search};
use jackfield_store::{Options, open};
use ring::digest;

/// A journal that version 0.1.0 wrote under edition 2 of the rules, before ids were given by place: two people who turn out to be one, a
/// batch of three messages, a delivery that could not be handled, a reply that was sent and one that was not, a decision, grants.
const EDITION_2: &str = "edition-2";

/// What its rows come to under the present edition. They change with [`EDITION`] only.
const ROWS: (u32, &str) = (5, "54ecbc985e06f350d3cd9b5b7c4eaff1700d0d6bd3040696c42a016242760477");

fn folder() -> (tempfile::TempDir, PathBuf) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/journal").join(EDITION_2);
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    fs::create_dir(&journal).unwrap();
    for file in fs::read_dir(golden).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    let path = dir.path().to_owned();
    (dir, path)
}

fn rows(folder: &Path) -> Memory {
    let mut rows = Memory::default();
    for entry in jackfield_store::export(folder).unwrap() {
        apply(&mut rows, &entry.unwrap()).unwrap();
    }
    rows
}

fn hash(rows: &Memory) -> String {
    let mut sum = digest::Context::new(&digest::SHA256);
    for (key, value) in &rows.0 {
        for bytes in [key, value] {
            sum.update(&(bytes.len() as u64).to_be_bytes());
            sum.update(bytes);
        }
    }
    sum.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn an_old_journal_comes_to_the_rows_of_this_edition() {
    let (_dir, folder) = folder();
    assert_eq!((EDITION, hash(&rows(&folder)).as_str()), ROWS, "raise EDITION when rows change");
}

#[test]
fn what_clients_knew_of_an_old_journal_is_what_they_find() {
    let (_dir, folder) = folder();
    let store = open(&folder, &Options::default(), &mut |_| {}).unwrap();
    assert_eq!(store.stats().skipped, 0);
    let view = store.read();
    let (kind, value) = ("phone".to_owned(), "+6281234567890".to_owned());
    let phone = Identifier { kind, namespace: String::new(), value, raw: None, scope: None };
    let found = search::find(&view, &phone).unwrap();
    let person = customer::customer(&view, found[0].id).unwrap().unwrap();
    let kinds: Vec<&str> = person.identities.iter().map(|i| i.kind.as_str()).collect();
    assert_eq!(kinds, ["instagram", "whatsapp", "phone"], "the suggestion that an agent accepted holds");
    let texts = serde_json::to_string(&person.last_messages).unwrap();
    for words in ["14 inch laptop", "My shipment has not arrived", "Is this about the laptop"] {
        assert!(texts.contains(words), "{words}: {texts}");
    }
    let reply = message::message(&view, "msg_45".parse().unwrap()).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&reply.delivery).unwrap()["state"], "sent");
    assert_eq!(operations::parked(&view, None, 10).unwrap().items.len(), 1);
    let grants = operations::grant_changes(&view, &"shop-whatsapp".parse().unwrap()).unwrap();
    assert_eq!(grants.http, ["https://cdn.example.com"]);
}
