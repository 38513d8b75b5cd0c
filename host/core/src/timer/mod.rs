//! Timers of the host: what is due at a time, and what then follows. A timer that fires is a fact, which carries its time.

mod apply;
pub mod rows;
pub mod view;
