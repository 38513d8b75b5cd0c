//! JavaScript and Python: the SDK of each brings its template and a script that makes the component.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};
use jackfield_devtool::progress::say;
use jackfield_devtool::tools::{self, Tools};

use super::{Language, TemplateFile};
use crate::sdk::Sdk;
use crate::signature::sha256;

/// A language whose SDK builds by a script of its own: `RUNNER SCRIPT PROJECT OUT.wasm`.
pub struct Script {
    word: &'static str,
    marks: &'static [&'static str],
    tools: tools::Language,
}

/// JavaScript and TypeScript, by componentize-js.
pub const JAVASCRIPT: Script = Script {
    word: "js",
    marks: &["src/index.ts", "src/index.js", "index.ts", "index.js", "package.json"],
    tools: tools::Language::JavaScript,
};

/// Python, by componentize-py.
pub const PYTHON: Script =
    Script { word: "python", marks: &["src/connector.py", "pyproject.toml"], tools: tools::Language::Python };

impl Script {
    fn folder(&self, sdk: &Sdk) -> PathBuf {
        sdk.root().join(self.tools.folder())
    }

    /// Where the tools go that nobody has installed yet: below `target` in a checkout, where `cargo xtask` puts them as well, else into the
    /// user's cache, a folder for each set of versions.
    fn cache(&self, sdk: &Sdk) -> Result<PathBuf> {
        let name = format!("sdk-{}", self.tools.folder());
        if let Some(target) = sdk.root().parent().map(|root| root.join("target")).filter(|target| target.is_dir()) {
            return Ok(target.join(name));
        }
        let pins = self.folder(sdk).join(self.tools.pins());
        let pins = fs::read(&pins).with_context(|| format!("{} cannot be read", pins.display()))?;
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|cache| cache.is_absolute());
        let cache = cache.or_else(home).with_context(|| {
            format!("there is no place for the tools: set HOME or XDG_CACHE_HOME, or {}", self.tools.variable())
        })?;
        Ok(cache.join("jackfield").join(format!("{name}-{}", &sha256(&pins)[..12])))
    }

    /// The tools, installed where nobody has done that yet.
    fn tools(&self, sdk: &Sdk) -> Result<Tools> {
        let folder = self.folder(sdk);
        match Tools::given(self.tools, &folder) {
            Some(tools) => Ok(tools),
            None => Tools::install(self.tools, &folder, &self.cache(sdk)?),
        }
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
        let folder = self.folder(sdk).join("template");
        ensure!(
            folder.is_dir(),
            "the SDK in {} has no template for {}: there is no {}/template. Use an SDK that has one, or --lang rust.",
            sdk.root().display(),
            self.word,
            self.tools.folder()
        );
        let mut files = Vec::new();
        collect(&folder, "", &mut files)?;
        Ok(files)
    }

    fn tests(&self, sdk: &Sdk) -> Result<String> {
        let folder = self.folder(sdk);
        let given = Tools::given(self.tools, &folder);
        let tools = given.map_or_else(|| Ok::<_, Error>(Tools::within(self.tools, &self.cache(sdk)?)), Ok)?;
        Ok(format!("{} .", tools.line("test", &folder)))
    }

    fn compile(&self, project: &Path, sdk: Option<&Path>) -> Result<Vec<u8>> {
        let sdk = Sdk::find(sdk)?;
        let folder = self.folder(&sdk);
        ensure!(
            folder.join(self.tools.pins()).is_file(),
            "the SDK in {} cannot build {}: there is no {}/{}",
            sdk.root().display(),
            self.word,
            self.tools.folder(),
            self.tools.pins()
        );
        let tools = self.tools(&sdk)?;
        let made = project.join("dist").join("component.wasm.part");
        fs::create_dir_all(project.join("dist"))?;
        say("making the component; ten seconds or more");
        let mut build = tools.command("build", &folder);
        let status = build.arg(project).arg(&made).status();
        let status = status.with_context(|| {
            format!(
                "`{}` could not be started; {} names where the tools are",
                build.get_program().display(),
                self.tools.variable()
            )
        })?;
        if !status.success() {
            bail!("the project does not build; what the tools said stands above");
        }
        let component = fs::read(&made).context("the tools said that they were done, but left no component")?;
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
