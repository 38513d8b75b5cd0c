//! What is counted, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_store::View;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Api;
use crate::clock;
use crate::host::Host;
use crate::logging;
use crate::problem::Result;

/// The text format of OpenMetrics.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Nobody wants to know exactly how far beyond this an outbox goes.
const MOST_WAITING: usize = 10_000;

/// Counters, gauges and histograms in the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn get_metrics(State(api): State<Api>) -> Result<impl IntoResponse> {
    let host = Arc::clone(&api.host);
    // The sizes of files are looked at, which can wait for a disk.
    let stats = tokio::task::spawn_blocking(move || host.store.stats()).await;
    let stats = stats.map_err(|_| super::Problem::internal())?;
    let counted = api.host.metrics.text(&stats);
    let clients = [
        ("event_clients", "Clients that follow the events", api.followers.count() as u64),
        ("connections", "Open connections", api.front.seats.taken() as u64),
        ("log_lines_dropped", "Log lines that came faster than they could be written", logging::dropped_lines() as u64),
    ];
    let host = Arc::clone(&api.host);
    let mut text = api.reader.read(move |view| now(&host, view, clients)).await?;
    text.push_str(&counted);
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text))
}

/// What is looked up at the moment it is asked for.
fn now(host: &Host, view: &View, counts: [(&str, &str, u64); 3]) -> tables::Result<String> {
    let mut registry = Registry::with_prefix("jackfield");
    let gauge = |value: u64| -> Gauge {
        let gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge
    };
    let uptime = clock::now().0.saturating_sub(host.started_at.0) / 1_000;
    registry.register_with_unit("uptime", "How long the host has been running", Unit::Seconds, gauge(uptime));
    for (name, help, count) in counts {
        registry.register(name, help, gauge(count));
    }
    let outbox: Family<Vec<(String, String)>, Gauge> = Family::default();
    for channel in host.channels.all() {
        let waiting = operations::outbox(view, &channel.id, MOST_WAITING)?.len();
        let labels = vec![(String::from("channel"), channel.id.to_string())];
        outbox.get_or_create(&labels).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
    registry.register("outbox_messages", "Messages that wait to be sent", outbox);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode_registry(&mut text, &registry);
    Ok(text)
}
