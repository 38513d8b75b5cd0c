//! `jackfield-dev new`: a working connector in a folder of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::language::Language;
use crate::sdk::Sdk;

/// Writes the project `name` into a new folder of that name below `parent`.
pub fn create(parent: &Path, name: &str, language: &dyn Language, sdk: &Sdk) -> Result<()> {
    ensure!(
        is_name(name),
        "`{name}` cannot be a connector's name: it is 1 to 64 of a-z, 0-9 and `-`, begins with a letter and does not end with `-`"
    );
    let folder = parent.join(name);
    ensure!(!folder.exists(), "{} is there already", folder.display());
    let root = sdk.root().to_str().context("the path of the SDK is not UTF-8")?;
    let template = language.template(sdk)?;
    let tests = language.tests(sdk)?;
    let places = [("{{name}}", name), ("{{type}}", &type_name(name)), ("{{sdk}}", root), ("{{tests}}", &tests)];
    for (path, text) in template {
        // A published template cannot carry this file under its own name: the tools would take it for theirs.
        let path = if path == "gitignore" { ".gitignore".to_owned() } else { path };
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, fill(text, &places)).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Fills the places of a template. What is not text stays as it is.
fn fill(text: Vec<u8>, places: &[(&str, &str)]) -> Vec<u8> {
    match String::from_utf8(text) {
        Ok(text) => places.iter().fold(text, |text, (place, value)| text.replace(place, value)).into_bytes(),
        Err(binary) => binary.into_bytes(),
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `door-bell` is `DoorBell`.
fn type_name(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

#[cfg(test)]
mod tests {
    use jackfield_sandbox::Manifest;

    use super::*;
    use crate::conformance::Plan;
    use crate::language;

    #[test]
    fn a_new_project_has_no_place_left_unfilled_and_its_files_are_accepted() {
        let parent = tempfile::tempdir().unwrap();
        let rust = language::by_word("rust").unwrap();
        create(parent.path(), "door-bell", rust, &Sdk::find(None).unwrap()).unwrap();
        let project = parent.path().join("door-bell");
        for file in ["Cargo.toml", ".gitignore", "README.md", "src/lib.rs", "src/outbound.rs", "src/tests.rs"] {
            let text = fs::read_to_string(project.join(file)).unwrap();
            assert!(!text.contains("{{"), "{file}");
        }
        let manifest = fs::read_to_string(project.join("connector.toml")).unwrap();
        assert_eq!(Manifest::from_toml(&manifest).unwrap().id, "door-bell");
        Plan::read(&project.join("fixtures")).unwrap();
        assert_eq!(language::of_project(&project).unwrap().word(), "rust");
        assert!(create(parent.path(), "door-bell", rust, &Sdk::find(None).unwrap()).is_err(), "it is there already");
    }

    #[test]
    fn the_templates_of_the_other_languages_are_accepted_as_well() {
        for word in ["js", "python"] {
            let parent = tempfile::tempdir().unwrap();
            create(parent.path(), "door-bell", language::by_word(word).unwrap(), &Sdk::find(None).unwrap()).unwrap();
            let project = parent.path().join("door-bell");
            let manifest = fs::read_to_string(project.join("connector.toml")).unwrap();
            assert_eq!(Manifest::from_toml(&manifest).unwrap().id, "door-bell");
            Plan::read(&project.join("fixtures")).unwrap();
            assert_eq!(language::of_project(&project).unwrap().word(), word);
            let readme = fs::read_to_string(project.join("README.md")).unwrap();
            assert!(readme.contains(&format!("sdk/{word}/test.")) && !readme.contains("{{"), "{readme}");
        }
    }

    #[test]
    fn a_name_is_one_that_every_tool_takes() {
        for name in ["", "1st", "Door", "door_bell", "door-", "../door", "a b"] {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(type_name("a-1b--c"), "A1bC");
    }

    #[test]
    fn a_language_without_a_template_says_so() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rust")).unwrap();
        fs::write(folder.path().join("rust/Cargo.toml"), "").unwrap();
        let sdk = Sdk::find(Some(folder.path())).unwrap();
        let error = create(folder.path(), "bell", language::by_word("js").unwrap(), &sdk).unwrap_err().to_string();
        assert!(error.contains("js/template"), "{error}");
    }

    #[test]
    fn a_template_of_an_sdk_is_copied_and_filled() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join("sdk").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("rust/Cargo.toml", "");
        write("python/template/src/connector.py", "NAME = \"{{name}}\"");
        write("python/template/gitignore", "/dist");
        write("python/requirements.txt", "");
        write("python/template/src/app.py", "class {{type}}: pass");
        write("python/template/__pycache__/x", "");
        let sdk = Sdk::find(Some(folder.path())).unwrap();
        create(folder.path(), "door-bell", language::by_word("python").unwrap(), &sdk).unwrap();
        let project = folder.path().join("door-bell");
        assert_eq!(fs::read_to_string(project.join("src/app.py")).unwrap(), "class DoorBell: pass");
        assert!(project.join(".gitignore").is_file() && !project.join("__pycache__").exists());
        assert_eq!(language::of_project(&project).unwrap().word(), "python");
    }
}
