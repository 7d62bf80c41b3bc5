//! How a value is written: as JSON, or as a cell of CSV as Bulk API 2.0 reads it. Both say the same,
//! because the value is made once, by the converter of its field.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a value of JSON.
    Json,
    /// As a cell of CSV, with commas between cells.
    Csv,
}

impl Form {
    /// Writes what JSON has in quotes and needs no escape, whatever `write` makes of it.
    pub(super) fn quoted(
        self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        if self == Self::Csv {
            return write(out);
        }
        out.push(b'"');
        write(out)?;
        out.push(b'"');
        Some(())
    }

    /// Writes a text that JSON has without an escape.
    #[inline]
    pub(super) fn write_plain(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                out.reserve(text.len() + 2);
                out.push(b'"');
                out.extend_from_slice(text.as_bytes());
                out.push(b'"');
            }
            Self::Csv => write_cell(text, out),
        }
    }

    pub(super) fn write_text(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Json => serde_json::to_writer(out, text).expect("a Vec takes every text"),
            Self::Csv => write_cell(text, out),
        }
    }
}

fn write_cell(text: &str, out: &mut Vec<u8>) {
    if is_bare(text) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for (n, piece) in text.split('"').enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

/// Whether a cell needs no quotes. Blanks at its ends would get lost without them.
fn is_bare(text: &str) -> bool {
    let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'"' | b',');
    text.trim().len() == text.len() && !text.bytes().fold(false, |odd, byte| odd | is_odd(byte))
}
