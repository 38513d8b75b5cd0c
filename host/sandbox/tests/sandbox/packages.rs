//! What is loaded, and what is refused before it runs.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use jackfield_sandbox::{LoadError, Manifest, ManifestError, Sandbox, SandboxOptions, manifest::SECTION};
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentInstanceSection,
    ComponentSection, ComponentTypeRef, ComponentTypeSection, CustomSection, InstanceType,
};

use crate::fixture::{binding, component, hostile, sandbox, signed};

const MANIFEST: &str = r#"
    id = "small"
    version = "1"
    contract = "0.1.0"
    name = "Small"
    description = "Small."
"#;

fn with_manifest(mut component: Component) -> Vec<u8> {
    component.section(&CustomSection { name: SECTION.into(), data: MANIFEST.as_bytes().into() });
    component.finish()
}

fn importing(name: &str) -> Vec<u8> {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut imports = ComponentImportSection::new();
    imports.import(name, ComponentTypeRef::Instance(0));
    component.section(&imports);
    with_manifest(component)
}

async fn refused(bytes: Vec<u8>) -> LoadError {
    sandbox().load(bytes).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_loaded_connector_says_what_it_is() {
    let connector = hostile().await;
    assert_eq!(connector.manifest().name, "Hostile");
    assert_eq!(connector.digest().len(), 64);
    assert_eq!(connector.source().digest, connector.digest());
    assert!(connector.interfaces().send && connector.interfaces().configure);
}

#[tokio::test]
async fn what_is_not_a_component_is_refused() {
    for bytes in [b"hello".to_vec(), Vec::new(), wasm_encoder::Module::new().finish()] {
        assert!(matches!(refused(bytes).await, LoadError::Manifest(ManifestError::NotAComponent(_))));
    }
}

#[tokio::test]
async fn a_truncated_component_is_refused() {
    let whole = component("hostile");
    for keep in [8, 1_000, whole.len() / 2, whole.len() - 1] {
        assert!(sandbox().load(whole[..keep].to_vec()).await.is_err(), "{keep}");
    }
}

#[tokio::test]
async fn a_second_manifest_is_refused() {
    let mut bytes = component("hostile");
    CustomSection { name: SECTION.into(), data: MANIFEST.as_bytes().into() }.append_to_component(&mut bytes);
    assert!(matches!(refused(bytes).await, LoadError::Manifest(ManifestError::Repeated)));
}

#[tokio::test]
async fn an_import_that_nobody_offers_is_named() {
    for name in ["wasi:keyvalue/store@0.2.0", "jackfield:connector/root@0.1.0", "wasi:http/outgoing-handler@0.3.0"] {
        let error = refused(importing(name)).await;
        assert!(matches!(&error, LoadError::Import(import) if import == name), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_component_without_the_exports_of_a_connector_is_refused() {
    let error = refused(with_manifest(Component::new())).await;
    assert!(matches!(&error, LoadError::Export(what) if what.contains("jackfield:connector/identity")), "{error}");
}

/// A component that exports an instance of this name.
fn exporting(name: &str) -> Vec<u8> {
    let mut component = Component::new();
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    component.section(&instances);
    let mut exports = ComponentExportSection::new();
    exports.export(name, ComponentExportKind::Instance, 0, None);
    component.section(&exports);
    with_manifest(component)
}

#[tokio::test]
async fn a_component_of_another_contract_is_refused_with_what_to_do_whatever_its_manifest_says() {
    for component in [
        exporting("jackfield:connector/receive@0.2.0"),
        importing("jackfield:connector/state@0.2.0"),
        importing("jackfield:connector/log@1.0.0"),
        exporting("jackfield:connector/poll@0.10.0"),
    ] {
        let error = refused(component).await;
        let LoadError::Contract { interface, found, known } = &error else { panic!("{error}") };
        assert!(interface.ends_with(found.as_str()) && *known == "0.1.0", "{error:?}");
        assert!(
            error.to_string().contains("Use a newer Jackfield, or build the connector with an SDK of version 0.1.0")
        );
    }
}

#[tokio::test]
async fn a_manifest_of_another_contract_is_refused_with_what_to_do() {
    for version in ["0.9", "0.2.0", "1.0.0", "0.1", "", "latest"] {
        let mut component = Component::new();
        let manifest = MANIFEST.replace("0.1.0", version) + "\nnovelty = 1\n";
        component.section(&CustomSection { name: SECTION.into(), data: manifest.as_bytes().into() });
        let error = refused(component.finish()).await;
        assert!(
            matches!(&error, LoadError::Manifest(ManifestError::Contract { found, .. }) if found == version),
            "{error}"
        );
        assert!(error.to_string().contains("Use a newer Jackfield"), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_nothing_could_come_in_through_is_refused() {
    let error = refused(exporting("jackfield:connector/identity@0.1.0")).await;
    assert!(matches!(error, LoadError::Export(_)), "{error}");
}

#[tokio::test]
async fn the_manifests_of_this_repository_are_accepted() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors");
    let mut seen = 0;
    for connector in fs::read_dir(folder).unwrap() {
        let path = connector.unwrap().path().join("connector.toml");
        if path.exists() {
            let text = fs::read_to_string(&path).unwrap();
            Manifest::from_toml(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            seen += 1;
        }
    }
    assert!(seen > 0);
}

fn cached(folder: &std::path::Path) -> Sandbox {
    Sandbox::new(SandboxOptions { cache_dir: Some(folder.to_owned()), instances: 2, ..SandboxOptions::default() })
        .unwrap()
}

fn only_file(folder: &std::path::Path) -> std::path::PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[tokio::test]
async fn a_compiled_component_is_kept_for_the_host_alone_and_used_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("compiled");
    cached(&folder).load(component("hostile")).await.unwrap();
    let file = only_file(&folder);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::metadata(&file).unwrap().ino();

    let connector = cached(&folder).load(component("hostile")).await.unwrap();
    assert_eq!(fs::metadata(only_file(&folder)).unwrap().ino(), written, "it was compiled again");
    let channel = connector.bind(binding("verifies")).unwrap();
    assert!(channel.receive(signed("x")).await.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_damaged_compiled_component_is_compiled_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("compiled");
    cached(&folder).load(component("hostile")).await.unwrap();
    let file = only_file(&folder);
    let whole = fs::read(&file).unwrap();
    let flipped: Vec<u8> = whole.iter().enumerate().map(|(n, byte)| byte ^ u8::from(n == whole.len() / 2)).collect();
    for damaged in [flipped, whole[..whole.len() / 2].to_vec(), Vec::new()] {
        fs::write(&file, &damaged).unwrap();
        cached(&folder).load(component("hostile")).await.unwrap();
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("compiled");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let error = Sandbox::new(SandboxOptions { cache_dir: Some(folder), instances: 2, ..SandboxOptions::default() })
        .unwrap_err();
    assert!(error.to_string().contains("mode 700"), "{error}");
}
