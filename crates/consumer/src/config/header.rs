//! The header line of a file, and how the file is written.

use std::str::FromStr;

use clap::Args;

/// How to read a header line: as producers read the file it is of, with the same variables. The line
/// itself comes as UTF-8, whatever `CSV_ENCODING` the file has.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct HeaderArgs {
    /// The header line of a file, to compare its columns too, in UTF-8.
    #[arg(long, value_name = "LINE")]
    pub(crate) header: Option<String>,

    /// What stands between two cells: one character, `tab`, or `auto` to tell by the header line.
    #[arg(long, env = "CSV_DELIMITER", default_value = "auto", value_name = "CHARACTER")]
    pub(crate) csv_delimiter: Delimiter,

    /// What stands around a cell that holds delimiters, quotes or line breaks.
    #[arg(long, env = "CSV_QUOTE", default_value = "\"", value_name = "CHARACTER", value_parser = character)]
    pub(crate) csv_quote: u8,

    /// `backslash` when quotes inside quotes are written behind one, as Data Factory, Synapse and
    /// Spark do; `none` when they are doubled.
    #[arg(long, env = "CSV_ESCAPE", default_value = "none", value_name = "CHARACTER")]
    pub(crate) csv_escape: Escape,
}

/// What stands between two cells; nothing, when the header line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delimiter(pub(crate) Option<u8>);

/// What stands before a quote inside quotes; nothing, when it is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape(pub(crate) Option<u8>);

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self(None)),
            "tab" | r"\t" => Ok(Self(Some(b'\t'))),
            _ => character(text).map(|byte| Self(Some(byte))),
        }
    }
}

impl FromStr for Escape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            "backslash" | "\\" => Ok(Self(Some(b'\\'))),
            _ => Err("it is none or backslash".to_owned()),
        }
    }
}

fn character(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        &[byte] if byte.is_ascii() => Ok(byte),
        _ => Err("it is one ASCII character".to_owned()),
    }
}
