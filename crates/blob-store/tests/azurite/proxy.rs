//! What goes wrong between the store and Azurite, connection by connection.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use test_support::{Fate, Filter, proxy_before};

/// What goes wrong on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection breaks after this many bytes from the server.
    CutAfter(usize),
    /// The server stops answering after this many bytes, and the connection stays.
    StallAfter(usize),
    /// The request whose head contains this reaches the server; its answer is lost.
    LoseAnswerTo(&'static str),
    /// A listing is asked for in pages of three blobs (spoils a Shared Key).
    SmallPages,
    /// The request is answered with 503 and reaches nobody.
    Busy,
}

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

pub(crate) struct Proxy {
    pub(crate) address: String,
    is_healed: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    downloaded: AtomicU64,
    uploaded: AtomicU64,
    faults: AtomicU64,
}

impl Proxy {
    /// `plan` gives the fault of the n-th connection, counted from 0.
    pub(crate) fn start(
        upstream: &str,
        mut plan: impl FnMut(u64) -> Fault + Send + 'static,
    ) -> Self {
        let (is_healed, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let (healed, counted) = (Arc::clone(&is_healed), Arc::clone(&counts));
        let address = proxy_before(upstream, move |number| {
            let is_healed = healed.load(Ordering::Relaxed);
            filters(if is_healed { Fault::None } else { plan(number) }, &counted)
        });
        Self { address, is_healed, counts }
    }

    /// Connections that are opened from now on work.
    pub(crate) fn heal(&self) {
        self.is_healed.store(true, Ordering::Relaxed);
    }

    /// Bytes that the server sent to the client so far.
    pub(crate) fn downloaded(&self) -> u64 {
        self.counts.downloaded.load(Ordering::Relaxed)
    }

    /// Bytes that the client sent to the server so far.
    pub(crate) fn uploaded(&self) -> u64 {
        self.counts.uploaded.load(Ordering::Relaxed)
    }

    /// Faults that really came to pass.
    pub(crate) fn faults(&self) -> u64 {
        self.counts.faults.load(Ordering::Relaxed)
    }
}

fn filters(fault: Fault, counts: &Arc<Counts>) -> [Filter; 2] {
    let loses_next = Arc::<AtomicBool>::default();
    let download = download(fault, Arc::clone(counts), Arc::clone(&loses_next));
    let counts = Arc::clone(counts);
    let upload: Filter = match fault {
        Fault::Busy => Box::new(move |_| {
            counts.faults.fetch_add(1, Ordering::Relaxed);
            Fate::Answer(BUSY)
        }),
        Fault::LoseAnswerTo(marker) => Box::new(move |sent| {
            if String::from_utf8_lossy(sent).contains(marker) {
                loses_next.store(true, Ordering::SeqCst);
            }
            Fate::Pass
        }),
        Fault::SmallPages => Box::new(|sent| {
            let sent = String::from_utf8_lossy(sent);
            Fate::Replace(sent.replacen("comp=list&", "comp=list&maxresults=3&", 1).into())
        }),
        _ => Box::new(move |sent| {
            counts.uploaded.fetch_add(sent.len() as u64, Ordering::Relaxed);
            Fate::Pass
        }),
    };
    [upload, download]
}

fn download(fault: Fault, counts: Arc<Counts>, loses_next: Arc<AtomicBool>) -> Filter {
    let mut left = match fault {
        Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => bytes,
        _ => usize::MAX,
    };
    Box::new(move |piece| {
        let passed = if loses_next.load(Ordering::SeqCst) { 0 } else { piece.len().min(left) };
        counts.downloaded.fetch_add(passed as u64, Ordering::Relaxed);
        left -= passed;
        if passed == piece.len() {
            return Fate::Pass;
        }
        counts.faults.fetch_add(1, Ordering::Relaxed);
        match fault {
            Fault::StallAfter(_) if passed == 0 => Fate::Swallow,
            Fault::StallAfter(_) => Fate::Replace(piece[..passed].to_vec()),
            _ => Fate::CutAfter(piece[..passed].to_vec()),
        }
    })
}
