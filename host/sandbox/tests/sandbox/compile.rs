//! Compilation happens in a child that is bounded, and nothing else waits for it.

use std::sync::Arc;
use std::time::Duration;

use jackfield_sandbox::{
    CompileBounds, CompileLimits, Compiler, LoadError, Sandbox, SandboxOptions, manifest::SECTION,
};
use wasm_encoder::{
    BlockType, CodeSection, Component, CustomSection, Function, FunctionSection, Module, ModuleSection, TypeSection,
    ValType,
};

use crate::fixture::{binding, component, signed};

/// A sandbox that compiles in a child as the host does.
fn sandbox(cpu: Duration, memory_mib: u64) -> Sandbox {
    let compiler = Compiler::Child { program: env!("CARGO_BIN_EXE_jackfield-compile").into(), args: Vec::new() };
    let bounds = CompileBounds { cpu, memory_bytes: memory_mib << 20 };
    let compile_limits = CompileLimits { base: bounds, per_mib: CompileBounds::new(0, 0) };
    Sandbox::new(SandboxOptions { instances: 2, compiler, compile_limits, ..SandboxOptions::default() }).unwrap()
}

/// Loops inside each other that all write all locals: every loop has to carry every local, so the work grows with their product and more.
fn bomb(id: &str, loops: usize, locals: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut body = Function::new([(locals, ValType::I32)]);
    let mut code = body.instructions();
    for n in 0..loops {
        let local = 1 + u32::try_from(n).unwrap() % locals;
        code.loop_(BlockType::Empty).local_get(0).local_get(local).i32_add().local_set(local);
    }
    for n in 0..loops {
        let depth = u32::try_from(n).unwrap();
        let local = 1 + depth * 7 % locals;
        code.local_get(local).local_get(1 + depth * 3 % locals).i32_xor().local_tee(local);
        code.br_if(0).local_get(local).br_if((u32::try_from(loops).unwrap() - depth - 1).min(40)).end();
    }
    code.local_get(1).end();
    let mut section = CodeSection::new();
    section.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&section);
    let manifest =
        format!("id = {id:?}\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"Bomb\"\ndescription = \"Bomb.\"");
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.section(&CustomSection { name: SECTION.into(), data: manifest.as_bytes().into() });
    component.finish()
}

async fn refused(sandbox: &Sandbox, component: Vec<u8>) -> String {
    match sandbox.load(component).await.map(|_| ()).unwrap_err() {
        LoadError::CompileBounds(reason) => reason,
        other => panic!("{other}"),
    }
}

/// The most memory that this process ever had, bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

#[tokio::test]
async fn what_a_child_compiles_runs() {
    let connector = sandbox(Duration::from_secs(60), 1_024).load(component("hostile")).await.unwrap();
    let call = connector.bind(binding("verifies")).unwrap().receive(signed("x")).await.unwrap();
    assert!(call.result.is_ok());
}

#[tokio::test]
async fn a_bomb_is_refused_by_its_shape_before_anything_is_compiled() {
    let reason = refused(&sandbox(Duration::from_secs(60), 1_024), bomb("bomb", 5_000, 5_000)).await;
    assert!(reason.contains("locals"), "{reason}");
}

#[tokio::test]
async fn a_bomb_that_takes_too_long_is_ended_and_others_are_compiled_meanwhile() {
    let sandbox = Arc::new(sandbox(Duration::from_secs(3), 4_096));
    let before = peak();
    let bombs: Vec<_> = (0..3)
        .map(|_| {
            let sandbox = Arc::clone(&sandbox);
            tokio::spawn(async move { refused(&sandbox, bomb("bomb", 1_100, 1_150)).await })
        })
        .collect();
    // The bombs are of one connector, so they come one after the other, and this one does not wait for them.
    sandbox.load(component("intruder")).await.unwrap();
    assert!(bombs.iter().any(|bomb| !bomb.is_finished()), "a harmless component waited for all bombs");
    for bomb in bombs {
        let reason = bomb.await.unwrap();
        assert!(reason.contains("3 s of CPU time"), "{reason}");
    }
    assert!(peak() < before + (256 << 20), "the bombs were felt here");
}

#[tokio::test]
async fn a_bomb_that_takes_too_much_memory_is_ended() {
    let reason = refused(&sandbox(Duration::from_secs(60), 96), bomb("bomb", 1_100, 1_150)).await;
    assert!(reason.contains("96 MiB of memory"), "{reason}");
}

#[tokio::test]
async fn what_is_no_component_is_told_as_the_compilers_words() {
    let mut broken = bomb("bomb", 2, 2);
    let at = broken.windows(2).position(|pair| pair == [0x03, 0x40]).unwrap();
    broken[at + 1] = 0x41;
    let error = sandbox(Duration::from_secs(60), 1_024).load(broken).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, LoadError::Compile(_) | LoadError::CompileBounds(_)), "{error}");
}
