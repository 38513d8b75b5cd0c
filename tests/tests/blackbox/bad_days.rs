//! Crashes and damage, in short; `cargo xtask crash` does the same at length.

use anyhow::Result;
use jackfield_tests::crash::{damage, kill};

#[tokio::test]
async fn killing_the_host_under_load_loses_nothing_and_doubles_nothing() -> Result<()> {
    kill::run(5).await.map(drop)
}

#[tokio::test]
async fn a_damaged_database_is_rebuilt_and_the_host_says_so() -> Result<()> {
    let told = damage::views().await?;
    assert_eq!(told.len(), 7);
    Ok(())
}

#[tokio::test]
async fn a_bad_record_in_the_middle_of_the_journal_is_refused_with_its_place() -> Result<()> {
    damage::journal().await.map(drop)
}
