//! Reading a large store over HTTP: the agent's view of a customer and a page of the inbox, beside the cheapest request there is.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::Scale;
use crate::big_store::BigStore;
use crate::load::Connection;
use crate::numbers::{Times, digits, micros, ratio};
use crate::table::Row;

/// Agents that work at the same time.
const AGENTS: usize = 4;
/// How many different customers are looked at.
const CUSTOMERS: usize = 1_000;
/// After so many pages of the inbox an agent begins again at its top.
const PAGES: usize = 20;

#[derive(Default)]
struct Seen {
    health: Times,
    customer: Times,
    inbox: Times,
}

/// Measures it.
///
/// # Errors
/// When a request fails.
pub async fn run(store: &BigStore, scale: Scale) -> Result<Vec<Row>> {
    let host = store.home.start().await?;
    let mut customers = Vec::new();
    for phone in store.phones(scale.pick(CUSTOMERS, 50)) {
        customers.push(host.api.customer_with(&phone).await?);
    }
    let rounds = scale.pick(2_000, 100);
    let mut agents = JoinSet::new();
    for agent in 0..AGENTS {
        let (base, key) = (host.api.base().to_owned(), host.key.clone());
        let customers: Vec<String> = customers.iter().skip(agent).step_by(AGENTS).cloned().collect();
        agents.spawn(async move { work(&base, &key, &customers, rounds).await });
    }
    let mut seen = Seen::default();
    while let Some(agent) = agents.join_next().await {
        let Seen { health, customer, inbox } = agent??;
        seen.health.extend(health);
        seen.customer.extend(customer);
        seen.inbox.extend(inbox);
    }
    host.stop().await?;
    Ok(rows(&seen, store.messages))
}

async fn work(base: &str, key: &str, customers: &[String], rounds: usize) -> Result<Seen> {
    let mut line = Connection::open(base).await?;
    let (mut seen, mut cursor) = (Seen::default(), String::new());
    for round in 0..rounds {
        get(&mut line, "/healthz", key, &mut seen.health).await?;
        let customer = &customers[round % customers.len()];
        get(&mut line, &format!("/v1/customers/{customer}"), key, &mut seen.customer).await?;
        let page = get(&mut line, &format!("/v1/inbox?limit=50{cursor}"), key, &mut seen.inbox).await?;
        let page: Value = serde_json::from_slice(&page)?;
        ensure!(page["items"].as_array().is_some_and(|items| !items.is_empty()), "a page of the inbox: {page}");
        cursor = match page["next"].as_str() {
            Some(next) if (round + 1) % PAGES != 0 => format!("&before={next}"),
            _ => String::new(),
        };
    }
    Ok(seen)
}

async fn get(line: &mut Connection, path: &str, key: &str, times: &mut Times) -> Result<Bytes> {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}"));
    let request = request.body(Full::default()).context("a request")?;
    let began = Instant::now();
    let (status, body) = line.send(request).await?;
    times.add(began.elapsed());
    ensure!(status == StatusCode::OK, "{path}: {status} {}", String::from_utf8_lossy(&body));
    Ok(body)
}

fn rows(seen: &Seen, messages: usize) -> Vec<Row> {
    let shown = |times: &Times| format!("{} / {}", micros(times.percentile(50.0)), micros(times.percentile(99.0)));
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let stored = digits(messages as f64);
    let row = |what: &str, times: &Times| Row {
        what: format!("{what} with {stored} messages stored, {AGENTS} agents: p50 / p99"),
        measured: shown(times),
        beside: format!("{}, `GET /healthz`", shown(&seen.health)),
        ratio: format!("p50 {}", ratio(times.percentile(50.0), seen.health.percentile(50.0))),
        to_reach: "p99 ≤ 10 ms",
    };
    vec![row("`GET /v1/customers/{id}`", &seen.customer), row("`GET /v1/inbox`, 50 conversations", &seen.inbox)]
}
