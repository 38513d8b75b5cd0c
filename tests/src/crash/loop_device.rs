//! A disk of our own: an image file, a file system on it, mounted through a loop device.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// A mounted image. Dropping it unmounts it.
pub struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

/// Whether this process may mount images.
#[must_use]
pub fn available() -> bool {
    run("id", &["-u"]).is_ok_and(|uid| uid.trim() == "0") && run("losetup", &["-f"]).is_ok()
}

fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output =
        Command::new(program).args(arguments).output().with_context(|| format!("{program} is not installed"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), error.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Disk {
    /// A new, empty disk of so many mebibytes.
    ///
    /// # Errors
    /// When it cannot be made or mounted.
    pub fn new(folder: &Path, name: &str, mebibytes: u64) -> Result<Self> {
        let image = folder.join(format!("{name}.img"));
        File::create(&image)?.set_len(mebibytes << 20)?;
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()])?;
        Self::mount(folder, name)
    }

    /// Mounts an image that is there.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(folder: &Path, name: &str) -> Result<Self> {
        let image = folder.join(format!("{name}.img"));
        let mounted = folder.join(name);
        std::fs::create_dir_all(&mounted)?;
        run("mount", &["-o", "loop", &image.to_string_lossy(), &mounted.to_string_lossy()])?;
        Ok(Self { image, mounted })
    }

    /// The folder it is mounted at.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.mounted
    }

    /// Copies the image as it stands, without a sync: what a power loss would leave. How often that took, since the file system goes on
    /// writing by itself: a copy is of one moment only if the image is still the same when it is complete.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn image_as_it_stands(&self, copy: &Path) -> Result<usize> {
        for times in 1..=50 {
            std::fs::copy(&self.image, copy)?;
            if are_equal(&self.image, copy)? {
                return Ok(times);
            }
        }
        bail!("the file system never stops writing");
    }
}

fn are_equal(a: &Path, b: &Path) -> Result<bool> {
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    let (mut of_a, mut of_b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = a.read(&mut of_a)?;
        if read == 0 {
            return Ok(b.read(&mut of_b)? == 0);
        }
        b.read_exact(&mut of_b[..read])?;
        if of_a[..read] != of_b[..read] {
            return Ok(false);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A busy disk is unmounted when its last user goes.
        drop(run("umount", &["-l", &self.mounted.to_string_lossy()]));
    }
}
