//! The command of connector authors, `jackfield-dev`. One file a command; README.md beside this folder says how it is used.

pub mod build;
pub mod check;
pub mod conformance;
pub mod dev;
pub mod host;
pub mod inspect;
pub mod key;
pub mod language;
pub mod new;
pub mod sandbox;
pub mod sdk;
pub mod signature;
