//! What is counted, for Prometheus. Each host has its own registry, so two hosts in one process count apart.

use std::sync::atomic::AtomicU64;

use jackfield_store::Stats;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets of every duration, seconds.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    webhooks: Family<Of, Counter>,
    calls: Family<CallOf, Counter>,
    call_seconds: Family<FunctionOf, Histogram, fn() -> Histogram>,
    sends: Family<Of, Counter>,
    requests: Family<RequestOf, Counter>,
    request_seconds: Family<RouteOf, Histogram, fn() -> Histogram>,
    store: StoreGauges,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    channel: String,
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallOf {
    channel: String,
    function: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FunctionOf {
    channel: String,
    function: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestOf {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteOf {
    route: String,
}

#[derive(Debug, Default)]
struct StoreGauges {
    applied: Gauge<u64, AtomicU64>,
    journal_bytes: Gauge<u64, AtomicU64>,
    views_bytes: Gauge<u64, AtomicU64>,
    reserved: Gauge<u64, AtomicU64>,
    batches: Gauge<u64, AtomicU64>,
    sync_micros: Gauge<u64, AtomicU64>,
    apply_micros: Gauge<u64, AtomicU64>,
    stopped: Gauge<u64, AtomicU64>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("jackfield");
        let webhooks = Family::default();
        registry.register("webhooks", "Webhook requests by what became of them", webhooks.clone());
        let calls = Family::default();
        registry.register("connector_calls", "Calls of connectors by how they ended", calls.clone());
        let call_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register_with_unit("connector_call", "How long calls took", Unit::Seconds, call_seconds.clone());
        let sends = Family::default();
        registry.register("send_attempts", "Attempts at sending by how they ended", sends.clone());
        let requests = Family::default();
        registry.register("http_requests", "Requests of the API", requests.clone());
        let request_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register_with_unit("http_request", "How long requests took", Unit::Seconds, request_seconds.clone());
        let store = StoreGauges::default();
        registry.register("facts_applied", "The number of the last applied fact", store.applied.clone());
        registry.register("journal_bytes", "The journal on disk", store.journal_bytes.clone());
        registry.register("views_bytes", "The views on disk", store.views_bytes.clone());
        let help = "Groups of facts of channels that were refused because the disk is nearly full";
        registry.register("journal_reserved", help, store.reserved.clone());
        registry.register("journal_batches", "Groups of facts that shared a sync", store.batches.clone());
        registry.register("journal_sync_microseconds", "How long all syncs took", store.sync_micros.clone());
        registry.register("apply_microseconds", "How long applying took", store.apply_micros.clone());
        registry.register("store_stopped", "1 when no fact is taken any more", store.stopped.clone());
        Self { registry, webhooks, calls, call_seconds, sends, requests, request_seconds, store }
    }
}

impl Metrics {
    /// A webhook request ended: `stored`, `nothing_new`, `unauthenticated`, `parked`, `refused`, …
    pub fn webhook(&self, channel: &str, result: &str) {
        self.webhooks.get_or_create(&Of { channel: channel.to_owned(), result: result.to_owned() }).inc();
    }

    /// A call of a connector ended: `ok`, the class of its failure, or the kind of its error.
    pub fn call(&self, channel: &str, function: &'static str, result: &'static str, seconds: f64) {
        self.calls.get_or_create(&CallOf { channel: channel.to_owned(), function, result }).inc();
        self.call_seconds.get_or_create(&FunctionOf { channel: channel.to_owned(), function }).observe(seconds);
    }

    /// An attempt at sending ended: `sent`, `retry`, `failed`, `uncertain`, `credentials`.
    pub fn send(&self, channel: &str, result: &str) {
        self.sends.get_or_create(&Of { channel: channel.to_owned(), result: result.to_owned() }).inc();
    }

    /// A request of the API ended. `route` is the pattern, not the path, so that there are few of them.
    pub fn request(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let of = RequestOf { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&of).inc();
        self.request_seconds.get_or_create(&RouteOf { route: route.to_owned() }).observe(seconds);
    }

    /// Everything in the text format of OpenMetrics, `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    #[must_use]
    pub fn text(&self, stats: &Stats) -> String {
        let store = &self.store;
        store.applied.set(stats.applied.0);
        store.journal_bytes.set(stats.journal.bytes);
        store.views_bytes.set(stats.views_bytes);
        store.reserved.set(stats.journal.reserved);
        store.batches.set(stats.journal.batches);
        store.sync_micros.set(stats.journal.sync_micros);
        store.apply_micros.set(stats.apply_micros);
        store.stopped.set(u64::from(stats.stopped.is_some()));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.webhook("shop", "stored");
        metrics.call("shop", "receive", "ok", 0.000_06);
        let text = metrics.text(&jackfield_store::Stats::default());
        assert!(text.contains("jackfield_webhooks_total{channel=\"shop\",result=\"stored\"} 1"), "{text}");
        assert!(text.contains("jackfield_connector_call_seconds_bucket"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
