//! The path of a stranger in each language: `cargo xtask stranger`. Prints how long each part took.
#![allow(clippy::print_stdout, reason = "its figures are its result")]

use anyhow::{Context, Result, bail};
use jackfield_tests::stranger::{LANGUAGES, Language, walk};

#[tokio::main]
async fn main() -> Result<()> {
    for language in languages(std::env::args().skip(1))? {
        println!("a stranger's connector in {}", language.name);
        let report = walk(language).await.with_context(|| format!("in {}", language.name))?;
        println!("  {report}");
    }
    Ok(())
}

fn languages(arguments: impl Iterator<Item = String>) -> Result<Vec<Language>> {
    let mut chosen = Vec::new();
    for argument in arguments {
        match LANGUAGES.into_iter().find(|language| language.name == argument) {
            Some(language) => chosen.push(language),
            None => bail!("`rust`, `js` and `python` are known, `{argument}` is not"),
        }
    }
    Ok(if chosen.is_empty() { LANGUAGES.to_vec() } else { chosen })
}
