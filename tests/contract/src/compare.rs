//! What became of the old in the new.

use std::collections::BTreeMap;

use crate::shape::Item;
use crate::{Change, Contract, Interface, World};

pub fn contracts(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    if old.package != new.package {
        changes
            .breaks(format!("the package {} became {}; another version is another package", old.package, new.package));
    }
    each(&old.interfaces, &new.interfaces, |name, pair| match pair {
        Pair::Both(old, new) => changes.interface(name, old, new),
        Pair::Gone => changes.breaks(format!("the interface {name} was removed")),
        Pair::New => changes.fine(format!("the interface {name} is new")),
    });
    each(&old.worlds, &new.worlds, |name, pair| match pair {
        Pair::Both(old, new) => changes.world(name, old, new),
        Pair::Gone => changes.breaks(format!("the world {name} was removed")),
        Pair::New => changes.fine(format!("the world {name} is new")),
    });
    changes.0
}

enum Pair<'a, T> {
    Both(&'a T, &'a T),
    Gone,
    New,
}

fn each<T>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>, mut see: impl FnMut(&str, Pair<'_, T>)) {
    for (name, was) in old {
        see(name, new.get(name).map_or(Pair::Gone, |is| Pair::Both(was, is)));
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        see(name, Pair::New);
    }
}

struct Changes(Vec<Change>);

impl Changes {
    fn breaks(&mut self, what: String) {
        self.0.push(Change { breaks: true, what });
    }

    fn fine(&mut self, what: String) {
        self.0.push(Change { breaks: false, what });
    }

    fn interface(&mut self, interface: &str, old: &Interface, new: &Interface) {
        each(&old.types, &new.types, |name, pair| match pair {
            Pair::Both(old, new) => self.item(&format!("{interface}.{name}"), old, new),
            Pair::Gone => self.breaks(format!("{interface}.{name}: the type was removed")),
            Pair::New => self.fine(format!("{interface}.{name}: the type is new")),
        });
        each(&old.functions, &new.functions, |name, pair| match pair {
            Pair::Both(old, new) => self.item(&format!("{interface}.{name}"), old, new),
            Pair::Gone => self.breaks(format!("{interface}.{name}: the function was removed")),
            // An old host lacks it, and an old component does not have it.
            Pair::New => {
                self.breaks(format!(
                    "{interface}.{name}: a function was added to the interface; make a new interface of it"
                ));
            }
        });
    }

    fn item(&mut self, name: &str, old: &Item, new: &Item) {
        if old.kind != new.kind {
            return self.breaks(format!("{name}: {} became {}", old.kind, new.kind));
        }
        let (kind, part) = (&old.kind, old.part);
        for (at, (field, was)) in old.parts.iter().enumerate() {
            match new.parts.iter().position(|(other, _)| other == field) {
                None => self.breaks(format!("{name}: the {part} {field} was removed from the {kind}")),
                Some(now) if new.parts[now].1 != *was => {
                    let is = &new.parts[now].1;
                    self.breaks(format!("{name}: the {part} {field} of the {kind} was {was} and became {is}"));
                }
                Some(now) if now != at && new.parts.len() == old.parts.len() => {
                    self.breaks(format!("{name}: the {part} {field} of the {kind} has another place"));
                }
                Some(_) => {}
            }
        }
        for (field, _) in new.parts.iter().filter(|(field, _)| old.parts.iter().all(|(other, _)| other != field)) {
            self.breaks(format!("{name}: the {part} {field} was added to the {kind}"));
        }
    }

    fn world(&mut self, world: &str, old: &World, new: &World) {
        for (word, old, new) in [("import", &old.imports, &new.imports), ("export", &old.exports, &new.exports)] {
            for gone in old.iter().filter(|name| !new.contains(name)) {
                self.breaks(format!("the world {world} does not {word} {gone} any more"));
            }
            for more in new.iter().filter(|name| !old.contains(name)) {
                self.fine(format!("the world {world} {word}s {more}"));
            }
        }
    }
}
