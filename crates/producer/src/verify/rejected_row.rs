//! One row of a rejects file.

use sha2::{Digest as _, Sha256};

use super::cells::CsvCells;

/// A row of a rejects file, as the `csv` crate reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RejectedRow {
    pub(super) record: u64,
    pub(super) code: String,
    /// Of its cells, without what the rejects file put behind them.
    pub(super) digest: u128,
}

impl RejectedRow {
    /// Of all cells of its line: behind its own stand the number of the record, a code and a
    /// message, and empty ones that a spreadsheet may have added.
    pub(super) fn read(cells: &CsvCells) -> Option<Self> {
        let all: Vec<&[u8]> = cells.iter().collect();
        let filled = all.iter().rposition(|cell| !cell.is_empty())? + 1;
        Self::of(&all).or_else(|| Self::of(&all[..filled]))
    }

    fn of(cells: &[&[u8]]) -> Option<Self> {
        let [row @ .., record, code, _message] = cells else { return None };
        let code = std::str::from_utf8(code).ok().filter(|code| !code.is_empty())?;
        let record = std::str::from_utf8(record).ok()?.parse().ok()?;
        Some(Self { record, code: code.to_owned(), digest: digest(row.iter().copied()) })
    }
}

/// Of cells. It is strong, so that no two rows have the same one.
pub(super) fn digest<'a>(cells: impl Iterator<Item = &'a [u8]>) -> u128 {
    let mut hasher = Sha256::new();
    for cell in cells {
        hasher.update((cell.len() as u64).to_le_bytes());
        hasher.update(cell);
    }
    let first = hasher.finalize().into_iter().take(16);
    first.fold(0, |digest, byte| digest << 8 | u128::from(byte))
}
