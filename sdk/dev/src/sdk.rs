//! Where the SDKs are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder with `rust/`, `js/` and `python/` in it.
#[derive(Clone, Debug)]
pub struct Sdk {
    root: PathBuf,
}

impl Sdk {
    /// Finds it: what is given (that folder, or one with `sdk/` in it), or else where this program was built.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let place = given.unwrap_or(&built);
        for root in [place.to_path_buf(), place.join("sdk")] {
            if root.join("rust/Cargo.toml").is_file() {
                return Ok(Self { root: root.canonicalize()? });
            }
        }
        match given {
            Some(given) => {
                bail!("there is no SDK in {}: no rust/Cargo.toml, and no sdk/rust/Cargo.toml", given.display())
            }
            None => bail!(
                "the SDK is not where it was when this program was built; say where it is with --sdk, or in JACKFIELD_SDK"
            ),
        }
    }

    /// The folder itself, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}
