//! One guest: from a crate to a component with its manifest inside.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

use crate::component::{MANIFEST_SECTION, append_section};
use crate::progress::say;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Guest, Workspace, cargo};

/// The profile of `Cargo.toml` that connectors are built with.
pub const PROFILE: &str = "connector";

/// Builds `guest` and leaves its component as `NAME.wasm` in `folder`. Says so only where there was something to do. Returns the
/// component's path.
pub fn build(workspace: &Workspace, toolchain: &Toolchain, guest: &Guest, folder: &Path) -> Result<PathBuf> {
    let module = compile(workspace, toolchain, guest)?;
    let manifest = Some(guest.folder.join("connector.toml")).filter(|path| path.is_file());
    let component = folder.join(&guest.name).with_extension("wasm");
    if is_newer(&component, [Some(&module), manifest.as_ref()].into_iter().flatten()) {
        return Ok(component);
    }
    let mut bytes = componentize(&module).with_context(|| format!("{} is no connector", guest.name))?;
    if let Some(manifest) = manifest {
        append_section(&mut bytes, MANIFEST_SECTION, &fs::read(manifest)?);
    }
    write_whole(&component, &bytes)?;
    say(format_args!("built {} ({} KiB)", component.display(), bytes.len().div_ceil(1024)));
    Ok(component)
}

/// Compiles the crate to a core module, and returns its path. The compiler's messages are shown as they come; what is known about
/// them is said in the error.
pub fn compile(workspace: &Workspace, toolchain: &Toolchain, guest: &Guest) -> Result<PathBuf> {
    // A folder of its own, because a build holds the lock of its folder, and one for each compiler, because they don't mix.
    let target_dir = workspace.root.join("target/guests").join(toolchain.word());
    let mut cargo = cargo();
    // Only the `cdylib`: beside an `rlib` cargo would leave link-time optimisation out.
    cargo.args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib", "--profile", PROFILE, "--manifest-path"]);
    cargo.arg(guest.folder.join("Cargo.toml")).arg("--target-dir").arg(&target_dir);
    toolchain.apply(&mut cargo);
    let mut child = cargo.stderr(Stdio::piped()).spawn().context("cargo could not be started")?;
    let said = child.stderr.take().map(pass_on).unwrap_or_default();
    if !child.wait()?.success() {
        bail!("{} does not compile for {TARGET}.{}", guest.name, remedies(&said));
    }
    Ok(target_dir.join(TARGET).join(PROFILE).join(&guest.library).with_extension("wasm"))
}

/// Shows what a command says, line by line, and gives it back.
fn pass_on(said: impl std::io::Read) -> String {
    let mut whole = String::new();
    let mut lines = BufReader::new(said);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _ = std::io::stderr().lock().write_all(&line);
        whole.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    whole
}

/// What helps against errors that say little to somebody who writes a connector for the first time.
const REMEDIES: [(&str, &str); 7] = [
    (
        "profile `connector` is not defined",
        "Add the section `[profile.connector]` to Cargo.toml; `jackfield-dev new` writes it.",
    ),
    ("may not be installed", "Run `rustup target add wasm32-unknown-unknown`."),
    (
        "wasm32-unknown-unknown targets are not supported",
        "A dependency wants random numbers of the operating system, which a connector \
      does not have: leave its feature out, or use `jackfield_sdk::bindings::wasi::random`.",
    ),
    (
        "This wasm target is unsupported by mio",
        "A dependency wants sockets, which a connector does not have: make requests with `jackfield_sdk::http`.",
    ),
    (
        "undefined symbol",
        "Something is linked that the sandbox does not have, such as a C library: leave out the dependency that wants it.",
    ),
    (
        "failed to run custom build command",
        "A dependency builds C code, or looks for a library of the system; a connector can have neither: leave it out.",
    ),
    (
        "no library targets found",
        "A connector is a library: put it into src/lib.rs, with `[lib] crate-type = [\"cdylib\", \"rlib\"]` in Cargo.toml.",
    ),
];

fn remedies(said: &str) -> String {
    let fitting = REMEDIES.iter().filter(|(sign, _)| said.contains(sign)).map(|(_, remedy)| format!("\n  {remedy}"));
    fitting.collect()
}

/// Makes a component of a core module, without a manifest.
pub fn componentize(module: &Path) -> Result<Vec<u8>> {
    let module = fs::read(module).with_context(|| format!("{} cannot be read", module.display()))?;
    let encoded = ComponentEncoder::default().module(&module).and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| {
        let chain = format!("{error:#}");
        let remedy = match chain.contains("export") {
            true => "Is `jackfield_sdk::export!(YourType);` in src/lib.rs, once?",
            false => "Does a dependency call something outside WebAssembly? Only `jackfield_sdk` may.",
        };
        anyhow::anyhow!("the module cannot become a component. {remedy} The reason was: {chain}")
    })
}

/// Whether `made` is newer than everything it is made of. In doubt it is not.
fn is_newer<'a>(made: &Path, mut sources: impl Iterator<Item = &'a PathBuf>) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(made) = modified(made) else { return false };
    sources.all(|source| modified(source).is_some_and(|source| source < made))
}

/// Writes a file, and the folders above it. A host may be watching: the file appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let part = path.with_extension("wasm.part");
    fs::write(&part, bytes).with_context(|| format!("{} cannot be written", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("{} cannot be written", path.display()))
}
