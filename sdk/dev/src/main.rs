//! `jackfield-dev`. Ends with 0 when all is well, 1 when the connector is found wanting, 2 when something could not be done.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use jackfield_dev::check::Grade;
use jackfield_dev::conformance::{self, Plan};
use jackfield_dev::dev::{self, Watch};
use jackfield_dev::host::Host;
use jackfield_dev::sdk::Sdk;
use jackfield_dev::{build, check, inspect, key, language, new, sandbox, signature};

#[derive(Parser)]
#[command(name = "jackfield-dev", version, about = "Write, test and ship connectors for Jackfield")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a working connector, with manifest, fixtures and tests, in a new folder
    New(New),
    /// Compile the project in this folder to one .wasm file with its manifest inside
    Build(Build),
    /// Say whether a host would take a component, and what to do if not
    Check(File),
    /// Show a component's manifest, imports, exports, size, digest and signature
    Inspect(Inspect),
    /// Run a component in the real sandbox, with its fixtures and injected trouble
    Test(Test),
    /// Make a key to sign with; prints its public half, which goes into a host's configuration
    Keygen(Keygen),
    /// Sign a component; a signature that it has is replaced
    Sign(Sign),
    /// Watch the project; build it and put it into a running host whenever a file is saved, and show what it logs there
    Dev(Dev),
}

#[derive(Args)]
struct New {
    /// The connector's id, and the folder's name: a-z, 0-9 and `-`
    name: String,
    /// rust, js or python
    #[arg(long)]
    lang: String,
    /// Where the SDKs are, if not where this program was built
    #[arg(long, env = "JACKFIELD_SDK")]
    sdk: Option<PathBuf>,
}

#[derive(Args)]
struct Project {
    /// The project's folder
    #[arg(long, default_value = ".")]
    project: PathBuf,
    /// Where the SDKs are, if not where this program was built
    #[arg(long, env = "JACKFIELD_SDK")]
    sdk: Option<PathBuf>,
}

