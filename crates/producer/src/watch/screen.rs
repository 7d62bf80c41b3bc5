//! The terminal: taken, and given back however the program ends.

use std::io;

use ratatui::DefaultTerminal;

use crate::watch::{draw::draw, model::Model};

/// A terminal in raw mode, on its other screen. Dropping it gives it back; so does a
/// panic, before it prints what happened.
pub(crate) struct Screen(DefaultTerminal);

impl Screen {
    pub(crate) fn take() -> io::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                let _as_it_was = ratatui::try_restore();
                Err(error)
            }
        }
    }

    pub(crate) fn show(&mut self, model: &Model) -> io::Result<()> {
        self.0.draw(|frame| draw(frame, model)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing more can be done for a terminal that is gone.
        let _gone = ratatui::try_restore();
    }
}
