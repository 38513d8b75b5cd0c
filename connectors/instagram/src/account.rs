//! The account that an entry is for, and the people who write to it.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Hint, Identifier, Sender, Subject, Timestamp};
use serde_json::Value;

/// An entry's account. Ids of people mean something only to it.
pub struct Account {
    /// Its id as the entry has it.
    pub id: String,
    /// Its id as the channel is configured: with some logins an account has two.
    pub configured_id: String,
    /// When the entry was made, for items without a time of their own.
    pub time: Option<Timestamp>,
}

impl Account {
    /// Whether an id is the account's own.
    pub fn is_self(&self, id: &str) -> bool {
        id == self.id || id == self.configured_id
    }

    /// A person by the id that the account knows them by.
    pub fn identifier(&self, id: &str) -> Identifier {
        Identifier::scoped("instagram", &self.id, id)
    }

    /// A person of whom perhaps the username is told.
    pub fn sender(&self, id: &str, username: Option<String>) -> Sender {
        let username = username.map(|name| name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty());
        let hints = username.map(|name| Hint::claimed(Subject::Username(name), "username on Instagram"));
        Sender { identity: self.identifier(id), hints: hints.into_iter().collect() }
    }

    /// The person of an item, and whether the account itself wrote it. It is told by the ids: of sender and recipient one is the
    /// account, and some echoes name it as the recipient.
    pub fn other_side(&self, item: &Value) -> Result<(String, bool), String> {
        let (sender, recipient) = (item.text("sender.id"), item.text("recipient.id"));
        let is_account = |id: &Option<String>| id.as_ref().is_some_and(|id| self.is_self(id));
        let by_account = item.flag("message.is_echo") || is_account(&sender);
        let preferred = if by_account { [recipient, sender] } else { [sender, recipient] };
        let person = preferred.into_iter().find(|id| id.is_some() && !is_account(id)).flatten();
        person.map(|id| (id, by_account)).ok_or_else(|| "nobody but the account itself is named".into())
    }
}
