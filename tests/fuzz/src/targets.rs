//! What is thrown at, and what is thrown first.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use jackfield_core::ids::{ChannelId, CustomerId, MessageId};
use jackfield_core::tables::Memory;
use jackfield_core::views::{feed::EventId, inbox, timeline};
use jackfield_sandbox::{Manifest, manifest};
use jackfield_server::config::TrustConfig;
use jackfield_server::connectors::signature;
use jackfield_store::journal::frame;
use tempfile::TempDir;

/// What a target does with an input.
pub type Run = Box<dyn Fn(&[u8]) + std::panic::RefUnwindSafe>;

/// A parser that strangers reach.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it understands.
    pub seeds: Vec<Vec<u8>>,
    /// Pieces of what it understands.
    pub words: &'static [&'static [u8]],
    /// Must end, and not panic, whatever it is given.
    pub run: Run,
}

/// All of them.
///
/// # Errors
/// When the machine gives no folder for the journal.
pub fn all() -> Result<Vec<Target>> {
    Ok(vec![journal()?, frames(), manifests(), toml(), signatures(), cursors(), events()])
}

const MANIFEST: &str = "id = \"x\"\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"X\"\ndescription = \"X.\"\n\
    [[http]]\norigin = \"https://a.example\"\nconfig = \"base\"\nmethods = [\"GET\"]\npaths = [\"/v1/{token}/\"]\n\
    [[secrets]]\nname = \"token\"\nprompt = \"T\"\npattern = \"^[a-z]+$\"\nuse = [\"send\", \"verify\"]\n\
    [[credentials]]\nsecret = \"token\"\nplace = \"header:x-key\"\n[[identifiers]]\nkind = \"phone\"\ntrust = \"attested\"\n\
    [channel]\ncontent = [\"text\"]\ntext_limit = { max = 10, unit = \"utf16\" }\nrate_per_second = 1.5\n\
    [config]\ntype = \"object\"\nproperties.base = { type = \"string\", pattern = \"^h\" }\n";

/// A file of the journal.
fn journal() -> Result<Target> {
    let folder = TempDir::new()?;
    let segments = folder.path().join("journal");
    fs::create_dir(&segments)?;
    let file: PathBuf = segments.join("00000000000000000001.journal");
    let name = fs::read_dir(&segments).context("the folder that was just made")?.count();
    debug_assert_eq!(name, 0);
    let run = move |bytes: &[u8]| {
        if fs::write(&file, bytes).is_err() {
            return;
        }
        if let Ok(entries) = jackfield_store::export(folder.path()) {
            for entry in entries {
                if entry.is_err() {
                    break;
                }
            }
        }
    };
    Ok(Target { name: "journal", seeds: vec![segment()], words: &[], run: Box::new(run) })
}

/// The least that is a segment: its head and one frame.
fn segment() -> Vec<u8> {
    let first = jackfield_core::ids::Seq(1);
    let mut bytes = frame::segment_head(first).to_vec();
    let mut one = frame::begin(256);
    one.extend_from_slice(
        b"{\"seq\":1,\"at\":1,\"actor\":{\"kind\":\"host\"},\"fact\":{\"type\":\"claims_set\",\"policy\":\"off\"}}\n",
    );
    frame::finish(&mut one, first, 1);
    bytes.extend(one);
    bytes
}

/// Heads of frames, and the search for good ones behind bad ones.
fn frames() -> Target {
    let run = |bytes: &[u8]| {
        if let Some(at) = frame::find_good(bytes) {
            assert!(at < bytes.len());
        }
        if let Some(head) = bytes.first_chunk() {
            let _ = frame::read_segment_head(head);
        }
    };
    Target { name: "frames", seeds: vec![segment()], words: &[], run: Box::new(run) }
}

fn custom_section(name: &str, data: &[u8]) -> Vec<u8> {
    let leb = |mut n: usize| {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(n & 0x7f).unwrap_or_default();
            n >>= 7;
            bytes.push(low | if n > 0 { 0x80 } else { 0 });
            if n == 0 {
                return bytes;
            }
        }
    };
    let content = [leb(name.len()), name.as_bytes().to_vec(), data.to_vec()].concat();
    [vec![0], leb(content.len()), content].concat()
}

fn component() -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), custom_section(manifest::SECTION, MANIFEST.as_bytes())].concat()
}

/// The manifest's section in a component.
fn manifests() -> Target {
    let words: &[&[u8]] =
        &[b"jackfield:manifest", b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0", b"\x04", b"\x80\x80\x80\x80\x0f"];
    let run = |bytes: &[u8]| drop(Manifest::from_component(bytes));
    Target { name: "manifest", seeds: vec![component()], words, run: Box::new(run) }
}

/// The manifest's text.
fn toml() -> Target {
    let words: &[&[u8]] = &[
        b"[[http]]",
        b"[config]",
        b"\"$ref\"",
        b"= [",
        b"= {",
        b"\"\"\"",
        b"\\u202e",
        b"'''",
        b"{token}",
        b"pattern = \"(a*)*\"",
    ];
    let run = |bytes: &[u8]| {
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(manifest) = Manifest::from_toml(text)
        {
            let ask = manifest.ask();
            assert!(ask.is_within(&ask), "an ask is within itself");
        }
    };
    Target { name: "toml", seeds: vec![MANIFEST.as_bytes().to_vec()], words, run: Box::new(run) }
}

/// The signature at the end of a component.
fn signatures() -> Target {
    let (key, signature) = ("00".repeat(32), "00".repeat(64));
    let data =
        format!(r#"{{"algorithm":"ed25519","key":"{key}","signature":"{signature}","connector":"x","number":1}}"#);
    let seed = [component(), custom_section("jackfield:signature", data.as_bytes())].concat();
    let words: &[&[u8]] =
        &[b"jackfield:signature", b"\x13jackfield:signature", b"\"number\":", b"\x80\x80\x80\x80\x00"];
    let run = |bytes: &[u8]| {
        let trusts = TrustConfig { allow_unsigned: true, ..TrustConfig::default() };
        let _ = signature::refusal(&signature::examine(bytes, &trusts), &trusts);
    };
    Target { name: "signature", seeds: vec![seed], words, run: Box::new(run) }
}

/// Cursors and ids, as clients hand them in.
fn cursors() -> Target {
    let seeds = ["evt_12.3", "12.3", "cus_7", "msg_9", "shop-whatsapp", "1700000000000.12", "1700000000000-12-3"];
    let run = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let tables = Memory::default();
        let _ =
            (text.parse::<EventId>(), text.parse::<CustomerId>(), text.parse::<MessageId>(), text.parse::<ChannelId>());
        let _ = inbox::inbox(&tables, &inbox::Filter::default(), Some(&text), 10);
        if let Ok(customer) = "cus_1".parse::<CustomerId>() {
            let _ = timeline::timeline(&tables, customer, Some(&text), 10);
        }
    };
    let seeds = seeds.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    Target {
        name: "cursor",
        seeds,
        words: &[b".", b"-", b"_", b"18446744073709551615", b"evt_", b"cus_"],
        run: Box::new(run),
    }
}

/// Events as a guest hands them over.
fn events() -> Target {
    let seeds = vec![vec![0; 64], (0..=255).collect(), b"+15550001 hello phone t1".repeat(8)];
    let run = |bytes: &[u8]| jackfield_sandbox::fuzzing::event(bytes);
    Target { name: "event", seeds, words: &[b"phone", b"email", b"{\"a\":1}"], run: Box::new(run) }
}
