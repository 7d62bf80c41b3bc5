//! What is uploaded: a file, or standard input.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use tokio::sync::mpsc;

const PIECE_BYTES: u64 = 1 << 20;

/// Pieces that were read and not taken yet.
const PIECES_MAX: usize = 2;

/// The content, in pieces.
pub(super) struct Source {
    /// `None` for standard input.
    file: Option<OpenFile>,
    /// An empty piece is the end.
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    bytes_read: u64,
    path: PathBuf,
}

struct OpenFile {
    file: File,
    version: Version,
}

/// What shows that somebody wrote to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Source {
    /// Opens the file, or standard input for `-`, and begins to read.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it is none whose length is known.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let pieces = read_pieces(io::stdin());
            return Ok(Self { file: None, pieces, bytes_read: 0, path: path.to_owned() });
        }
        let words = || format!("{} cannot be read", shown(path));
        // Looked at before it is opened: opening a pipe waits for its writer.
        let found = path.metadata().with_context(words)?;
        if !found.is_file() {
            let path = shown(path);
            bail!("{path} is no regular file; to upload what a program writes, pipe it to -");
        }
        let file = File::open(path).with_context(words)?;
        let version = Version::of(&file.metadata().with_context(words)?);
        // A file that grows would have no end.
        let content = file.try_clone().with_context(words)?.take(version.bytes);
        let pieces = read_pieces(content);
        let file = Some(OpenFile { file, version });
        Ok(Self { file, pieces, bytes_read: 0, path: path.to_owned() })
    }

    /// Length of the content, when it is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.file.as_ref().map(|open| open.version.bytes)
    }

    /// `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        let piece = match self.pieces.recv().await {
            Some(piece) => piece,
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let piece = piece.with_context(|| match self.file {
            Some(_) => format!("{} cannot be read", shown(&self.path)),
            None => "standard input cannot be read".to_owned(),
        })?;
        self.bytes_read += piece.len() as u64;
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Refuses a file that somebody wrote to while it was read: what was read may be of two versions.
    pub(super) fn check_unchanged(&self) -> anyhow::Result<()> {
        let Some(OpenFile { file, version }) = &self.file else { return Ok(()) };
        let now = file.metadata().with_context(|| shown(&self.path))?;
        if Version::of(&now) != *version || self.bytes_read != version.bytes {
            bail!(
                "{} was changed while it was read, so nothing was uploaded; wait until its writer \
                 is done, and run the same command again",
                shown(&self.path)
            );
        }
        Ok(())
    }
}

/// A path as a message shows it.
pub(super) fn shown(path: &Path) -> String {
    service::shown(&path.to_string_lossy(), 200)
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Reads on a thread of its own, and not on one of the runtime's: those are waited for when the
/// program ends, and a read from a silent pipe does not end.
fn read_pieces(mut from: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Bytes>> {
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    thread::spawn(move || {
        loop {
            let piece = next_piece(&mut from);
            let is_last = piece.as_ref().map_or(true, Bytes::is_empty);
            if pieces.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    received
}

fn next_piece(from: &mut impl Read) -> io::Result<Bytes> {
    let mut piece = Vec::new();
    from.take(PIECE_BYTES).read_to_end(&mut piece)?;
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    async fn read(source: &mut Source) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(piece) = source.next().await.unwrap() {
            all.extend_from_slice(&piece);
        }
        all
    }

    #[tokio::test]
    async fn a_file_that_was_written_to_is_refused_and_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let long_ago = SystemTime::UNIX_EPOCH;
        let opened = |path: &Path| File::options().append(true).open(path).unwrap();
        let changes: [(bool, &dyn Fn()); 4] = [
            (true, &|| ()),
            (false, &|| opened(&path).write_all(b"3\n").unwrap()),
            (false, &|| opened(&path).set_len(3).unwrap()),
            (false, &|| fs::write(&path, "a\n9\n").unwrap()),
        ];

        for (is_fine, change) in changes {
            fs::write(&path, "a\n1\n").unwrap();
            opened(&path).set_modified(long_ago).unwrap();
            let mut source = Source::open(&path).unwrap();
            assert_eq!(source.bytes(), Some(4));
            change();

            let read = read(&mut source).await;

            assert!(read.len() <= 4, "{read:?}");
            assert_eq!(source.check_unchanged().is_ok(), is_fine);
        }
    }

    #[tokio::test]
    async fn a_reader_that_breaks_is_no_end_of_the_file() {
        struct Breaks(u8);
        impl Read for Breaks {
            fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => buffer.write(b"a\n"),
                    2 => Err(io::ErrorKind::TimedOut.into()),
                    _ => Ok(0),
                }
            }
        }
        let path = PathBuf::from("-");
        let mut source = Source { file: None, pieces: read_pieces(Breaks(0)), bytes_read: 0, path };

        assert!(source.next().await.is_err());
        assert!(source.next().await.is_err(), "nor is what follows");
    }
}
