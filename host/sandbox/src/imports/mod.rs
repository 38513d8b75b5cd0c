//! What the host offers to guests: one file for each interface of `wit/imports.wit`, and the linker that joins them with WASI.

pub(crate) mod channel;
pub(crate) mod log;
pub(crate) mod secrets;
pub(crate) mod state;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings;
use crate::run::guest::Guest;

/// Everything that a component may import. WASI is whole, because the runtimes of JavaScript and Python touch most of it when they
/// start, but there is nothing behind it; see [`Guest`].
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    bindings::channel::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    bindings::log::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    bindings::state::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    bindings::secrets::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// Whether a component may import this. What is not here is refused by name, before anything is compiled.
pub(crate) fn is_offered(import: &str) -> bool {
    const OURS: [&str; 5] = ["channel", "log", "secrets", "state", "types"];
    const WASI: [&str; 7] = ["cli/", "clocks/", "filesystem/", "http/", "io/", "random/", "sockets/"];
    if let Some(rest) = import.strip_prefix("jackfield:connector/") {
        return rest.split_once('@').is_some_and(|(name, version)| OURS.contains(&name) && version.starts_with("0.1."));
    }
    match import.strip_prefix("wasi:").and_then(|rest| rest.split_once('@')) {
        Some((name, version)) => {
            version.starts_with("0.2.")
                && WASI.iter().any(|package| name.starts_with(package))
                && (!name.starts_with("http/") || matches!(name, "http/types" | "http/outgoing-handler"))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_offered;

    #[test]
    fn only_the_contract_and_wasi_are_offered() {
        for import in ["jackfield:connector/state@0.1.0", "wasi:http/outgoing-handler@0.2.12", "wasi:io/poll@0.2.3"] {
            assert!(is_offered(import), "{import}");
        }
        for import in [
            "jackfield:connector/state",
            "jackfield:connector/root@0.1.0",
            "jackfield:connector/state@0.2.0",
            "wasi:http/incoming-handler@0.2.12",
            "wasi:keyvalue/store@0.2.0",
            "wasi:http/outgoing-handler@0.3.0",
            "env",
        ] {
            assert!(!is_offered(import), "{import}");
        }
    }
}
