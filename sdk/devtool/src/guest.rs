//! One guest: from a crate to a component with its manifest inside.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

use crate::progress::say;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Guest, Workspace, cargo};

/// The custom section that carries `connector.toml`, so that one file is the plugin.
pub const MANIFEST_SECTION: &str = "jackfield:manifest";
const PROFILE: &str = "connector";

/// Builds `guest` and leaves its component as `NAME.wasm` in `folder`. Says so only where there was something to do. Returns the
/// component's path.
pub fn build(workspace: &Workspace, toolchain: &Toolchain, guest: &Guest, folder: &Path) -> Result<PathBuf> {
    let module = compile(workspace, toolchain, guest)?;
    let manifest = Some(guest.folder.join("connector.toml")).filter(|path| path.is_file());
    let component = folder.join(&guest.name).with_extension("wasm");
    if is_newer(&component, [Some(&module), manifest.as_ref()].into_iter().flatten()) {
        return Ok(component);
    }
    let bytes = encode(&module, manifest.as_deref()).with_context(|| format!("{} is no connector", guest.name))?;
    fs::create_dir_all(folder)?;
    write_whole(&component, &bytes)?;
    say(format_args!("built {} ({} KiB)", component.display(), bytes.len().div_ceil(1024)));
    Ok(component)
}

/// Compiles the crate to a core module. Cargo shows its own progress, and nothing when nothing has changed.
fn compile(workspace: &Workspace, toolchain: &Toolchain, guest: &Guest) -> Result<PathBuf> {
    // A folder of its own, because a build holds the lock of its folder, and one for each compiler, because they don't mix.
    let target_dir = workspace.root.join("target/guests").join(toolchain.word());
    let mut cargo = cargo();
    // Only the `cdylib`: beside an `rlib` cargo would leave link-time optimisation out.
    cargo.args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib", "--profile", PROFILE, "--manifest-path"]);
    cargo.arg(guest.folder.join("Cargo.toml")).arg("--target-dir").arg(&target_dir);
    toolchain.apply(&mut cargo);
    let status = cargo.status().context("cargo could not be started")?;
    ensure!(status.success(), "{} does not compile for {TARGET}", guest.name);
    Ok(target_dir.join(TARGET).join(PROFILE).join(&guest.library).with_extension("wasm"))
}

fn encode(module: &Path, manifest: Option<&Path>) -> Result<Vec<u8>> {
    let module = fs::read(module).with_context(|| format!("{} cannot be read", module.display()))?;
    let mut component = ComponentEncoder::default().module(&module)?.validate(true).encode()?;
    if let Some(manifest) = manifest {
        embed(&fs::read(manifest)?, &mut component);
    }
    Ok(component)
}

/// Puts the text of a manifest into a component.
pub fn embed(manifest: &[u8], component: &mut Vec<u8>) {
    CustomSection { name: MANIFEST_SECTION.into(), data: manifest.into() }.append_to_component(component);
}

/// Whether `made` is newer than everything it is made of. In doubt it is not.
fn is_newer<'a>(made: &Path, mut sources: impl Iterator<Item = &'a PathBuf>) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(made) = modified(made) else { return false };
    sources.all(|source| modified(source).is_some_and(|source| source < made))
}

/// A host may be watching the folder: the file appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("wasm.part");
    fs::write(&part, bytes).with_context(|| format!("{} cannot be written", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("{} cannot be written", path.display()))
}
