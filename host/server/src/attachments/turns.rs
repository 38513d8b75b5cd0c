//! One at a time for each file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_core::ids::MessageId;
use tokio::sync::OwnedMutexGuard;

type File = (MessageId, u16);

/// Who is busy with which file. Who wants the same one waits.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<File, Arc<tokio::sync::Mutex<()>>>>);

/// Held while a file is worked on.
pub struct Turn<'a> {
    turns: &'a Turns,
    file: File,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else is busy with the file.
    pub async fn take(&self, file: File) -> Turn<'_> {
        let lock = Arc::clone(self.lock().entry(file).or_default());
        Turn { turns: self, file, held: Some(lock.lock_owned().await) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<File, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        drop(self.held.take());
        if turns.get(&self.file).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            turns.remove(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::Seq;

    use super::*;

    #[tokio::test]
    async fn who_wants_the_same_file_waits_and_nothing_is_remembered_after_that() {
        let turns = Turns::default();
        let file = (MessageId::new(Seq(1), 0), 0);
        let first = turns.take(file).await;
        let mut second = Box::pin(turns.take(file));
        assert!(futures_util::poll!(&mut second).is_pending());
        let _other = turns.take((file.0, 1)).await;
        drop(first);
        drop(second.await);
        assert_eq!(turns.lock().len(), 1);
    }
}
