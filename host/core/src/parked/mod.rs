//! Deliveries that could not be handled, and items of deliveries. They are kept, and can be handled again by a mended version.

mod apply;
pub mod rows;
pub mod view;
