//! A look at the shape of a component before it is compiled: linear in its bytes, and compiles nothing.
//!
//! The compiler's time and memory grow faster than its input where one function has many locals and many blocks. Such a function is
//! refused with its figures. What passes is still compiled under bounds ([`super::pool`]); this only refuses the obvious early.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// Bytes of one function. The largest one in CPython has 417 KiB.
const FUNCTION_BYTES: usize = 1 << 20;

/// Locals of one function times its blocks. The largest product in StarlingMonkey is 0.4 million.
const LOCALS_TIMES_BLOCKS: u64 = 4_000_000;

/// Functions of all modules together. CPython and StarlingMonkey have 13,000.
const FUNCTIONS: u64 = 50_000;

/// Types of all modules and components together. CPython has 1,500.
const TYPES: u64 = 20_000;

/// Modules and components together. Python is linked from some twenty.
const MODULES: u32 = 256;

/// Components and modules inside each other.
const DEPTH: usize = 8;

/// Blocks inside each other in one function. CPython has 781.
const NESTING: u32 = 2_000;

/// Why a component is not worth the compiler's time; nothing if it is.
pub(crate) fn check(component: &[u8]) -> Result<(), String> {
    let (mut depth, mut modules, mut functions, mut types) = (0_usize, 0_u32, 0_u64, 0_u64);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| e.to_string())? {
            Payload::Version { .. } => {
                (depth, modules) = (depth + 1, modules + 1);
                at_most(u64::from(modules), u64::from(MODULES), "modules")?;
                at_most(depth as u64, DEPTH as u64, "levels of modules inside each other")?;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::TypeSection(section) => types += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => types += u64::from(section.count()),
            Payload::CoreTypeSection(section) => types += u64::from(section.count()),
            Payload::CodeSectionEntry(body) => {
                functions += 1;
                function(&body, functions)?;
            }
            _ => {}
        }
        at_most(functions, FUNCTIONS, "functions")?;
        at_most(types, TYPES, "types")?;
    }
    Ok(())
}

fn function(body: &FunctionBody<'_>, number: u64) -> Result<(), String> {
    let size = body.as_bytes().len();
    if size > FUNCTION_BYTES {
        return Err(format!("its function {number} has {size} bytes; at most {FUNCTION_BYTES} are compiled"));
    }
    let mut locals = 0_u64;
    for group in body.get_locals_reader().map_err(|e| e.to_string())? {
        locals = locals.saturating_add(u64::from(group.map_err(|e| e.to_string())?.0));
    }
    // A block takes two bytes at least, so most functions need no counting.
    if locals.saturating_mul(size as u64 / 2) <= LOCALS_TIMES_BLOCKS && size <= NESTING as usize {
        return Ok(());
    }
    let (blocks, nesting) = blocks(body)?;
    let product = locals.saturating_mul(blocks);
    if product > LOCALS_TIMES_BLOCKS {
        return Err(format!(
            "its function {number} has {locals} locals and {blocks} blocks; their product may be at most {LOCALS_TIMES_BLOCKS}"
        ));
    }
    at_most(u64::from(nesting), u64::from(NESTING), "blocks inside each other in one function")
}

/// How many blocks a function has, and how deep they lie inside each other.
fn blocks(body: &FunctionBody<'_>) -> Result<(u64, u32), String> {
    let (mut blocks, mut depth, mut deepest) = (0_u64, 0_u32, 0_u32);
    let mut operators = body.get_operators_reader().map_err(|e| e.to_string())?;
    while !operators.eof() {
        match operators.read().map_err(|e| e.to_string())? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                (blocks, depth) = (blocks + 1, depth.saturating_add(1));
                deepest = deepest.max(depth);
            }
            Operator::End => depth = depth.saturating_sub(1),
            // Each target is an edge of the control flow as a block is.
            Operator::BrTable { targets } => blocks += u64::from(targets.len()),
            Operator::BrIf { .. } | Operator::Else => blocks += 1,
            _ => {}
        }
    }
    Ok((blocks, deepest))
}

fn at_most(n: u64, limit: u64, what: &str) -> Result<(), String> {
    match n <= limit {
        true => Ok(()),
        false => Err(format!("it has {n} {what}; at most {limit} are compiled")),
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        BlockType, CodeSection, Component, Function, FunctionSection, Module, ModuleSection, TypeSection, ValType,
    };

    use super::*;

    fn component(locals: u32, blocks: usize) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut body = Function::new([(locals, ValType::I32)]);
        for _ in 0..blocks {
            body.instructions().block(BlockType::Empty).end();
        }
        body.instructions().end();
        let mut code = CodeSection::new();
        code.function(&body);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component.finish()
    }

    #[test]
    fn a_function_of_many_locals_and_many_blocks_is_refused_with_its_figures() {
        let reason = check(&component(4_000, 2_000)).unwrap_err();
        assert!(reason.contains("4000 locals and 2000 blocks"), "{reason}");
        assert_eq!(check(&component(10, 2_000)), Ok(()));
        assert_eq!(check(&component(4_000, 10)), Ok(()));
    }

    #[test]
    fn components_inside_each_other_without_end_are_refused() {
        let mut inner = Component::new();
        for _ in 0..2 * DEPTH {
            let mut outer = Component::new();
            outer.section(&wasm_encoder::NestedComponentSection(&inner));
            inner = outer;
        }
        assert!(check(&inner.finish()).unwrap_err().contains("inside each other"));
    }
}