#[derive(Args)]
struct Build {
    #[command(flatten)]
    project: Project,
    /// Where the component goes; dist/ID.wasm if it is left out
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct File {
    /// The component
    file: PathBuf,
}

#[derive(Args)]
struct Inspect {
    /// The component
    file: PathBuf,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Test {
    /// The component; without it, the project is built
    file: Option<PathBuf>,
    #[command(flatten)]
    project: Project,
    /// The folder with conformance.toml; the project's `fixtures` if it is left out
    #[arg(long)]
    fixtures: Option<PathBuf>,
    /// Writes what came of it as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Args)]
struct Keygen {
    /// The new file of the private key
    file: PathBuf,
}

#[derive(Args)]
struct Sign {
    /// The component, which is changed
    file: PathBuf,
    /// The private key: Ed25519, PKCS#8 in PEM, as `keygen` and `openssl genpkey -algorithm ed25519` write it
    #[arg(long)]
    key: PathBuf,
    /// A number that is higher than that of every version before, so that hosts know an old version as one [default: the time in seconds]
    #[arg(long)]
    number: Option<u64>,
}

#[derive(Args)]
struct Dev {
    #[command(flatten)]
    project: Project,
    /// The host's URL
    #[arg(long)]
    host: String,
    /// A key of the host with the role operator
    #[arg(long, env = "JACKFIELD_KEY", hide_env_values = true)]
    key: String,
    /// The connector's name on the host; the manifest's id if it is left out
    #[arg(long)]
    connector: Option<String>,
    /// A fixture that is posted after each swap, signed as fixtures/conformance.toml says
    #[arg(long, requires = "channel")]
    replay: Option<PathBuf>,
    /// The channel that it is posted to
    #[arg(long)]
    channel: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the connector is as it should be.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::New(arguments) => create(&arguments),
        Command::Build(arguments) => compile(&arguments),
        Command::Check(arguments) => look(&arguments.file),
        Command::Inspect(arguments) => show(&arguments),
        Command::Test(arguments) => test(&arguments),
        Command::Keygen(arguments) => {
            say(key::generate(&arguments.file)?);
            Ok(true)
        }
        Command::Sign(arguments) => sign(&arguments),
        Command::Dev(arguments) => watch(arguments),
    }
}

fn create(arguments: &New) -> Result<bool> {
    let words: Vec<_> = language::ALL.iter().map(|language| language.word()).collect();
    let chosen = language::by_word(&arguments.lang)
        .with_context(|| format!("there is no SDK for `{}`; there is one for {}", arguments.lang, words.join(", ")))?;
    let sdk = Sdk::find(arguments.sdk.as_deref())?;
    new::create(Path::new("."), &arguments.name, chosen, &sdk)?;
    say(format_args!("{}/ is ready. Next:\n  cd {}", arguments.name, arguments.name));
    say(format_args!("  jackfield-dev build\n  {}\n  jackfield-dev test", chosen.tests(&sdk)?));
    Ok(true)
}

fn compile(arguments: &Build) -> Result<bool> {
    let Project { project, sdk } = &arguments.project;
    let built = build::build(project, sdk.as_deref(), arguments.out.as_deref())?;
    say(format_args!("{}", built.path.display()));
    say(format_args!("  size    {} bytes ({} KiB)", built.size, built.size.div_ceil(1024)));
    say(format_args!("  sha256  {}", built.sha256));
    Ok(true)
}

fn look(file: &Path) -> Result<bool> {
    let component = read(file)?;
    let findings =
        runtime()?.block_on(async { Ok::<_, anyhow::Error>(check::check(&sandbox::open()?, component).await) })?;
    for finding in &findings {
        say(format_args!("{}  {}", finding.grade.word(), finding.sentence));
    }
    Ok(findings.iter().all(|finding| finding.grade != Grade::Wrong))
}

fn show(arguments: &Inspect) -> Result<bool> {
    let inspection = inspect::inspect(&read(&arguments.file)?)?;
    match arguments.json {
        true => say(serde_json::to_string_pretty(&inspection)?),
        false => say(inspection),
    }
    Ok(true)
}

fn test(arguments: &Test) -> Result<bool> {
    let Project { project, sdk } = &arguments.project;
    let plan = Plan::read(&arguments.fixtures.clone().unwrap_or_else(|| project.join("fixtures")))?;
    let component = match &arguments.file {
        Some(file) => read(file)?,
        None => read(&build::build(project, sdk.as_deref(), None)?.path)?,
    };
    let report = runtime()?.block_on(async { conformance::run(&sandbox::open()?, component, plan).await })?;
    if let Some(path) = &arguments.report {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    say(&report);
    Ok(report.failed == 0)
}

fn sign(arguments: &Sign) -> Result<bool> {
    let pair = key::read(&arguments.key)?;
    let seconds = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map(|since| since.as_secs());
    let number = arguments.number.map_or_else(seconds, Ok)?;
    let signed = signature::sign(&read(&arguments.file)?, &pair, number)?;
    jackfield_devtool::guest::write_whole(&arguments.file, &signed)?;
    say(format_args!("{} is signed by the key {}", arguments.file.display(), key::public(&pair)));
    say(format_args!("  number  {number}"));
    say(format_args!("  sha256  {}", signature::sha256(&signed)));
    Ok(true)
}

fn watch(arguments: Dev) -> Result<bool> {
    let Project { project, sdk } = arguments.project;
    let watch = Watch {
        host: Host::new(&arguments.host, &arguments.key)?,
        connector: arguments.connector,
        replay: arguments.replay.zip(arguments.channel),
        project,
        sdk,
    };
    runtime()?.block_on(dev::run(&watch, &mut |line| say(line)))?;
    Ok(true)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the program could not start")
}

/// One line, or several. Where nobody listens any more, nothing is lost by not saying it.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
