//! The columns that make a file a rejects file.

/// What the rejects file adds behind the columns of the source.
pub(crate) const COLUMNS: [&str; 3] = ["_record", "_code", "_message"];

/// What the last of them is called in a [copy for spreadsheets](crate::SpreadsheetCopy).
pub(crate) const MESSAGE_COLUMN: &str = "_message (for spreadsheets)";

/// Where those three are.
pub(crate) struct RejectColumns {
    /// So many columns of the source stand before them.
    pub(crate) first: usize,
    /// The last one is called as in a [copy for spreadsheets](crate::SpreadsheetCopy).
    pub(crate) for_spreadsheets: bool,
}

impl RejectColumns {
    /// In the header of a rejects file or of a copy of one, whatever quotes it was read with. Columns
    /// without a name may stand behind: a spreadsheet makes all lines as long as the longest one.
    /// `None`: it is another header.
    pub(crate) fn of(names: &[impl AsRef<str>]) -> Option<Self> {
        let is_around = |character: char| character.is_whitespace() || "\"'".contains(character);
        let name = |at: usize| names[at].as_ref().trim_matches(is_around);
        let named = (0..names.len()).rposition(|at| !name(at).is_empty())? + 1;
        let first = named.checked_sub(COLUMNS.len()).filter(|first| *first > 0)?;
        let [record, code, message] = COLUMNS;
        let for_spreadsheets = name(named - 1) == MESSAGE_COLUMN;
        let last = if for_spreadsheets { MESSAGE_COLUMN } else { message };
        (first..named)
            .map(name)
            .eq([record, code, last])
            .then_some(Self { first, for_spreadsheets })
    }
}
