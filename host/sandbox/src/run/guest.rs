//! What the host keeps of an instance and the call that runs on it: the data of its store.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::binding::ChannelBinding;
use crate::egress::hooks::Hooks;
use crate::report::{Effects, Usage};
use crate::run::error::{CallError, Reason};
use crate::run::limits::Limiter;
use crate::run::log_book::LogBook;
use crate::run::state_overlay::StateOverlay;
use crate::run::stderr::Stderr;

/// Bytes of the names and values of one `fields` resource, as wasmtime counts them.
const FIELDS_BYTES: usize = 32 << 10;

/// Random bytes in one host call.
const RANDOM_BYTES: u64 = 64 << 10;

/// The host's side of an instance: of one call, and what outlasts it where the instance does.
pub(crate) struct Guest {
    pub(crate) bound: Arc<ChannelBinding>,
    pub(crate) limiter: Limiter,
    pub(crate) log: LogBook,
    pub(crate) state: StateOverlay,
    /// A verification succeeded.
    pub(crate) authenticated: bool,
    /// The secrets that this call has signed with.
    pub(crate) signed_with: BTreeSet<String>,
    /// Questions about secrets that this call was answered.
    pub(crate) secret_answers: u32,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    stderr: Stderr,
    // A Rust connector without HTTP never touches WASI, so it is made on first use.
    wasi: Option<Box<WasiCtx>>,
}

impl Guest {
    pub(crate) fn new(bound: Arc<ChannelBinding>, online: bool) -> Self {
        let limits = &bound.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES);
        Self {
            limiter: Limiter::new(limits),
            log: LogBook::default(),
            state: StateOverlay::default(),
            authenticated: false,
            signed_with: BTreeSet::new(),
            secret_answers: 0,
            table,
            http,
            hooks: Hooks::new(bound.clone(), online),
            stderr: Stderr::default(),
            wasi: None,
            bound,
        }
    }

    /// A call begins on an instance that had one before.
    pub(crate) fn begin(&mut self, online: bool) {
        self.hooks = Hooks::new(self.bound.clone(), online);
        self.stderr.clear();
    }

    /// Whether a request of the call is still on its way.
    pub(crate) fn has_request_in_flight(&self) -> bool {
        self.hooks.has_request_in_flight()
    }

    /// What the call did, when it is over. Nothing of it is left for the next one.
    pub(crate) fn finish(&mut self) -> Finished {
        self.signed_with.clear();
        self.secret_answers = 0;
        let mut log = std::mem::take(&mut self.log);
        for note in self.hooks.notes() {
            log.note(&self.bound, note);
        }
        let mut usage =
            Usage { memory_bytes: self.limiter.memory_high, log_dropped: log.dropped(), ..Usage::default() };
        self.hooks.add_to(&mut usage);
        let effects = Effects {
            state: std::mem::take(&mut self.state).into_changes(),
            authenticated: std::mem::take(&mut self.authenticated),
            log: log.into_lines(),
            usage,
        };
        Finished { effects, stderr: self.stderr.text(&self.bound.redactor) }
    }
}

/// What is left of a call.
pub(crate) struct Finished {
    pub(crate) effects: Effects,
    stderr: String,
}

impl Finished {
    /// The call failed: what it did is dropped, what it said is kept.
    pub(crate) fn fail(self, reason: Reason) -> CallError {
        let message = match self.stderr.is_empty() {
            true => reason.message,
            false => format!("{} Its standard error ended with: {}", reason.message, self.stderr),
        };
        CallError {
            kind: reason.kind,
            message,
            authenticated: self.effects.authenticated,
            log: self.effects.log,
            usage: self.effects.usage,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| {
            // Nothing is added to an empty context but the ear on the guest's standard error: no files, no environment, no arguments,
            // and sockets whose every address is refused.
            let mut builder = WasiCtx::builder();
            builder
                .stdout(self.stderr.clone())
                .stderr(self.stderr.clone())
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .max_random_size(RANDOM_BYTES);
            Box::new(builder.build())
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
