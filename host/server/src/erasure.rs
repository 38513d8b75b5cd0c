//! Erasing a person from the journal; see `jackfield_core::erasure`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use jackfield_core::erasure::plan::Plan;
use jackfield_core::erasure::rows::Erasure;
use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::ids::{IdentityId, Seq};
use jackfield_store::Store;

use crate::host::Host;
use crate::shutdown::Stop;

/// How often the journal is gone through. What was on its way when the person was erased comes later, and is found by the second time.
const TIMES: usize = 5;

/// Has the facts of a person replaced by what is left of them, and tables built from that. Gives the sums of the person's files.
///
/// # Errors
/// When it has not come to its end; it is to be begun again.
pub async fn finish(host: &Arc<Host>, erasure: Erasure) -> anyhow::Result<BTreeSet<String>> {
    let mut plan = None;
    for _ in 0..TIMES {
        let (store, stop, of) = (host.store.clone(), host.stop.clone(), erasure.clone());
        let known = plan.take();
        let (made, facts) = tokio::task::spawn_blocking(move || rewrite(&store, &stop, &of, known)).await??;
        if facts.is_empty() && !host.store.holds_erased() {
            return Ok(made.files);
        }
        plan = Some(made);
        let replaced = host.store.replace(facts).await?;
        tracing::info!(erasure = erasure.seq.0, facts = replaced, "facts were replaced by what is left of them");
        host.store.rebuilding().wait_for(Option::is_none).await.context("the store is closed")?;
    }
    bail!("there was always more of the person in the journal")
}

/// Records that nothing of the person is left.
///
/// # Errors
/// When it cannot be.
pub async fn end(host: &Host, erasure: Seq) -> anyhow::Result<()> {
    let ended = host.append(Actor::Host, Fact::ErasureEnded { erasure }).await?;
    ensure!(!matches!(ended.outcome, Outcome::Refused(_)), "there is no erasure {erasure} to end");
    Ok(())
}

/// The facts that are to be replaced, and by what. Blocks.
fn rewrite(
    store: &Store,
    stop: &Stop,
    erasure: &Erasure,
    known: Option<Plan>,
) -> anyhow::Result<(Plan, BTreeMap<Seq, Fact>)> {
    let view = store.read();
    let entries = || -> anyhow::Result<_> {
        let entries = store.journal_entries(Seq(1))?;
        Ok(entries.map(|entry| {
            ensure!(!stop.has_begun(), "the host is stopping");
            anyhow::Ok(entry?)
        }))
    };
    let mut plan = match known {
        Some(plan) => plan,
        None => {
            let mut plan = Plan::new(&view, erasure)?;
            for entry in entries()? {
                plan.look(&view, &entry?)?;
            }
            plan
        }
    };
    plan.looked(&view)?;
    let mut facts = BTreeMap::new();
    for entry in entries()? {
        let entry = entry?;
        if let Some(left) = plan.rewrite(&view, &entry)? {
            facts.insert(entry.seq, left);
        }
    }
    Ok((plan, facts))
}

/// Whether all of these identities were made since ids are given by place. What is left of older facts would make others' things under other
/// ids. Blocks.
///
/// # Errors
/// When the journal cannot be read.
pub fn are_by_place(store: &Store, identities: &[IdentityId]) -> anyhow::Result<bool> {
    let oldest = identities.iter().map(|id| id.seq()).min().unwrap_or_default();
    for entry in store.journal_entries(Seq(1))? {
        let entry = entry?;
        if entry.fact == Fact::IdsByPlace {
            return Ok(entry.seq < oldest);
        }
        if entry.seq >= oldest {
            return Ok(false);
        }
    }
    Ok(false)
}
