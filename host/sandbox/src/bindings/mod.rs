//! The contract of `wit/` as Rust types, and what they become in the domain's words.
//!
//! * [`inward`]: what a guest hands over, checked and bounded, as `jackfield_core` types.
//! * [`outward`]: what a guest is given.

pub(crate) mod inward;
pub(crate) mod outward;

mod generated {
    #![allow(missing_docs, reason = "generated from wit/, where every item is documented")]

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "jackfield:connector/complete-connector",
        // Imports never wait: state is read from memory or page cache, cryptography is arithmetic. A trap is how a bound is told.
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi": wasmtime_wasi::p2::bindings,
        },
    });
}

pub(crate) use generated::exports::jackfield::connector as exports;
pub(crate) use generated::jackfield::connector::{channel, log, secrets, state, types};
