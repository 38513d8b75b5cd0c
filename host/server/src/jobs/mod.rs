//! Work in the background: one worker a channel for each kind of work, all of them run in the same way.
//!
//! * [`lane`]: attempts at the same time, each under a key, as many as there are places.
//! * [`worker`]: one channel's worker for work that becomes due: the outbox and the files are such work.
//! * [`backoff`]: how long to wait after a failed attempt, and when to give up. [`bucket`]: so many a second.
//! * [`supervisor`]: a worker for every channel that is switched on. One that panics is logged, counted ([`panics`]) and started again.
//!
//! [`crate::outbox`], [`crate::attachments`], [`crate::poller`] and [`crate::hints`] are the kinds.

pub mod backoff;
pub mod bucket;
pub mod lane;
pub mod panics;
pub mod supervisor;
pub mod worker;
