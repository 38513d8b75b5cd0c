//! The tools of connectors in other languages than Rust: installed once, by the package manager of the language, in the very versions that
//! the SDK pins.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::progress::say;

/// A language whose SDK builds by a script of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JavaScript and TypeScript, by componentize-js.
    JavaScript,
    /// Python, by componentize-py.
    Python,
}

impl Language {
    /// The folder of its SDK, below that of all SDKs.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::JavaScript => "js",
            Self::Python => "python",
        }
    }

    /// The file of its SDK whose content pins the tools.
    #[must_use]
    pub fn pins(self) -> &'static str {
        match self {
            Self::JavaScript => "package-lock.json",
            Self::Python => "requirements.txt",
        }
    }

    /// The variable of the environment that names where the tools are, for somebody who has installed them: for JavaScript the folder with
    /// `node_modules`, for Python the program `python` of an environment.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::JavaScript => "JACKFIELD_NPM",
            Self::Python => "JACKFIELD_PYTHON",
        }
    }

    /// `node`, or what the environment names instead; of Python the one that environments are made with.
    fn runner(self) -> PathBuf {
        match self {
            Self::JavaScript => std::env::var_os("JACKFIELD_NODE").map_or_else(|| "node".into(), PathBuf::from),
            Self::Python => "python3".into(),
        }
    }
}

/// The tools of a language.
#[derive(Clone, Debug)]
pub struct Tools {
    language: Language,
    /// The folder with `node_modules`, or the program `python`.
    place: PathBuf,
}

impl Tools {
    /// Those that the author has installed: where the environment says, or for JavaScript in the SDK's own folder `sdk`.
    #[must_use]
    pub fn given(language: Language, sdk: &Path) -> Option<Self> {
        let own = || Some(sdk).filter(|sdk| sdk.join("node_modules").is_dir()).map(Path::to_path_buf);
        let place = std::env::var_os(language.variable()).map(PathBuf::from).or_else(own)?;
        Some(Self { language, place })
    }

    /// Those that [`Tools::install`] leaves in `folder`.
    #[must_use]
    pub fn within(language: Language, folder: &Path) -> Self {
        let place = match language {
            Language::JavaScript => folder.to_path_buf(),
            Language::Python => folder.join("bin/python"),
        };
        Self { language, place }
    }

    /// Installs what the SDK in `sdk` pins into `folder`, unless the very versions are there already. Whoever comes second waits.
    pub fn install(language: Language, sdk: &Path, folder: &Path) -> Result<Self> {
        let (pins, done) = (sdk.join(language.pins()), folder.join("installed"));
        let wanted = fs::read(&pins).with_context(|| format!("{} cannot be read", pins.display()))?;
        let is_done = || fs::read(&done).is_ok_and(|found| found == wanted);
        if !is_done() {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            let lock = folder.with_extension("lock");
            let lock = File::create(&lock).with_context(|| format!("{} cannot be made", lock.display()))?;
            lock.lock()?;
            if !is_done() {
                say(format_args!("installing the tools of {}, once, into {}", language.folder(), folder.display()));
                say("this downloads up to 100 MB; a minute or so");
                match language {
                    Language::JavaScript => install_npm(sdk, folder)?,
                    Language::Python => install_pip(&pins, folder)?,
                }
                fs::write(&done, &wanted)?;
            }
        }
        Ok(Self::within(language, folder))
    }

    /// A script of the SDK in `sdk`, `build` or `test`.
    #[must_use]
    pub fn command(&self, script: &str, sdk: &Path) -> Command {
        match self.language {
            Language::JavaScript => {
                let mut node = Command::new(self.language.runner());
                node.arg(sdk.join(script).with_extension("mjs")).env(self.language.variable(), &self.place);
                node
            }
            Language::Python => {
                let mut python = Command::new(&self.place);
                python.arg("-B").arg(sdk.join(script).with_extension("py"));
                python
            }
        }
    }

    /// The same as a line for the shell.
    #[must_use]
    pub fn line(&self, script: &str, sdk: &Path) -> String {
        let (place, script) = (self.place.display(), sdk.join(script));
        match self.language {
            Language::JavaScript => {
                let (runner, script) = (self.language.runner(), script.with_extension("mjs"));
                format!("{}={place} {} {}", self.language.variable(), runner.display(), script.display())
            }
            Language::Python => format!("{place} -B {}", script.with_extension("py").display()),
        }
    }
}

fn install_npm(sdk: &Path, folder: &Path) -> Result<()> {
    needs(&Language::JavaScript.runner(), "Node.js 20 or newer, or name one in JACKFIELD_NODE")?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sdk.join(name), folder.join(name))?;
    }
    let mut npm = Command::new("npm");
    // No package's script is run: none of them is needed.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(folder);
    let status = npm.status().context("npm could not be started; it comes with Node.js")?;
    ensure!(status.success(), "npm could not install the tools; what it said stands above");
    Ok(())
}

fn install_pip(pins: &Path, folder: &Path) -> Result<()> {
    let python = Language::Python.runner();
    needs(&python, "Python 3.11 or newer")?;
    let made = Command::new(python).args(["-m", "venv", "--clear"]).arg(folder).status()?;
    ensure!(made.success(), "python3 could not make an environment; on Debian and Ubuntu install python3-venv");
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(pins);
    let status = pip.status().context("the environment's python could not be started")?;
    ensure!(status.success(), "pip could not install the tools; what it said stands above");
    Ok(())
}

fn needs(program: &Path, what: &str) -> Result<()> {
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => bail!("`{}` is not there; connectors of this kind need {what}", program.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_already_is_not_installed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (sdk, tools) = (folder.path().join("sdk"), folder.path().join("tools"));
        fs::create_dir(&sdk).unwrap();
        fs::create_dir(&tools).unwrap();
        fs::write(sdk.join("requirements.txt"), "tool==1").unwrap();
        fs::write(tools.join("installed"), "tool==1").unwrap();
        let tools = Tools::install(Language::Python, &sdk, &tools).unwrap();
        assert_eq!(tools.place, folder.path().join("tools/bin/python"));
    }

    #[test]
    fn a_sdk_without_pins_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = Tools::install(Language::JavaScript, folder.path(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("package-lock.json"), "{error}");
    }

    #[test]
    fn the_line_for_the_shell_names_where_the_tools_are() {
        let tools = |language| Tools::within(language, Path::new("/cache/tools"));
        let line = tools(Language::JavaScript).line("test", Path::new("/sdk/js"));
        assert!(line.starts_with("JACKFIELD_NPM=/cache/tools ") && line.ends_with(" /sdk/js/test.mjs"), "{line}");
        let line = tools(Language::Python).line("test", Path::new("/sdk/python"));
        assert_eq!(line, "/cache/tools/bin/python -B /sdk/python/test.py");
    }
}
