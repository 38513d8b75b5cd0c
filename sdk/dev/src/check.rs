//! `jackfield-dev check`: whether a host would take a component, and what to do if not.

use jackfield_devtool::component::Outline;
use jackfield_sandbox::{Connector, LoadError, Manifest, Sandbox};

use crate::signature::{self, State};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Fine,
    /// A host would take it; somebody may want to know all the same.
    Note,
    /// A host would refuse it.
    Wrong,
}

impl Grade {
    /// A word of four letters, for the beginning of a line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok  ",
            Self::Note => "note",
            Self::Wrong => "BAD ",
        }
    }
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub grade: Grade,
    /// A sentence, with the remedy where one is needed.
    pub sentence: String,
}

fn finding(grade: Grade, sentence: impl Into<String>) -> Finding {
    Finding { grade, sentence: sentence.into() }
}

/// Looks at everything that a host looks at before it runs a component, and starts it once, without grants.
pub async fn check(sandbox: &Sandbox, component: Vec<u8>) -> Vec<Finding> {
    let outline = match Outline::of(&component) {
        Ok(outline) => outline,
        Err(error) => {
            let sentence =
                format!("This is no WebAssembly component ({error:#}). Build one with `jackfield-dev build`.");
            return vec![finding(Grade::Wrong, sentence)];
        }
    };
    let mut findings =
        vec![finding(Grade::Fine, format!("It is a component of {} KiB.", component.len().div_ceil(1024)))];
    match Manifest::from_component(&component) {
        Ok(manifest) => findings.extend(of_manifest(&manifest)),
        Err(error) => findings.push(finding(Grade::Wrong, error.to_string())),
    }
    findings.push(of_signature(signature::state(&component)));
    findings.extend(of_loading(sandbox, component, &outline).await);
    findings
}

async fn of_loading(sandbox: &Sandbox, component: Vec<u8>, outline: &Outline) -> Vec<Finding> {
    let (imports, exports) = (outline.imports.len(), outline.exports.len());
    match sandbox.load(component).await {
        Ok(connector) => {
            let known = format!("It imports {imports} interfaces and exports {exports}, all of them known.");
            let mut findings = vec![finding(Grade::Fine, known)];
            findings.extend(of_exports(&connector));
            findings.push(finding(Grade::Fine, "It loads, and survives its trial start without grants."));
            findings
        }
        // Told already.
        Err(LoadError::Manifest(_)) => vec![finding(Grade::Note, "It was not loaded, because of its manifest.")],
        Err(error) => vec![finding(Grade::Wrong, format!("{error} {}", remedy(&error)).trim_end())],
    }
}

fn of_manifest(manifest: &Manifest) -> Vec<Finding> {
    let Manifest { id, version, contract, .. } = manifest;
    let mut findings = vec![
        finding(Grade::Fine, format!("Its manifest is that of {id} {version}.")),
        finding(
            Grade::Fine,
            format!("It was built for version {contract} of the contract, which this program's host knows."),
        ),
    ];
    if manifest.identifiers.is_empty() {
        findings.push(finding(
            Grade::Note,
            "The manifest declares no [[identifiers]], so whatever it says of a sender's address is only a claim.",
        ));
    }
    for need in manifest.http.iter().filter(|need| need.config.is_none()) {
        findings.push(finding(
            Grade::Note,
            format!(
                "{} is fixed in the manifest. Name a property of the configuration there (`config = \"api_base\"`), or nobody can try the connector against a stand-in.",
                need.origin
            ),
        ));
    }
    findings
}

fn of_exports(connector: &Connector) -> Vec<Finding> {
    let interfaces = connector.interfaces();
    let mut findings = Vec::new();
    if !interfaces.send {
        findings.push(finding(Grade::Note, "It does not export `send`, so its channels only receive."));
    }
    if !interfaces.configure {
        findings.push(finding(
            Grade::Note,
            "It does not export `configure`, so nobody can ask it whether a channel is usable.",
        ));
    }
    findings
}

fn of_signature(state: anyhow::Result<State>) -> Finding {
    match state {
        Ok(State::Signed { key }) => finding(Grade::Fine, format!("It is signed by the owner of the key {key}.")),
        Ok(State::Unsigned) => finding(
            Grade::Note,
            "It is not signed; many hosts refuse that. Sign it with `jackfield-dev sign FILE --key KEY`.",
        ),
        Ok(State::Broken { reason }) => {
            finding(Grade::Wrong, format!("Its signature is broken: {reason}. Sign it again."))
        }
        Err(error) => finding(Grade::Wrong, format!("Its signature cannot be looked at: {error:#}.")),
    }
}

fn remedy(error: &LoadError) -> &'static str {
    match error {
        LoadError::TooLarge { .. } => "Leave out what it does not use.",
        LoadError::Import(_) => {
            "Leave out the library that wants this; see the SDK's README for what a connector may use."
        }
        LoadError::Export(_) => {
            "Every connector exports `receive` and `identity`; the SDK does it for you when it is told which type or module the connector is."
        }
        LoadError::Compile(_) => "Build it again with a current SDK.",
        LoadError::Trial(_) => {
            "It may do nothing but prepare when it starts: no requests, no secrets, no reading of its configuration."
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use jackfield_devtool::component::{MANIFEST_SECTION, append_section};

    use super::*;

    fn component(manifest: &str) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        append_section(&mut bytes, MANIFEST_SECTION, manifest.as_bytes());
        bytes
    }

    async fn wrong(bytes: Vec<u8>) -> String {
        let sandbox = Sandbox::new(jackfield_sandbox::SandboxOptions { instances: 2, ..Default::default() }).unwrap();
        let findings = check(&sandbox, bytes).await;
        let wrong = findings.iter().filter(|finding| finding.grade == Grade::Wrong);
        wrong.map(|finding| finding.sentence.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn every_fault_is_a_sentence_with_its_remedy() {
        const GOOD: &str = "id = \"x\"\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"X\"\ndescription = \"X.\"";
        let cases = [
            (b"\0asm\x01\0\0\0".to_vec(), "jackfield-dev build"),
            (b"hello".to_vec(), "jackfield-dev build"),
            (b"\0asm\x0d\0\x01\0".to_vec(), "has no manifest"),
            (component(&GOOD.replace("0.1.0", "9.0.0")), "version 9.0.0 of the contract; this host knows"),
            (component(&GOOD.replace("\"X.\"", "3")), "line 5"),
            (component(GOOD), "Every connector exports `receive` and `identity`"),
        ];
        for (bytes, expected) in cases {
            let told = wrong(bytes).await;
            assert!(told.contains(expected), "{told}");
        }
    }

    #[tokio::test]
    async fn a_broken_signature_is_wrong() {
        let mut bytes = component("");
        append_section(&mut bytes, signature::SECTION, b"{}");
        assert!(wrong(bytes).await.contains("signature is broken"));
    }
}
