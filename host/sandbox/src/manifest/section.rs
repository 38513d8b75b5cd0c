//! Looks through a component's bytes, without compiling or running them.

use wasmparser::{CanonicalFunction, Encoding, Parser, Payload};

use super::{Manifest, ManifestError, SECTION};

/// The largest manifest. It is mostly a schema; the connectors in this repository have 3 KiB.
const MANIFEST_BYTES: usize = 64 << 10;

impl Manifest {
    /// Reads the manifest out of a component, without running it.
    ///
    /// # Errors
    ///
    /// A sentence that says what to mend.
    pub fn from_component(component: &[u8]) -> Result<Self, ManifestError> {
        Self::from_toml(manifest(component)?)
    }
}

/// The text of the manifest in a component. Refuses what is not a component, and components with resources of their own.
pub(crate) fn manifest(component: &[u8]) -> Result<&str, ManifestError> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| ManifestError::NotAComponent(e.to_string()))? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding != Encoding::Component {
                    return Err(ManifestError::NotAComponent("it is a core module".to_owned()));
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            // Only the outermost component speaks for itself.
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                found.push(section.data());
            }
            // The table of a guest's own resources lies in the host and no bound covers it. No connector needs one.
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    let function = function.map_err(|e| ManifestError::NotAComponent(e.to_string()))?;
                    if let CanonicalFunction::ResourceNew { .. } = function {
                        return Err(ManifestError::OwnResources);
                    }
                }
            }
            _ => {}
        }
    }
    let data = match found.as_slice() {
        [] => return Err(ManifestError::Missing),
        [data] => *data,
        _ => return Err(ManifestError::Repeated),
    };
    if data.len() > MANIFEST_BYTES {
        return Err(ManifestError::TooLarge { bytes: data.len(), limit: MANIFEST_BYTES });
    }
    std::str::from_utf8(data).map_err(|_| ManifestError::Invalid("it is not UTF-8".to_owned()))
}

/// An interface of the contract that a component imports or exports in a version which this host does not know, with that version.
pub(crate) fn foreign_contract(component: &[u8]) -> Result<Option<(String, String)>, ManifestError> {
    let broken = |e: wasmparser::BinaryReaderError| ManifestError::NotAComponent(e.to_string());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let mut names = Vec::new();
        match payload.map_err(broken)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // Inside, a toolchain may name things as it likes.
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    names.push(import.map_err(broken)?.name.full_name().into_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    names.push(export.map_err(broken)?.name.full_name().into_owned());
                }
            }
            _ => {}
        }
        let foreign = names.into_iter().find_map(|name| {
            let (_, version) = name.strip_prefix("jackfield:connector/")?.split_once('@')?;
            (!super::parse::is_known(version)).then(|| (name.clone(), version.to_owned()))
        });
        if foreign.is_some() {
            return Ok(foreign);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    use super::*;

    fn section(text: &[u8]) -> CustomSection<'_> {
        CustomSection { name: SECTION.into(), data: text.into() }
    }

    #[test]
    fn the_section_of_the_outermost_component_is_found() {
        let mut component = Component::new();
        let mut inner = Module::new();
        inner.section(&section(b"inner"));
        component.section(&ModuleSection(&inner));
        component.section(&section(b"id = 1"));
        assert_eq!(manifest(&component.finish()).unwrap(), "id = 1");
    }

    #[test]
    fn a_section_of_an_inner_module_does_not_count() {
        let mut component = Component::new();
        let mut inner = Module::new();
        inner.section(&section(b"inner"));
        component.section(&ModuleSection(&inner));
        assert!(matches!(manifest(&component.finish()), Err(ManifestError::Missing)));
    }

    #[test]
    fn two_sections_are_refused() {
        let mut component = Component::new();
        component.section(&section(b"a"));
        component.section(&section(b"b"));
        assert!(matches!(manifest(&component.finish()), Err(ManifestError::Repeated)));
    }

    #[test]
    fn what_is_not_a_component_is_refused() {
        for bytes in [&b""[..], b"hello", &Module::new().finish()] {
            assert!(matches!(manifest(bytes), Err(ManifestError::NotAComponent(_))), "{bytes:?}");
        }
    }

    #[test]
    fn a_manifest_without_end_is_refused() {
        let long = vec![b'#'; MANIFEST_BYTES + 1];
        let mut component = Component::new();
        component.section(&section(&long));
        assert!(matches!(manifest(&component.finish()), Err(ManifestError::TooLarge { .. })));
    }

    #[test]
    fn a_component_with_resources_of_its_own_is_refused() {
        let mut component = Component::new();
        let mut types = wasm_encoder::ComponentTypeSection::new();
        types.resource(wasm_encoder::ValType::I32, None);
        component.section(&types);
        let mut functions = wasm_encoder::CanonicalFunctionSection::new();
        functions.resource_new(0);
        component.section(&functions);
        component.section(&section(b"id = 1"));
        assert!(matches!(manifest(&component.finish()), Err(ManifestError::OwnResources)));
    }
}
