//! JavaScript and Python: the SDK of each brings its template and a script that makes the component.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{Language, TemplateFile};
use crate::sdk::Sdk;

/// A language whose SDK builds by a script of its own: `RUNNER SCRIPT PROJECT OUT.wasm`.
pub struct Script {
    word: &'static str,
    marks: &'static [&'static str],
    runner: &'static str,
    /// A variable of the environment that names another runner: the Python of an environment with componentize-py, for one.
    variable: &'static str,
    // Below the SDK's folder:
    script: &'static str,
    tests: &'static str,
    template: &'static str,
}

/// JavaScript and TypeScript, by componentize-js.
pub const JAVASCRIPT: Script = Script {
    word: "js",
    marks: &["src/index.ts", "src/index.js", "index.ts", "index.js", "package.json"],
    runner: "node",
    variable: "JACKFIELD_NODE",
    script: "js/build.mjs",
    tests: "js/test.mjs",
    template: "js/template",
};

/// Python, by componentize-py.
pub const PYTHON: Script = Script {
    word: "python",
    marks: &["src/connector.py", "pyproject.toml"],
    runner: "python3",
    variable: "JACKFIELD_PYTHON",
    script: "python/build.py",
    tests: "python/test.py",
    template: "python/template",
};

impl Script {
    fn runner(&self) -> PathBuf {
        std::env::var_os(self.variable).map_or_else(|| self.runner.into(), PathBuf::from)
    }
}

impl Language for Script {
    fn word(&self) -> &'static str {
        self.word
    }

    fn marks(&self) -> &'static [&'static str] {
        self.marks
    }

    fn template(&self, sdk: &Sdk) -> Result<Vec<TemplateFile>> {
        let folder = sdk.root().join(self.template);
        ensure!(
            folder.is_dir(),
            "the SDK in {} has no template for {}: there is no {}. Use an SDK that has one, or --lang rust.",
            sdk.root().display(),
            self.word,
            self.template
        );
        let mut files = Vec::new();
        collect(&folder, "", &mut files)?;
        Ok(files)
    }

    fn tests(&self, sdk: &Sdk) -> String {
        format!("{} {} .", self.runner().display(), sdk.root().join(self.tests).display())
    }

    fn compile(&self, project: &Path, sdk: Option<&Path>) -> Result<Vec<u8>> {
        let sdk = Sdk::find(sdk)?;
        let script = sdk.root().join(self.script);
        ensure!(
            script.is_file(),
            "the SDK in {} cannot build {}: there is no {}",
            sdk.root().display(),
            self.word,
            self.script
        );
        let made = project.join("dist").join("component.wasm.part");
        fs::create_dir_all(project.join("dist"))?;
        let runner = self.runner();
        let status = Command::new(&runner).arg(&script).arg(project).arg(&made).status();
        let status = status.with_context(|| {
            format!("`{}` could not be started; install it, or name another in {}", runner.display(), self.variable)
        })?;
        if !status.success() {
            bail!("the project does not build; what {} said stands above", self.script);
        }
        let component =
            fs::read(&made).with_context(|| format!("{} said it was done, but left no component", self.script))?;
        fs::remove_file(&made)?;
        Ok(component)
    }
}

/// All files below a folder, but for what an author's own tools leave behind.
fn collect(folder: &Path, below: &str, files: &mut Vec<TemplateFile>) -> Result<()> {
    const LEFT_BEHIND: [&str; 4] = ["node_modules", "dist", "__pycache__", ".venv"];
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if LEFT_BEHIND.iter().any(|left| OsStr::new(left) == name) {
            continue;
        }
        let path = format!("{below}{}", name.to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{path}/"), files)?,
            false => files.push((path, fs::read(entry.path())?)),
        }
    }
    Ok(())
}
