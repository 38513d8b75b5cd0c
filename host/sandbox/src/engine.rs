//! The one wasmtime engine of a sandbox, and the clock that interrupts its guests.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, WasmBacktraceDetails,
};

/// How often a running guest gives the thread back and has its CPU time looked at. Two milliseconds are short beside any latency that
/// a person notices, and long beside the microsecond that it costs.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// The most that one guest's linear memory can ever be, whatever a channel's limits say: the pool's slots are made for it.
pub(crate) const MEMORY_CEILING: usize = 512 << 20;

/// The guest's own stack. JavaScript and Python need more than the 512 KiB that Rust is content with; deep recursion ends here in a trap.
const WASM_STACK: usize = 1 << 20;

/// The fiber's stack: the guest's, and room for the host functions on top of it.
const FIBER_STACK: usize = 2 << 20;

/// The engine and its ticker. Dropping it ends the ticker's thread.
pub(crate) struct TickingEngine {
    engine: Engine,
    // Closing the channel is the signal to stop.
    _stop: SyncSender<()>,
}

impl TickingEngine {
    /// An engine for at most `instances` guests at the same time.
    pub(crate) fn new(instances: u32) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(instances))?;
        let (stop, stopped) = mpsc::sync_channel(0);
        let ticking = engine.weak();
        std::thread::Builder::new().name("jackfield-epoch".to_owned()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                match ticking.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        })?;
        Ok(Self { engine, _stop: stop })
    }

    pub(crate) fn get(&self) -> &Engine {
        &self.engine
    }
}

/// A shared handle on the engine, so that it ticks as long as anything compiled for it lives.
pub(crate) type SharedEngine = Arc<TickingEngine>;

/// An engine that only compiles, for every engine of [`TickingEngine`]: how instances are allocated is not in the machine code.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&code())
}

fn config(instances: u32) -> Config {
    let mut config = code();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    config
}

/// What machine code depends on.
fn code() -> Config {
    let mut config = Config::new();
    config
        // Without copy-on-write images every instance would copy its whole data segment.
        .memory_init_cow(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        // WASI 0.3's machinery is experimental, without security releases; see reference in host/docs/adr.
        .concurrency_support(false)
        .wasm_component_model(true)
        // What no toolchain needs today is less to attack.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .cranelift_opt_level(OptLevel::Speed)
        // Function names in a trap's message help an author; file and line would need debug sections that nobody ships.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .generate_address_map(false);
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool
        // One fiber stack, one component instance a guest: the semaphores in front of the pool count these.
        .total_stacks(instances)
        .total_component_instances(instances)
        // A Rust connector is three core instances (itself, and two that the component encoder adds); Python's is dozens. These are
        // counted, not reserved, so generous figures cost nothing.
        .total_core_instances(instances.saturating_mul(64))
        .max_core_instances_per_component(64)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        // Reserved address space: 4 GiB and guards for each memory.
        .total_memories(instances.saturating_mul(2))
        .max_memories_per_component(2)
        .max_memory_size(MEMORY_CEILING)
        .total_tables(instances.saturating_mul(8))
        .max_tables_per_component(8)
        .max_tables_per_module(4)
        .table_elements(20_000)
        // A slot is cleaned for its next guest by writing over the pages that were touched, as long as they are few; the kernel tells
        // which (Linux 6.7 and later). Giving them back to it instead, and faulting them in again, took 65 µs a call instead of 39.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10);
    pool
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    #[test]
    fn what_a_child_compiles_fits_the_engine_that_runs_it() {
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(&compiling().unwrap()), hash(TickingEngine::new(1).unwrap().get()));
    }
}
