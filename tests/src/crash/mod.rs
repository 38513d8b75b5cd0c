//! Bad days: crashes, power losses, damaged files, a full disk; and the load they strike in the middle of.
//!
//! * [`load`]: webhooks from several senders at once, and what was acknowledged.
//! * [`kill`]: the process dies.
//! * [`power`]: the machine dies.
//! * [`damage`]: files are not what they were.
//! * [`full_disk`]: there is no room.
//! * [`loop_device`]: a disk of our own.

pub mod damage;
pub mod full_disk;
pub mod kill;
pub mod load;
pub mod loop_device;
pub mod power;
