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

/// What [`export!`](crate::export) adds for `poll`. A part of its own, so that only who is polled exports it.
pub mod with_poll {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "with-poll",
        with: {"jackfield:connector/types@0.1.0": crate::bindings::jackfield::connector::types},
        pub_export_macro: true,
        default_bindings_module: "jackfield_sdk::bindings::with_poll",
        export_macro_name: "export_poll",
        additional_derives: [PartialEq],
    });
}

/// What [`export!`](crate::export) adds for `media`.
pub mod with_media {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "with-media",
        with: {"jackfield:connector/types@0.1.0": crate::bindings::jackfield::connector::types},
        pub_export_macro: true,
        default_bindings_module: "jackfield_sdk::bindings::with_media",
        export_macro_name: "export_media",
        additional_derives: [PartialEq],
    });
}
