//! Azurite that stops answering.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use test_support::{Fate, pass, proxy_before};

use crate::support::Fixture;

/// A proxy before Azurite that lets so many bytes pass; the next ones wait until it is opened.
pub(crate) struct Gate {
    pub(crate) address: String,
    state: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Default)]
struct GateState {
    is_asked: bool,
    passed: usize,
    bytes_max: usize,
}

impl Gate {
    pub(crate) fn closed_after(fixture: &Fixture, bytes_max: usize) -> Self {
        let state = GateState { is_asked: false, passed: 0, bytes_max };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        let address = proxy_before(&fixture.azurite_address(), move |_| {
            let shared = Arc::clone(&shared);
            let passes = move |piece: &[u8]| {
                let (state, changed) = &*shared;
                state.lock().unwrap().is_asked = true;
                changed.notify_all();
                let is_shut = |state: &mut GateState| state.passed >= state.bytes_max;
                let mut state = changed.wait_while(state.lock().unwrap(), is_shut).unwrap();
                state.passed += piece.len();
                changed.notify_all();
                Fate::Pass
            };
            [Box::new(passes), pass()]
        });
        Self { address, state }
    }

    pub(crate) fn open(fixture: &Fixture) -> Self {
        Self::closed_after(fixture, usize::MAX)
    }

    /// Lets nothing more pass.
    pub(crate) fn shuts(&self) {
        self.state.0.lock().unwrap().bytes_max = 0;
    }

    pub(crate) fn opens(&self) {
        self.state.0.lock().unwrap().bytes_max = usize::MAX;
        self.state.1.notify_all();
    }

    /// Waits until something wants to pass.
    pub(crate) fn is_asked(&self) {
        let (state, changed) = &*self.state;
        let waiting = |state: &mut GateState| !state.is_asked;
        let patience = Duration::from_secs(60);
        let waited = changed.wait_timeout_while(state.lock().unwrap(), patience, waiting).unwrap();
        assert!(!waited.1.timed_out(), "nothing came");
    }

    /// Waits until so many bytes have passed.
    pub(crate) fn has_passed(&self, bytes: usize) {
        let (state, changed) = &*self.state;
        let waiting = |state: &mut GateState| state.passed < bytes;
        let patience = Duration::from_secs(60);
        let waited = changed.wait_timeout_while(state.lock().unwrap(), patience, waiting).unwrap();
        assert!(!waited.1.timed_out(), "only {} bytes have passed", waited.0.passed);
    }

    pub(crate) fn passed(&self) -> usize {
        self.state.0.lock().unwrap().passed
    }
}
