//! A proxy whose open connections fall silent on demand, and stay open.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use test_support::{Passage, Way, proxy_before};

pub(crate) struct SilentProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    opened: AtomicU64,
    /// Connections with a lower number pass nothing on.
    silent_below: AtomicU64,
}

impl SilentProxy {
    /// Ends with the process.
    pub(crate) fn before(upstream: u16) -> Self {
        let shared = Arc::<Shared>::default();
        let of_proxy = Arc::clone(&shared);
        let port = proxy_before(&format!("127.0.0.1:{upstream}"), move |number| {
            of_proxy.opened.store(number + 1, Ordering::SeqCst);
            (of_proxy.way(number), of_proxy.way(number))
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What is open now answers no more; what is opened from now on works.
    pub(crate) fn fall_silent(&self) {
        let opened = self.shared.opened.load(Ordering::SeqCst);
        assert!(opened > 0, "nobody came this way");
        self.shared.silent_below.store(opened, Ordering::SeqCst);
    }
}

impl Shared {
    fn way(self: &Arc<Self>, number: u64) -> Way {
        let shared = Arc::clone(self);
        Box::new(move |_piece| {
            let is_silent = number < shared.silent_below.load(Ordering::SeqCst);
            if is_silent { Passage::HeldAt(0) } else { Passage::Whole }
        })
    }
}
