//! What is read of the tables, by who reads it: clients see [`customer`], [`timeline`], [`message`], [`inbox`], [`links`], [`feed`]; the
//! host does its work with [`operations`]. Each lives in the area it belongs to.

pub use crate::conversation::{inbox, message, timeline};
pub use crate::feed::view as feed;
pub use crate::identity::{customer, links, search};
pub use crate::read::{BadCursor, ListError, Page, Time};

/// What the host itself reads.
pub mod operations {
    pub use crate::access::view::{ApiKeyView, api_key_by_hash, api_keys, good_api_key, remembered};
    pub use crate::channel::view::{channel, channels, cursor, ids_by_place, state, state_keys};
    pub use crate::connector::view::{components, connector, connectors, former_connector, grant_changes};
    pub use crate::conversation::view::{all_seen, row as message};
    pub use crate::erasure::view::{erasure, erasure_of, open as open_erasure, parked_of};
    pub use crate::feed::view::skipped;
    pub use crate::files::view::{due as due_files, file as attachment, referenced, wanted};
    pub use crate::identity::people::{is_erased, to_ask_about};
    pub use crate::outbox::view::{ToSend, due as due_sends, outbox, to_send};
    pub use crate::parked::view::{
        ParkedView, parked, parked_delivery, parked_requests, row as parked_row, totals as parked_totals,
    };
    pub use crate::timer::view::next as next_timer;
}
