//! The host's sandbox, for an author's machine.

use std::path::PathBuf;

use anyhow::Result;
use jackfield_sandbox::{Sandbox, SandboxOptions};

/// Guests alive at the same time; the conformance kit runs eight cases side by side.
const INSTANCES: u32 = 32;

/// A sandbox that keeps compiled components in the user's cache: JavaScript and Python take some fifteen seconds to compile.
pub fn open() -> Result<Sandbox> {
    let kept = SandboxOptions { cache_dir: cache_folder(), instances: INSTANCES, ..SandboxOptions::default() };
    // A cache that cannot be used only costs time.
    let sandbox = Sandbox::new(kept)
        .or_else(|_| Sandbox::new(SandboxOptions { instances: INSTANCES, ..SandboxOptions::default() }))?;
    Ok(sandbox)
}

fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let folder = caches.join("jackfield-dev");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("compiled"))
}
