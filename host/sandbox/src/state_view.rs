//! The committed state of a channel, as a guest's call sees it.

/// More keys than any channel has.
const ALL_KEYS: usize = 1_000_000;

/// The committed state of a channel, as the store keeps it. Called from inside a guest's call, so an answer must come at once.
pub trait StateView: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;

    /// Keys that begin with `prefix`, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String>;

    /// Bytes of all keys and values together. Asked once in a call, before its first change.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn bytes(&self) -> Result<usize, String> {
        let mut total = 0_usize;
        for key in self.list("", ALL_KEYS)? {
            total = total.saturating_add(key.len() + self.get(&key)?.map_or(0, |value| value.len()));
        }
        Ok(total)
    }
}
