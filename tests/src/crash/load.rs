//! Webhooks from several senders at once, and what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::host::{Host, WHATSAPP};
use crate::webhooks::{meta, whatsapp_text};

/// How many send at the same time.
const SENDERS: usize = 8;

/// What one host has been told over its lives.
#[derive(Clone, Default)]
pub struct Ledger {
    next: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    tried: Arc<Mutex<BTreeSet<String>>>,
}

/// A load that runs until it is stopped, or until the host is gone.
pub struct Load {
    stop: Arc<AtomicBool>,
    senders: JoinSet<()>,
}

impl Ledger {
    /// How many messages were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        lock(&self.acknowledged).len()
    }

    /// Starts sending.
    #[must_use]
    pub fn load(&self, host: &Host) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (ledger, stop, client) = (self.clone(), Arc::clone(&stop), host.api.with_key(None));
            senders.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("wamid.{}", ledger.next.fetch_add(1, Ordering::Relaxed));
                    let webhook = meta(&whatsapp_text(&format!("62812345670{sender}"), "Load", &id, &id));
                    lock(&ledger.tried).insert(id.clone());
                    let path = format!("/hooks/{WHATSAPP}");
                    let sent = client.send(http::Method::POST, &path, &webhook.headers(), webhook.body.clone()).await;
                    match sent {
                        Ok(answer) if answer.status == 200 => {
                            lock(&ledger.acknowledged).insert(id);
                        }
                        Ok(_) => tokio::task::yield_now().await,
                        // The host is gone.
                        Err(_) => return,
                    }
                }
            });
        }
        Load { stop, senders }
    }

    /// Compares what the host shows with what it acknowledged.
    ///
    /// # Errors
    /// When anything acknowledged is missing, anything is there twice, or anything is there that nobody sent.
    pub async fn compare(&self, host: &Host) -> Result<()> {
        let mut shown: BTreeMap<String, usize> = BTreeMap::new();
        for sender in 0..SENDERS {
            let found = host.api.read(&format!("/v1/customers?identity=phone:%2B62812345670{sender}")).await?;
            let Some(id) = found["items"][0]["id"].as_str() else {
                continue;
            };
            let mut before = String::new();
            loop {
                let page = host.api.read(&format!("/v1/customers/{id}/timeline?limit=200{before}")).await?;
                for entry in page["items"].as_array().context("items")? {
                    let text = entry["message"]["external_id"].as_str().context("an id of the channel")?;
                    *shown.entry(text.to_owned()).or_default() += 1;
                }
                match page["next"].as_str() {
                    Some(next) => before = format!("&before={next}"),
                    None => break,
                }
            }
        }
        let lost: Vec<String> =
            lock(&self.acknowledged).iter().filter(|id| !shown.contains_key(*id)).cloned().collect();
        let doubled: Vec<&String> = shown.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id).collect();
        ensure!(lost.is_empty(), "{} acknowledged messages are lost, such as {:?}", lost.len(), lost.first());
        ensure!(doubled.is_empty(), "{} messages are there twice, such as {:?}", doubled.len(), doubled.first());
        let tried = lock(&self.tried);
        ensure!(shown.keys().all(|id| tried.contains(id)), "there are messages that nobody sent");
        Ok(())
    }
}

impl Load {
    /// Stops sending and waits for the last answers.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.senders.join_next().await.is_some() {}
    }

    /// Waits for the senders of a host that is gone.
    pub async fn gone(mut self) {
        while self.senders.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
