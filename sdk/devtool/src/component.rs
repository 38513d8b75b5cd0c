//! A component from outside: what it imports and exports, and its custom sections. Nothing is compiled or run.

use anyhow::{Context, Result, ensure};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{BinaryReader, ComponentExternalKind, Encoding, Parser, Payload};

/// The custom section that carries `connector.toml`, so that one file is the plugin.
pub const MANIFEST_SECTION: &str = "jackfield:manifest";

/// Magic number and version.
const HEAD: usize = 8;

/// What a component names on its outside.
#[derive(Debug, Default)]
pub struct Outline {
    /// The names of what it imports, in order.
    pub imports: Vec<String>,
    /// The names of the interfaces it exports, in order.
    pub exports: Vec<String>,
    /// Its custom sections, in order.
    pub sections: Vec<Section>,
}

/// A custom section of the outermost component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Where it begins, its head included: a count of bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it carries.
    pub data: Vec<u8>,
}

impl Outline {
    /// Reads a component's bytes. Fails for a core module, and for what is no WebAssembly or is cut off.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        ensure!(bytes.starts_with(b"\0asm"), "it is no WebAssembly");
        let mut outline = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding, .. } if depth == 0 => {
                    ensure!(encoding == Encoding::Component, "it is a core module and no component");
                    depth += 1;
                }
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        outline.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        let export = export?;
                        if export.kind == ComponentExternalKind::Instance {
                            outline.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        outline.sections = custom_sections(bytes)?;
        Ok(outline)
    }

    /// The data of the first custom section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.sections.iter().find(|section| section.name == name).map(|section| section.data.as_slice())
    }
}

/// The custom sections of the outermost component. Sections stand one behind the other: a number, a length, and the content.
fn custom_sections(bytes: &[u8]) -> Result<Vec<Section>> {
    let mut reader = BinaryReader::new(bytes.get(HEAD..).context("it is no WebAssembly")?, 0);
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = HEAD + position(&reader)?;
        let id = reader.read_u8()?;
        let length = usize::try_from(reader.read_var_u32()?)?;
        let content = reader.read_bytes(length)?;
        if id == 0 {
            let mut content = BinaryReader::new(content, 0);
            let name = content.read_string()?.to_owned();
            let data = content.read_bytes(content.bytes_remaining())?.to_vec();
            sections.push(Section { name, start, end: HEAD + position(&reader)?, data });
        }
    }
    Ok(sections)
}

fn position(reader: &BinaryReader<'_>) -> Result<usize> {
    Ok(usize::try_from(reader.original_position())?)
}

/// Appends a custom section to a component.
pub fn append_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Component, Module};

    use super::*;

    #[test]
    fn sections_are_found_with_their_places() {
        let mut bytes = Component::new().finish();
        append_section(&mut bytes, "first", b"one");
        let middle = bytes.len();
        append_section(&mut bytes, "second", &[7; 300]);
        let outline = Outline::of(&bytes).unwrap();
        assert_eq!(outline.section("first"), Some(&b"one"[..]));
        let second = &outline.sections[1];
        assert_eq!((second.name.as_str(), second.start, second.end), ("second", middle, bytes.len()));
        assert_eq!(second.data, [7; 300]);
    }

    #[test]
    fn what_is_no_component_is_refused() {
        for bytes in [&b""[..], b"hello", &Module::new().finish()] {
            assert!(Outline::of(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_component_that_is_cut_off_is_refused() {
        let mut bytes = Component::new().finish();
        append_section(&mut bytes, "first", b"one");
        assert!(Outline::of(&bytes[..bytes.len() - 1]).is_err());
    }
}
