//! From parsed WIT to names and texts that can be compared.

use std::collections::BTreeMap;

use wit_parser::{
    Function, Handle, InterfaceId, PackageId, Resolve, Type, TypeDef, TypeDefKind, TypeOwner, WorldItem, WorldKey,
};

use crate::{Contract, Interface, World};

/// A type or a function: what it is, and its parts in order. Parts are fields, cases, parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `record`, `variant`, `func`, …; for what has no parts, all of it.
    pub kind: String,
    /// What a part is called, for a sentence.
    pub part: &'static str,
    /// Name and type.
    pub parts: Vec<(String, String)>,
}

pub fn contract(resolve: &Resolve, package: PackageId) -> Contract {
    let package = &resolve.packages[package];
    let interfaces = package.interfaces.iter().map(|(name, id)| (name.clone(), interface(resolve, *id)));
    let worlds = package.worlds.iter().map(|(name, id)| {
        let world = &resolve.worlds[*id];
        let (imports, exports) = (names(resolve, world.imports.iter()), names(resolve, world.exports.iter()));
        (name.clone(), World { imports, exports })
    });
    Contract { package: package.name.to_string(), interfaces: interfaces.collect(), worlds: worlds.collect() }
}

/// Functions that stand in a world itself count with their form, for nothing else names it.
fn names<'a>(resolve: &Resolve, items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>) -> Vec<String> {
    let mut names: Vec<String> = items
        .map(|(key, item)| {
            let name = resolve.name_world_key(key);
            match item {
                WorldItem::Function(f) => format!("{name}: {:?}", function(resolve, f)),
                _ => name,
            }
        })
        .collect();
    names.sort();
    names
}

fn interface(resolve: &Resolve, id: InterfaceId) -> Interface {
    let interface = &resolve.interfaces[id];
    let types = interface.types.iter().map(|(name, id)| (name.clone(), definition(resolve, &resolve.types[*id])));
    let functions = interface.functions.iter().map(|(name, f)| (name.clone(), function(resolve, f)));
    Interface { types: types.collect::<BTreeMap<_, _>>(), functions: functions.collect() }
}

fn function(resolve: &Resolve, function: &Function) -> Item {
    let mut parts: Vec<_> = function.params.iter().map(|p| (p.name.clone(), reference(resolve, &p.ty))).collect();
    // No parameter can be called this.
    parts.push(("->".to_owned(), optional(resolve, function.result.as_ref())));
    Item { kind: format!("{:?} function", function.kind), part: "parameter", parts }
}

fn definition(resolve: &Resolve, definition: &TypeDef) -> Item {
    let item = |kind: &str, part, parts| Item { kind: kind.to_owned(), part, parts };
    match &definition.kind {
        TypeDefKind::Record(record) => {
            item("record", "field", record.fields.iter().map(|f| (f.name.clone(), reference(resolve, &f.ty))).collect())
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|c| (c.name.clone(), optional(resolve, c.ty.as_ref())));
            item("variant", "case", cases.collect())
        }
        TypeDefKind::Enum(cases) => {
            item("enum", "case", cases.cases.iter().map(|c| (c.name.clone(), String::new())).collect())
        }
        TypeDefKind::Flags(flags) => {
            item("flags", "flag", flags.flags.iter().map(|f| (f.name.clone(), String::new())).collect())
        }
        other => item(&anonymous(resolve, other), "part", Vec::new()),
    }
}

fn optional(resolve: &Resolve, ty: Option<&Type>) -> String {
    ty.map_or_else(|| "_".to_owned(), |ty| reference(resolve, ty))
}

/// A named type by its name, wherever it was used from; another by its form.
fn reference(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return format!("{ty:?}").to_lowercase();
    };
    let definition = &resolve.types[*id];
    match (&definition.name, &definition.kind) {
        // `use` makes a name for a name. An alias of a plain type is the plain type to a component.
        (_, TypeDefKind::Type(other)) => reference(resolve, other),
        (Some(name), _) => match definition.owner {
            TypeOwner::Interface(owner) => {
                format!("{}.{name}", resolve.id_of(owner).unwrap_or_else(|| "(inline)".to_owned()))
            }
            TypeOwner::World(_) | TypeOwner::None => name.clone(),
        },
        (None, kind) => anonymous(resolve, kind),
    }
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let one = |ty| reference(resolve, ty);
    match kind {
        TypeDefKind::Type(ty) => one(ty),
        TypeDefKind::Option(ty) => format!("option<{}>", one(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", one(ty)),
        TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", one(ty)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", one(key), one(value)),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", tuple.types.iter().map(one).collect::<Vec<_>>().join(", ")),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", optional(resolve, result.ok.as_ref()), optional(resolve, result.err.as_ref()))
        }
        TypeDefKind::Future(ty) => format!("future<{}>", optional(resolve, ty.as_ref())),
        TypeDefKind::Stream(ty) => format!("stream<{}>", optional(resolve, ty.as_ref())),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", one(&Type::Id(*id))),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", one(&Type::Id(*id))),
        TypeDefKind::Record(_)
        | TypeDefKind::Variant(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Flags(_)
        | TypeDefKind::Resource
        | TypeDefKind::Unknown => kind.as_str().to_owned(),
    }
}
