//! Which folder of a crate may use which, and that no files use each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::sources::Sources;

/// The folders and files at the root of a crate's `src`, a rung each line: what stands on a rung may
/// use what stands on rungs below, and nothing beside it or above.
const LADDERS: &[(&str, &[&str])] = &[];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a file belongs to at the root of `src`: its folder, or itself.
fn room(file: &Path) -> String {
    let first = Path::new(file.components().next().unwrap().as_os_str());
    first.with_extension("").to_str().unwrap().to_owned()
}

#[test]
fn a_folder_uses_only_what_stands_below_it() {
    for (name, ladder) in LADDERS {
        let sources = Sources::read(&crates().join(name));
        let rungs: BTreeMap<&str, usize> = ladder
            .iter()
            .enumerate()
            .flat_map(|(rung, rooms)| rooms.split(' ').map(move |room| (room, rung)))
            .collect();
        let rooms: BTreeSet<String> = sources.files().into_iter().map(room).collect();
        let listed: BTreeSet<String> = rungs.keys().map(ToString::to_string).collect();
        assert_eq!(rooms, listed, "the rooms of `{name}` and its ladder");

        for (user, used) in sources.uses() {
            let (from, to) = (room(user), room(used));
            assert!(
                from == to || rungs[from.as_str()] < rungs[to.as_str()],
                "{name}: {} uses {}, which does not stand below it",
                user.display(),
                used.display()
            );
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for entry in std::fs::read_dir(crates()).unwrap() {
        let name = entry.unwrap().file_name();
        let sources = Sources::read(&crates().join(&name));
        let uses = sources.uses();
        let files = sources.files().into_iter().filter_map(|file| circle(file, &uses));
        circles.extend(files.map(|way| format!("{}: {}", name.display(), in_words(&way))));
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

fn in_words(way: &[&Path]) -> String {
    let files: Vec<_> = way.iter().map(|file| file.display().to_string()).collect();
    files.join(" → ")
}

/// The shortest way from a file back to itself.
fn circle<'a>(file: &'a Path, uses: &BTreeSet<(&'a Path, &'a Path)>) -> Option<Vec<&'a Path>> {
    let mut ways = vec![vec![file]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for (_, used) in uses.iter().filter(|(user, _)| user == way.last().unwrap()) {
                if *used == file {
                    return Some(way);
                }
                if seen.insert(*used) {
                    longer.push([way.as_slice(), &[*used]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
#[ignore = "prints"]
fn print_rooms() {
    for entry in std::fs::read_dir(crates()).unwrap() {
        let name = entry.unwrap().file_name();
        let sources = Sources::read(&crates().join(&name));
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (user, used) in sources.uses() {
            if room(user) != room(used) {
                arrows.entry(room(user)).or_default().insert(room(used));
            }
        }
        println!("== {}", name.display());
        for (from, to) in arrows {
            println!("{from}: {to:?}");
        }
    }
}
