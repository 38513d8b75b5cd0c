//! Files are not what they were.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::kill::{survivor, views_follow_from_the_journal};
use super::load::Ledger;
use crate::host::{Home, Setup};
use crate::provider::Provider;

type Harm = fn(&Path) -> Result<()>;

/// Every kind of damage to the views: what the host did about it.
///
/// # Errors
/// When the host does not come back with everything.
pub async fn views() -> Result<Vec<(&'static str, String)>> {
    let kinds: [(&'static str, Harm); 7] = [
        ("a folder that is gone", |views| Ok(fs::remove_dir_all(views)?)),
        ("an empty database", |views| Ok(File::create(views.join("db")).map(drop)?)),
        ("a truncated database", |views| {
            let db = OpenOptions::new().write(true).open(views.join("db"))?;
            Ok(db.set_len(db.metadata()?.len() / 2)?)
        }),
        ("flipped bits", flip_bits),
        ("a damaged snapshot", |views| overwrite_snapshots(views)),
        ("a leftover snapshot", |views| Ok(fs::write(views.join("snap.00000000000000FF.generating"), b"half")?)),
        ("a configuration that is none", |views| Ok(fs::write(views.join("conf"), b"nonsense")?)),
    ];
    let mut told = Vec::new();
    for (kind, harm) in kinds {
        told.push((kind, one(kind, harm).await.with_context(|| kind.to_owned())?));
    }
    Ok(told)
}

async fn one(kind: &str, harm: Harm) -> Result<String> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let ledger = Ledger::default();
    let host = home.start().await?;
    let load = ledger.load(&host);
    while ledger.acknowledged() < 500 {
        tokio::task::yield_now().await;
    }
    load.stop().await;
    host.stop().await?;
    harm(&database(&home.folder.join("data/views"))?)?;
    let host = survivor(&home, &ledger).await?;
    let log = host.stop().await?;
    views_follow_from_the_journal(&home).await?;
    let said =
        log.lines().find(|line| line.contains("rebuil") || line.contains("set aside") || line.contains("built again"));
    match said {
        Some(_) => {
            Ok(format!("said so, rebuilt, {} of {} messages there", ledger.acknowledged(), ledger.acknowledged()))
        }
        None if kind == "a leftover snapshot" => Ok(String::from("removed, opened")),
        None => bail!("the host did not say what it did:\n{log}"),
    }
}

/// The folder of sled in the folder of the views.
fn database(views: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(views)? {
        let path = entry?.path();
        if path.join("db").is_file() {
            return Ok(path);
        }
    }
    bail!("{} holds no database", views.display())
}

fn flip_bits(views: &Path) -> Result<()> {
    let mut db = OpenOptions::new().read(true).write(true).open(views.join("db"))?;
    let length = db.metadata()?.len();
    for part in 1..20 {
        let at = length * part / 20;
        let mut byte = [0];
        db.seek(SeekFrom::Start(at))?;
        db.read_exact(&mut byte)?;
        db.seek(SeekFrom::Start(at))?;
        db.write_all(&[byte[0] ^ 0x10])?;
    }
    Ok(())
}

fn overwrite_snapshots(views: &Path) -> Result<()> {
    for entry in fs::read_dir(views)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")) {
            fs::write(path, b"not a snapshot")?;
            return Ok(());
        }
    }
    Ok(fs::write(views.join("snap.0000000000000001"), b"not a snapshot")?)
}

/// A bad record in the middle of the journal: the refusal.
///
/// # Errors
/// When the host starts all the same, or does not name the place.
pub async fn journal() -> Result<String> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let ledger = Ledger::default();
    let host = home.start().await?;
    let load = ledger.load(&host);
    while ledger.acknowledged() < 200 {
        tokio::task::yield_now().await;
    }
    load.stop().await;
    host.stop().await?;
    let segment = first_segment(&home.folder.join("data/journal"))?;
    let mut file = OpenOptions::new().read(true).write(true).open(&segment)?;
    let middle = file.metadata()?.len() / 2;
    file.seek(SeekFrom::Start(middle))?;
    file.write_all(b"damage")?;
    drop(file);
    match home.start().await {
        Ok(_) => bail!("the host started on a damaged journal"),
        Err(refusal) => {
            let text = format!("{refusal:#}");
            let name = segment.file_name().context("a segment has a name")?.to_string_lossy().into_owned();
            ensure!(text.contains(&name), "the refusal does not name {name}: {text}");
            let line = text.lines().find(|line| line.contains(&name)).unwrap_or_default();
            Ok(format!("refused: {}", line.trim()))
        }
    }
}

fn first_segment(journal: &Path) -> Result<PathBuf> {
    let mut segments: Vec<PathBuf> = fs::read_dir(journal)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    segments.sort();
    segments.into_iter().next().context("a journal has a segment")
}
