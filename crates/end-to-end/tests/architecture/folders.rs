//! Which folder of a crate may use which, and that no files use each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::sources::Sources;

/// The layers of a crate's `src`, top down: the folders and files at its root. A layer may use those
/// below it, and nothing in it may use its neighbours in the same layer.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "producer",
        &[
            "lib",
            "commands",
            "server watch plan verify dataloader",
            "check",
            "import",
            "org report",
            "cli",
        ],
    ),
    (
        "consumer",
        &[
            "lib",
            "run",
            "start workers metrics",
            "commands delivery",
            "plan throttle shutdown counters",
            "config error",
            "retry",
        ],
    ),
    (
        "job-queue",
        &[
            "lib",
            "queue shared",
            "ledger",
            "redis reason",
            "args failpoint metrics",
            "refusal",
            "error",
        ],
    ),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a file belongs to at the root of `src`: its folder, or itself.
fn module_of(file: &Path) -> String {
    let first = Path::new(file.components().next().unwrap().as_os_str());
    first.with_extension("").to_str().unwrap().to_owned()
}

#[test]
fn a_folder_uses_only_lower_layers() {
    for (name, layers) in LAYERS {
        let sources = Sources::read(&crates().join(name));
        let depths: BTreeMap<&str, usize> = layers
            .iter()
            .enumerate()
            .flat_map(|(depth, modules)| modules.split(' ').map(move |module| (module, depth)))
            .collect();
        let modules: BTreeSet<String> = sources.files().into_iter().map(module_of).collect();
        let listed: BTreeSet<String> = depths.keys().map(ToString::to_string).collect();
        assert_eq!(modules, listed, "the modules of `{name}` and its layers");

        for (user, used) in sources.uses() {
            let (from, to) = (module_of(user), module_of(used));
            assert!(
                from == to || depths[from.as_str()] < depths[to.as_str()],
                "{name}: {} uses {}, which is in no lower layer",
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
