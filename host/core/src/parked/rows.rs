//! Rows about deliveries that could not be handled.

use serde::{Deserialize, Serialize};

use crate::fact::{RawRequest, Source};
use crate::ids::{ChannelId, Millis, ParkedId};
use crate::tables::{Json, Present, Table};

/// Parked deliveries.
pub const PARKED: Table<(ParkedId,), Parked> = Table::new(12, "parked deliveries");
/// The same by channel.
pub const BY_CHANNEL: Table<(ChannelId, ParkedId), Present> = Table::new(37, "parked deliveries by channel");
/// How many a channel has, and how large they are.
pub const TOTALS: Table<(ChannelId,), Totals> = Table::new(38, "totals of parked deliveries");

/// A delivery that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its id.
    pub id: ParkedId,
    /// Where.
    pub channel: ChannelId,
    /// By which code.
    pub source: Source,
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
    /// The whole request, if all of it could not be handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RawRequest>,
    /// Whether that request proved that it comes from the provider.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// The item, if only one could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ParkedItem>,
}

/// An item of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedItem {
    /// As it came.
    #[serde(with = "crate::base64")]
    pub raw: Vec<u8>,
}

/// How many deliveries of a channel are parked, and how large they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Deliveries and items.
    pub count: u64,
    /// Bytes of what is kept of them.
    pub bytes: u64,
}

impl Json for Parked {}
impl Json for Totals {}
