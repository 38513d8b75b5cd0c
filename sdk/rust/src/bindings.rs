//! What `wit-bindgen` makes of the contract, as it comes. The rest of the crate gives it better names; reach in here for what has none:
//! clocks, random numbers, the parts of `wasi:http` that [`crate::http`] does not use.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used, rust_2018_idioms)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "connector",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "jackfield_sdk::bindings",
    additional_derives: [PartialEq],
    additional_derives_ignore: ["stream-error"],
});
