//! Lines, as an editor counts them.

use memchr::memchr2_iter;

/// Counts lines and bytes: LF, CRLF and a lone CR each end a line.
#[derive(Clone, Copy, Default)]
pub(super) struct Lines {
    pub(super) ended: u64,
    pub(super) bytes: u64,
    pub(super) last: Option<u8>,
}

impl Lines {
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        for at in memchr2_iter(b'\r', b'\n', bytes) {
            let before = at.checked_sub(1).map_or(self.last, |before| Some(bytes[before]));
            self.ended += u64::from(bytes[at] == b'\r' || before != Some(b'\r'));
        }
        self.bytes += bytes.len() as u64;
        self.last = bytes.last().copied().or(self.last);
    }

    pub(super) fn is_in_line(&self) -> bool {
        self.last.is_some_and(|last| !is_line_end(last))
    }
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Line ends at the beginning of these bytes.
pub(super) fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_line_end(**byte)).count()
}

/// Lines that end in these bytes.
pub(super) fn lines_ended(bytes: &[u8]) -> u64 {
    let mut lines = Lines::default();
    lines.pass(bytes);
    lines.ended
}
