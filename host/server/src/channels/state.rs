//! A connector's committed state, read from the tables.

use std::sync::Arc;

use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::StateView;
use jackfield_store::Store;

/// The committed state of one channel.
#[must_use]
pub fn of(store: &Store, channel: &ChannelId) -> Arc<dyn StateView> {
    Arc::new(Stored { store: store.clone(), channel: channel.clone() })
}

struct Stored {
    store: Store,
    channel: ChannelId,
}

impl StateView for Stored {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        operations::state(&self.store.read(), &self.channel, key).map_err(|e| e.to_string())
    }

    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        operations::state_keys(&self.store.read(), &self.channel, prefix, limit).map_err(|e| e.to_string())
    }
}

/// No state at all: for checking a configuration without opening the store.
#[derive(Clone, Copy, Debug)]
pub struct NoState;

impl StateView for NoState {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn list(&self, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}
