//! Where a secret is. The file never holds one: it is copied, shown, sent to colleagues and put under version control.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jackfield_sandbox::Secret;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this variable of the environment.
    Env(String),
    /// In this file, relative to the configuration. A line feed at its end does not count.
    File(PathBuf),
}

impl SecretSource {
    /// Fetches the value. `resolve` makes a path of the configuration absolute.
    ///
    /// # Errors
    /// A sentence with the remedy. It never holds the value.
    pub fn fetch(&self, resolve: impl FnOnce(&Path) -> PathBuf) -> Result<Secret, String> {
        self.read(resolve).map(Secret::new)
    }

    fn read(&self, resolve: impl FnOnce(&Path) -> PathBuf) -> Result<String, String> {
        let value = match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => value,
                Err(std::env::VarError::NotPresent) => {
                    return Err(format!("the environment variable {name} is not set; set it before starting"));
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(format!("the environment variable {name} is not text; set it anew"));
                }
            },
            Self::File(path) => {
                let path = resolve(path);
                let text = read_file(&path);
                let text = text.map_err(|e| format!("the file {} cannot be read: {e}", path.display()))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        match value.is_empty() {
            true => Err(format!("{self} is empty; put the secret there")),
            false => Ok(value),
        }
    }
}

/// Bytes of a secret; keys and certificates have some thousands.
const LONGEST: u64 = 64 << 10;

/// What is no file, such as a pipe, may never answer, and whoever waits for it waits for ever.
fn read_file(path: &Path) -> std::io::Result<String> {
    let found = std::fs::metadata(path)?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    if found.len() > LONGEST {
        return Err(std::io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// What secrets were at some moment, to tell whether they have changed. It says nothing about them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretsMark(u64);

impl SecretsMark {
    /// Of the secrets as they are now.
    #[must_use]
    pub fn of(secrets: &BTreeMap<String, SecretSource>, resolve: impl Fn(&Path) -> PathBuf) -> Self {
        // Random for each run of the program, so that a mark cannot be compared with anybody's guess.
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let values: Vec<_> = secrets.iter().map(|(name, source)| (name, source.read(&resolve))).collect();
        Self(KEY.hash_one(values))
    }
}

impl fmt::Debug for SecretsMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretsMark")
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `any`, so that a literal can be told why it is refused.
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(E::custom(
            "a secret does not belong in this file, which gets copied and shared: write { env = \"NAME\" } for a variable of the \
             environment, or { file = \"PATH\" } for a file that only the host can read",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            let source = match key.as_str() {
                "env" => SecretSource::Env(map.next_value()?),
                "file" => SecretSource::File(map.next_value()?),
                other => return Err(A::Error::unknown_field(other, &["env", "file"])),
            };
            if found.replace(source).is_some() {
                return Err(A::Error::custom("a secret is in one place: write either `env` or `file`"));
            }
        }
        found.ok_or_else(|| A::Error::custom("write { env = \"NAME\" } or { file = \"PATH\" }"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_file_loses_the_line_feed_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "open sesame\n").unwrap();
        let secret = SecretSource::File(PathBuf::from("key")).fetch(|p| folder.path().join(p)).unwrap();
        assert_eq!(secret.expose(), "open sesame");
    }

    #[test]
    fn a_secret_that_is_not_there_is_refused_with_its_place() {
        let said = SecretSource::Env(String::from("JACKFIELD_TEST_NO_SUCH")).fetch(Path::to_owned).unwrap_err();
        assert!(said.contains("JACKFIELD_TEST_NO_SUCH"), "{said}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "\n").unwrap();
        let said = SecretSource::File(PathBuf::from("key")).fetch(|p| folder.path().join(p)).unwrap_err();
        assert!(said.contains("empty"), "{said}");
    }
}
