//! A way to compile for `wasm32-unknown-unknown`: the target's standard library where it is installed or rustup can fetch it, or built
//! from source by Debian's compiler where only Debian's packages can be had.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::progress::say;
use crate::quiet::run;

/// The target of connectors. WASI's own target needs a C library; a connector needs none of it.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler that knows WebAssembly, and the source of its standard library.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which way to go, where somebody wants a certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The target's standard library of the toolchain in use, fetched by rustup if it is not there
    Rustup,
    /// Debian's packages rustc-web and rust-web-src, fetched by apt-get if they are not there and we are root
    Debian,
}

/// A way that works.
#[derive(Debug)]
pub enum Toolchain {
    /// The compiler in use has the target's standard library.
    Installed,
    /// Another compiler builds the standard library from source first.
    FromSource {
        /// That compiler.
        rustc: PathBuf,
        /// `PATH` with the folder of the linker appended, which that compiler does not bring along.
        path: OsString,
    },
}

impl Toolchain {
    /// Finds or installs one.
    pub fn find(way: Option<Way>) -> Result<Self> {
        match way {
            Some(Way::Rustup) => by_rustup(),
            Some(Way::Debian) => by_debian(),
            None => by_rustup().or_else(|first| by_debian().map_err(|second| neither(&first, &second))),
        }
    }

    /// Tells cargo about it.
    pub fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        if let Self::FromSource { rustc, path } = self {
            // `-Z` is for nightly compilers, and building the standard library is not stable yet.
            cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1").env("PATH", path);
            cargo.args(["-Z", "build-std=std,panic_abort"]);
        }
    }

    /// A word for folders: what one compiler built must not be mixed with what the other built.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::FromSource { .. } => "from-source",
        }
    }
}

fn neither(first: &anyhow::Error, second: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "no compiler for WebAssembly was found.\n  rustup: {first:#}\n  Debian: {second:#}\n\
         Install one of them: `rustup target add {TARGET}`, or as root `apt-get install {}`.",
        DEBIAN_PACKAGES.join(" ")
    )
}

fn by_rustup() -> Result<Toolchain> {
    if !has_target()? {
        say(format_args!("fetching the standard library for WebAssembly (rustup target add {TARGET})"));
        run(Command::new("rustup").args(["target", "add", TARGET]))?;
        ensure!(has_target()?, "rustup has it, but the compiler in use is not rustup's");
    }
    Ok(Toolchain::Installed)
}

/// Whether the compiler in use has the target's standard library; the folder alone proves nothing.
fn has_target() -> Result<bool> {
    let folder = run(Command::new(rustc()).args(["--print", "target-libdir", "--target", TARGET]))?;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

fn by_debian() -> Result<Toolchain> {
    if !debian_has_source() {
        install_debian()?;
        ensure!(debian_has_source(), "the packages are installed, but not where they were expected");
    }
    Ok(Toolchain::FromSource { rustc: DEBIAN_RUSTC.into(), path: path_with_linker()? })
}

fn debian_has_source() -> bool {
    let sysroot = run(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])).unwrap_or_default();
    !sysroot.is_empty() && Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
}

fn install_debian() -> Result<()> {
    let packages = DEBIAN_PACKAGES.join(" ");
    run(Command::new("apt-get").arg("--version")).context("this is no Debian")?;
    let user = run(Command::new("id").arg("-u"))?;
    ensure!(user == "0", "only root can install {packages}");
    say(format_args!("installing Debian's packages {packages}"));
    run(Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(DEBIAN_PACKAGES);
    run(install.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

/// Debian's compiler has no linker for WebAssembly of its own; rustup's toolchains bring `rust-lld`.
fn path_with_linker() -> Result<OsString> {
    let sysroot = run(Command::new(rustc()).args(["--print", "sysroot"]))?;
    let version = run(Command::new(rustc()).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
    ensure!(linker.join("rust-lld").is_file(), "there is no rust-lld in {}", linker.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::env::split_paths(&path).chain([linker]))?)
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}
