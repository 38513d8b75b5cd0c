//! What a fact holds of the messages that it looks at and changes; see `held`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::rows::Message;
use crate::ids::MessageId;

/// Messages as they are now.
#[derive(Debug, Default)]
pub(crate) struct HeldMessages(pub(super) RefCell<BTreeMap<MessageId, Held>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) row: Rc<Message>,
    pub(super) is_changed: bool,
}
