//! One at a time for each file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_core::ids::MessageId;
use tokio::sync::OwnedMutexGuard;

type File = (MessageId, u16);

/// Who is busy with which file. Who wants the same one waits.
#[derive(Debug, Default)]
pub struct KeyedLocks(Mutex<HashMap<File, Arc<tokio::sync::Mutex<()>>>>);

/// Held while a file is worked on.
pub struct KeyGuard<'a> {
    locks: &'a KeyedLocks,
    file: File,
    held: Option<OwnedMutexGuard<()>>,
}

impl KeyedLocks {
    /// Waits until nobody else is busy with the file.
    pub async fn take(&self, file: File) -> KeyGuard<'_> {
        let lock = Arc::clone(self.lock().entry(file).or_default());
        KeyGuard { locks: self, file, held: Some(lock.lock_owned().await) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<File, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        let mut locks = self.locks.lock();
        drop(self.held.take());
        if locks.get(&self.file).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::Seq;

    use super::*;

    #[tokio::test]
    async fn who_wants_the_same_file_waits_and_nothing_is_remembered_after_that() {
        let locks = KeyedLocks::default();
        let file = (MessageId::new(Seq(1), 0), 0);
        let first = locks.take(file).await;
        let mut second = Box::pin(locks.take(file));
        assert!(futures_util::poll!(&mut second).is_pending());
        let _other = locks.take((file.0, 1)).await;
        drop(first);
        drop(second.await);
        assert_eq!(locks.lock().len(), 1);
    }
}
