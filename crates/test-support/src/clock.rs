use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A clock that can be moved while the programs that read it run, by libfaketime. Only what time
/// of day it is moves: how long something takes is measured by another clock, as on a real machine
/// whose time somebody sets.
#[derive(Debug)]
pub struct MovableClock {
    library: PathBuf,
    offset: NamedTempFile,
}

impl MovableClock {
    /// A clock that is right.
    ///
    /// # Panics
    ///
    /// When there is no libfaketime.
    #[must_use]
    pub fn new() -> Self {
        let offset = NamedTempFile::new().expect("a temporary file can be made");
        let clock = Self { library: library(), offset };
        clock.move_to(0);
        clock
    }

    /// So many seconds ahead of the true time, or behind it.
    ///
    /// # Panics
    ///
    /// When its file cannot be written.
    pub fn move_to(&self, seconds: i64) {
        // Programs read it at any moment: it must never be there by halves.
        let next = self.offset.path().with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).expect("a temporary file can be written");
        std::fs::rename(next, self.offset.path()).expect("a temporary file can be replaced");
    }

    /// Variables of a program that goes by this clock.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let file = self.offset.path().display().to_string();
        vec![
            // With the C library's `malloc`: that of a Redis with jemalloc reads the clock before
            // the library is ready for that.
            ("LD_PRELOAD", format!("{} libc.so.6", self.library.display())),
            ("FAKETIME_TIMESTAMP_FILE", file),
            // Looked at again at each reading of the clock.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

impl Default for MovableClock {
    fn default() -> Self {
        Self::new()
    }
}

/// `FAKETIME_LIB`, else where `make` puts it.
#[expect(clippy::disallowed_methods, reason = "the test script names programs by variables")]
fn library() -> PathBuf {
    if let Some(library) = std::env::var_os("FAKETIME_LIB") {
        return library.into();
    }
    let made =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.services/faketime/libfaketimeMT.so.1");
    assert!(
        made.exists(),
        "no libfaketime: set FAKETIME_LIB to its path, or run `make test`, which gets it"
    );
    made
}
