//! Brings the generation before back where one fails too often.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::fact::Actor;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lifecycle::Lifecycle;
use super::slot::Alarm;
use crate::shutdown::Stop;

/// The wait after a rollback that could not be stored. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Rolls back whatever fails too often, until the host stops. Connectors wait neither for each other nor for installations, and a rollback
/// that fails is tried again for as long as the generation serves.
pub async fn run(lifecycle: Arc<Lifecycle>, mut alarms: mpsc::UnboundedReceiver<Alarm>, stop: Stop) {
    let (mut running, mut busy) = (JoinSet::new(), HashSet::new());
    loop {
        tokio::select! {
            () = stop.begun() => return,
            Some(alarm) = alarms.recv() => {
                if busy.insert(alarm.connector.clone()) {
                    running.spawn(until_rolled_back(Arc::clone(&lifecycle), alarm));
                }
            }
            Some(ended) = running.join_next() => match ended {
                Ok(connector) => {
                    busy.remove(&connector);
                }
                Err(error) => {
                    tracing::error!("a rollback has broken off: {error}");
                    // Which one is not known; the next strike asks again.
                    busy.clear();
                }
            },
        }
    }
}

async fn until_rolled_back(lifecycle: Arc<Lifecycle>, alarm: Alarm) -> String {
    let Alarm { connector, generation, why } = alarm;
    let why = format!("It failed where the generation before it does not. Last: {why}");
    let mut wait = FIRST_WAIT;
    while let Err(error) = lifecycle.roll_back(&connector, Some(generation), &why, Actor::Host).await {
        tracing::error!(connector, generation, "a generation that fails cannot be rolled back yet: {error}");
        if !lifecycle.can_roll_back(&connector, generation) {
            break;
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
    connector
}
