//! A component that is small, valid, and takes a compiler hours: loops within loops, each of which changes every local, so that the
//! compiler has to think of each local at the head of each loop.

use anyhow::Result;
use wasm_encoder::{BlockType, CodeSection, Function, FunctionSection, Instruction, Module, TypeSection, ValType};

use crate::versions;

/// Locals, and loops within each other. Their product is the work.
const LOCALS: u32 = 3_000;
const LOOPS: u32 = 1_000;

/// The bomb: a good connector with one more module in it. `n` makes it another one each time.
pub fn component(n: usize) -> Result<Vec<u8>> {
    let mut component = versions::version(&format!("good-{n}"))?;
    let module = module();
    // A section of a component with a module in it.
    component.push(1);
    leb(&mut component, module.len());
    component.extend_from_slice(&module);
    Ok(component)
}

fn module() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut function = Function::new([(LOCALS, ValType::I64)]);
    for _ in 0..LOOPS {
        function.instruction(&Instruction::Loop(BlockType::Empty));
    }
    for local in 0..LOCALS {
        function.instruction(&Instruction::LocalGet(local));
        function.instruction(&Instruction::LocalGet((local + 1) % LOCALS));
        function.instruction(&Instruction::I64Add);
        function.instruction(&Instruction::LocalSet(local));
    }
    for _ in 0..LOOPS {
        function.instruction(&Instruction::LocalGet(0));
        function.instruction(&Instruction::I32WrapI64);
        function.instruction(&Instruction::BrIf(0));
        function.instruction(&Instruction::End);
    }
    function.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn leb(into: &mut Vec<u8>, mut number: usize) {
    loop {
        // Seven bits of it.
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            into.push(low);
            return;
        }
        into.push(low | 0x80);
    }
}
