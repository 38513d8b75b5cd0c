//! `host/docs/threat-model.md` says which test shows what. It must not name one that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host/docs");
    let page = fs::read_to_string(docs.join("threat-model.md")).unwrap();
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut seen = 0;
    // [`name_of_the_test`](path/of/the/file.rs)
    for link in page.split("[`").skip(1) {
        let (name, rest) = link.split_once("`](").expect("a link of the threat model is cut off");
        let (path, _) = rest.split_once(')').expect("a link of the threat model is cut off");
        let path = docs.join(path);
        let text = files.entry(path.clone()).or_insert_with(|| fs::read_to_string(&path).unwrap_or_default());
        assert!(!text.is_empty(), "the threat model names {}, which is not there", path.display());
        if name.ends_with(".rs") {
            continue;
        }
        let at = text.find(&format!("fn {name}()"));
        let at = at.unwrap_or_else(|| panic!("the threat model names {name}, which {} does not have", path.display()));
        assert!(text[..at].trim_end().ends_with(']') || text[..at].trim_end().ends_with("async"), "{name} is no test");
        seen += 1;
    }
    assert!(seen > 80, "only {seen} tests were found");
}
