use std::path::Path;

/// Calls a fuzz target with each file of its corpus, of which there are `files` at least.
///
/// # Panics
///
/// When `target` does, or when there are fewer.
pub fn replay_corpus(corpus: &str, files: usize, mut target: impl FnMut(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
    let mut replayed = 0;
    for file in std::fs::read_dir(&folder).expect("there is a corpus") {
        let file = file.expect("the corpus can be listed").path();
        target(&std::fs::read(file).expect("the corpus can be read"));
        replayed += 1;
    }
    assert!(replayed >= files, "{} has {replayed} files", folder.display());
}
