//! Which file of a crate uses which other, read from its sources.
//!
//! A path counts where the item stands that it leads to: what a module hands on with `pub use` is
//! followed to its file, and handing on is no use. Code for tests and for fuzzing does not count,
//! and neither do paths within macros.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// A module's place: the names from the crate's root to it.
type Place = Vec<String>;

/// The modules of a crate.
pub(crate) struct Sources {
    modules: BTreeMap<Place, Module>,
}

struct Module {
    /// From the crate's `src`.
    file: PathBuf,
    /// What it imports or hands on: the name here, and the path to it.
    names: BTreeMap<String, Vec<String>>,
    /// What it imports or hands on with a star.
    stars: Vec<Vec<String>>,
    /// Paths that its code is made of, imports included.
    paths: BTreeSet<Vec<String>>,
}

impl Sources {
    /// Reads a crate, from `lib.rs` on.
    pub(crate) fn read(krate: &Path) -> Self {
        let mut sources = Self { modules: BTreeMap::new() };
        sources.add(&krate.join("src"), Path::new("lib.rs"), Place::new());
        sources
    }

    /// Every file, from the crate's `src`.
    pub(crate) fn files(&self) -> BTreeSet<&Path> {
        self.modules.values().map(|module| module.file.as_path()).collect()
    }

    /// (user, used) for files that use another.
    pub(crate) fn uses(&self) -> BTreeSet<(&Path, &Path)> {
        let of_module = |(place, module): (&Place, &'_ Module)| {
            let user = self.modules[place].file.as_path();
            let used = module.paths.iter().filter_map(|path| self.file_of(place, path, 0));
            used.filter(|used| *used != user).map(|used| (user, used)).collect::<Vec<_>>()
        };
        self.modules.iter().flat_map(of_module).collect()
    }

    fn add(&mut self, src: &Path, file: &Path, place: Place) {
        let text = std::fs::read_to_string(src.join(file)).unwrap();
        let items = syn::parse_file(&text).unwrap().items;
        self.add_items(src, file, place, &items);
    }

    fn add_items(&mut self, src: &Path, file: &Path, place: Place, items: &[Item]) {
        let mut reader = Reader::default();
        for item in items {
            match item {
                Item::Mod(module) if is_for_tests(&module.attrs) => {}
                Item::Mod(module) => self.add_module(src, file, &place, module),
                item => reader.visit_item(item),
            }
        }
        let Reader { names, stars, paths } = reader;
        self.modules.insert(place, Module { file: file.to_owned(), names, stars, paths });
    }

    fn add_module(&mut self, src: &Path, file: &Path, place: &Place, module: &ItemMod) {
        let mut place = place.clone();
        place.push(module.ident.to_string());
        if let Some((_brace, items)) = &module.content {
            return self.add_items(src, file, place, items);
        }
        let folder = place.iter().collect::<PathBuf>();
        let file = [folder.with_extension("rs"), folder.join("mod.rs")];
        let file = file.into_iter().find(|file| src.join(file).exists()).unwrap();
        self.add(src, &file, place);
    }

    /// The file with the item that `path` means in the module at `place`; none for what is not of
    /// this crate, and for a module as a whole.
    fn file_of(&self, place: &Place, path: &[String], depth: usize) -> Option<&Path> {
        let (first, rest) = path.split_first()?;
        let module = &self.modules[place];
        match first.as_str() {
            _ if depth > 20 => None,
            "crate" => self.file_from(&Place::new(), rest, depth),
            "self" => self.file_from(place, rest, depth),
            "super" => self.file_of(
                &place[..place.len().checked_sub(1)?].to_vec(),
                &with_self(rest),
                depth,
            ),
            name if module.names.contains_key(name) => {
                let path = [&module.names[name], rest].concat();
                // A name that is imported from a crate of the same name.
                (path != *[&[name.to_owned()], rest].concat()).then_some(())?;
                self.file_of(place, &path, depth + 1)
            }
            name if self.is_module(place, name) => self.file_from(place, path, depth),
            _ => None,
        }
    }

    /// The same for a path from the module at `place`.
    fn file_from(&self, place: &Place, path: &[String], depth: usize) -> Option<&Path> {
        let (first, rest) = path.split_first()?;
        let module = &self.modules[place];
        if first == "super" {
            return self.file_of(place, path, depth);
        }
        if self.is_module(place, first) {
            return self.file_from(
                &[place.as_slice(), std::slice::from_ref(first)].concat(),
                rest,
                depth,
            );
        }
        if module.names.contains_key(first) {
            return self.file_of(place, path, depth + 1);
        }
        let by_star = |star: &Vec<String>| self.file_of(place, &[star, path].concat(), depth + 1);
        Some(module.stars.iter().find_map(by_star).unwrap_or(&module.file))
    }

    fn is_module(&self, place: &Place, name: &str) -> bool {
        self.modules.contains_key(&[place.as_slice(), &[name.to_owned()]].concat())
    }
}

fn with_self(rest: &[String]) -> Vec<String> {
    [&["self".to_owned()], rest].concat()
}

/// Whether what follows is compiled for tests or for fuzzing only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let condition = list.tokens.to_string();
                condition == "test"
                    || condition == "fuzzing"
                    || condition.starts_with("any (test")
                    || condition.starts_with("any(test")
            })
    })
}

/// Collects the paths of a module's items.
#[derive(Default)]
struct Reader {
    names: BTreeMap<String, Vec<String>>,
    stars: Vec<Vec<String>>,
    paths: BTreeSet<Vec<String>>,
}

impl Reader {
    fn add_tree(&mut self, tree: &UseTree, mut path: Vec<String>, hands_on: bool) {
        let (path, name) = match tree {
            UseTree::Path(of) => {
                path.push(of.ident.to_string());
                return self.add_tree(&of.tree, path, hands_on);
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.add_tree(tree, path.clone(), hands_on));
            }
            UseTree::Glob(_star) => {
                self.stars.push(path);
                return;
            }
            UseTree::Name(of) if of.ident == "self" => {
                let name = path.last().cloned();
                (path, name)
            }
            UseTree::Name(of) => {
                path.push(of.ident.to_string());
                (path, Some(of.ident.to_string()))
            }
            UseTree::Rename(of) => {
                path.push(of.ident.to_string());
                (path, Some(of.rename.to_string()))
            }
        };
        if !hands_on {
            self.paths.insert(path.clone());
        }
        self.names.extend(name.map(|name| (name, path)));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            let hands_on = !matches!(item.vis, Visibility::Inherited);
            self.add_tree(&item.tree, Vec::new(), hands_on);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string());
            self.paths.insert(names.collect());
        }
        visit::visit_path(self, path);
    }
}
