//! A proxy before Redis whose open connections stop answering on demand, and stay open.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use test_support::{Fate, Filter, proxy_before};

pub(crate) struct SilentProxy {
    address: String,
    connections: Arc<Connections>,
}

#[derive(Default)]
struct Connections {
    opened: AtomicU64,
    /// Connections with a lower number pass nothing on.
    silent_below: AtomicU64,
}

impl SilentProxy {
    pub(crate) fn before(upstream: u16) -> Self {
        let connections = Arc::<Connections>::default();
        let of_proxy = Arc::clone(&connections);
        let address = proxy_before(&format!("127.0.0.1:{upstream}"), move |number| {
            of_proxy.opened.fetch_add(1, Ordering::SeqCst);
            [(), ()].map(|()| -> Filter {
                let connections = Arc::clone(&of_proxy);
                Box::new(move |_| {
                    let is_silent = number < connections.silent_below.load(Ordering::SeqCst);
                    if is_silent { Fate::Swallow } else { Fate::Pass }
                })
            })
        });
        Self { address, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// What is open now answers no more; what is opened from now on works.
    pub(crate) fn fall_silent(&self) {
        let opened = self.connections.opened.load(Ordering::SeqCst);
        assert!(opened > 0, "nobody came this way");
        self.connections.silent_below.store(opened, Ordering::SeqCst);
    }
}
