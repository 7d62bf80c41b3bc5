//! A proxy before Azurite that breaks connections on purpose.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use test_support::{Passage, Way, proxy_before};

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// What goes wrong on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection breaks after this many bytes from the server.
    CutAfter(usize),
    /// The server falls silent after this many bytes, and the connection stays.
    StallAfter(usize),
    /// The request whose head contains this reaches the server; its answer is lost.
    LoseAnswerTo(&'static str),
    /// A listing is asked for in pages of three blobs (spoils a Shared Key).
    SmallPages,
    /// The request is answered with 503 and reaches nobody.
    Busy,
}

pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The fault of the n-th connection, counted from 0.
    plan: Mutex<Box<dyn FnMut(u64) -> Fault + Send>>,
    downloaded: AtomicU64,
    faults: AtomicU64,
}

impl Proxy {
    pub(crate) fn start(upstream: &str, plan: impl FnMut(u64) -> Fault + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            plan: Mutex::new(Box::new(plan)),
            downloaded: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        let of_proxy = Arc::clone(&shared);
        let port = proxy_before(upstream, move |number| {
            let fault = (of_proxy.plan.lock().unwrap())(number);
            of_proxy.ways(fault)
        });
        Self { address: format!("127.0.0.1:{port}"), shared }
    }

    /// Connections that are opened from now on work.
    pub(crate) fn heal(&self) {
        *self.shared.plan.lock().unwrap() = Box::new(|_| Fault::None);
    }

    /// Bytes that the server sent to the client so far.
    pub(crate) fn downloaded(&self) -> u64 {
        self.shared.downloaded.load(Ordering::Relaxed)
    }

    /// Faults that really came to pass.
    pub(crate) fn faults(&self) -> u64 {
        self.shared.faults.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn ways(self: &Arc<Self>, fault: Fault) -> (Way, Way) {
        let loses_next = Arc::new(AtomicBool::new(false));
        let (of_requests, of_answers) = (Arc::clone(self), Arc::clone(self));
        let request_is_seen = Arc::clone(&loses_next);
        let requests = move |request: &[u8]| match fault {
            Fault::Busy => {
                of_requests.faults.fetch_add(1, Ordering::Relaxed);
                Passage::Answered(BUSY)
            }
            Fault::SmallPages => Passage::Changed(with_small_pages(request)),
            Fault::LoseAnswerTo(marker) => {
                request_is_seen.fetch_or(contains(request, marker.as_bytes()), Ordering::SeqCst);
                Passage::Whole
            }
            _ => Passage::Whole,
        };
        let mut left = match fault {
            Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => bytes,
            _ => usize::MAX,
        };
        let mut is_broken = false;
        let answers = move |answer: &[u8]| {
            let passed = if loses_next.load(Ordering::SeqCst) { 0 } else { answer.len().min(left) };
            of_answers.downloaded.fetch_add(passed as u64, Ordering::Relaxed);
            left -= passed;
            if passed == answer.len() {
                return Passage::Whole;
            }
            if !std::mem::replace(&mut is_broken, true) {
                of_answers.faults.fetch_add(1, Ordering::Relaxed);
            }
            match fault {
                Fault::StallAfter(_) => Passage::HeldAt(passed),
                _ => Passage::CutAt(passed),
            }
        };
        (Box::new(requests), Box::new(answers))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn with_small_pages(request: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(request).replacen("comp=list&", "comp=list&maxresults=3&", 1).into()
}
