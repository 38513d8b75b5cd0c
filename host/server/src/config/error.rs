//! What can be wrong with a configuration file, and where.

use std::fmt;
use std::path::PathBuf;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}. Name the file with --config", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}: {trouble}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What and where.
        trouble: Trouble,
    },
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    line: Option<usize>,
    message: String,
}

impl Trouble {
    /// What TOML or a type had to say. Only the message: the excerpt that usually comes with it could show a secret.
    pub(super) fn parse(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| line_of(text, span.start));
        Self { line, message: error.message().trim_end_matches('.').replace('\n', "; ") }
    }

    /// At a place of the file, counted in bytes.
    pub(super) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line_of(text, byte)), message: message.into() }
    }

    /// Of the file as a whole.
    pub(super) fn general(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Trouble {}
