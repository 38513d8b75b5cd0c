//! Attacks on the front door of a real host, each while good webhooks come in on another channel: `cargo xtask siege`.
//!
//! * [`load`]: the good webhooks, and what an operator and a health check see meanwhile.
//! * [`attacks`]: the bad clients. They run on threads of their own.
//! * [`bomb`]: a component that takes a compiler hours.

mod attacks;
mod bomb;
mod load;

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

pub use attacks::Attack;

use self::load::{Load, Seen};
use crate::host::{Home, Host, Setup, WHATSAPP};
use crate::provider::Provider;
use crate::webhooks::{meta, whatsapp_text};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Good webhooks a second.
    pub webhooks: f64,
    /// How long the load runs without an attack, to compare with.
    pub quiet: Duration,
    /// How long it runs with one.
    pub attacked: Duration,
}

/// Under an attack, 99 of 100 good webhooks may take twice as long as without one, or as long as this: on a machine with few processors
/// the attackers themselves take processor time from the host, and quiet times are a few milliseconds.
pub const FLOOR: Duration = Duration::from_millis(40);

/// What became of one attack.
#[derive(Debug)]
pub struct Row {
    attack: Attack,
    quiet: Seen,
    attacked: Seen,
    /// What the attackers say.
    said: String,
}

impl Row {
    /// How much longer 99 of 100 webhooks took.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.attacked.p99.as_secs_f64() / self.quiet.p99.as_secs_f64().max(f64::EPSILON)
    }

    /// Everything that falls short, in words.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.quiet.failed > 0 || self.attacked.failed > 0 {
            faults.push(format!("{} good webhooks failed", self.quiet.failed + self.attacked.failed));
        }
        if self.attacked.p99 > (self.quiet.p99 * 2).max(FLOOR) {
            faults.push(format!("99 of 100 took {:.1?}, {:.1} × the quiet time", self.attacked.p99, self.ratio()));
        }
        if self.attacked.unhealthy > 0 {
            faults.push(format!("/healthz was not answered {} times", self.attacked.unhealthy));
        }
        if self.attacked.locked_out > 0 {
            faults.push(format!("the operator was not answered {} times", self.attacked.locked_out));
        }
        faults
    }

    /// The head of a table of these.
    #[must_use]
    pub fn head() -> String {
        format!(
            "{:<10} {:>9} {:>7} {:>17} {:>17} {:>6}  {:>9} {:>9}  attackers",
            "attack", "webhooks", "failed", "quiet p50/p99", "attacked p50/p99", "ratio", "healthz", "operator"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |seen: &Seen| format!("{:.1}/{:.1} ms", ms(seen.p50), ms(seen.p99));
        let answered =
            |missed: usize| format!("{}/{}", self.attacked.looks.saturating_sub(missed), self.attacked.looks);
        write!(
            f,
            "{:<10} {:>9} {:>7} {:>17} {:>17} {:>6.2}  {:>9} {:>9}  {}",
            self.attack.name(),
            self.quiet.sent + self.attacked.sent,
            self.quiet.failed + self.attacked.failed,
            times(&self.quiet),
            times(&self.attacked),
            self.ratio(),
            answered(self.attacked.unhealthy),
            answered(self.attacked.locked_out),
            self.said,
        )
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Runs one attack against a host of its own.
///
/// # Errors
/// When the host does not start, or the load cannot be made.
pub async fn run(attack: Attack, scale: Scale, say: &dyn Fn(&str)) -> Result<Row> {
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.flooded().with("[log]\nlevel = \"error\"");
    let setup = setup.guest(attacks::SPINNING, "hostile", "do = \"spins\"")?;
    let host = Home::new(&setup).await?.start().await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281200000", "Ana", "first", "hello"))).await?;
    let agent = key(&host, "agent").await?;
    say(&format!("{}: quiet", attack.name()));
    let mut load = Load::start(&host, scale.webhooks)?;
    // The first calls make instances; they are no measure.
    tokio::time::sleep(Duration::from_secs(2)).await;
    load.take().await;
    tokio::time::sleep(scale.quiet).await;
    let quiet = load.take().await;
    say(&format!("{}: attacked", attack.name()));
    let attackers = attacks::start(attack, &host, &agent)?;
    attackers.begun().await.with_context(|| format!("the attackers of {} did not begin", attack.name()))?;
    load.take().await;
    tokio::time::sleep(scale.attacked).await;
    let attacked = load.take().await;
    let said = attackers.end();
    load.end();
    host.kill().await?;
    Ok(Row { attack, quiet, attacked, said })
}

async fn key(host: &Host, role: &str) -> Result<String> {
    let made = host.api.post("/v1/keys", &json!({ "name": role, "role": role })).await?;
    made.json()["key"].as_str().map(str::to_owned).with_context(|| made.text())
}
