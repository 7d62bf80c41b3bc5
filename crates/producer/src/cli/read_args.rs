//! How a file is read and cut into batches, as typed.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};

use super::invalid_setting::InvalidSetting;

/// How the file is read and cut into batches. A run keeps what it was started
/// with.
#[derive(Clone, Debug, Args)]
pub struct ReadArgs {
    /// Rows in a batch. Not set: as many as a call of the run's API takes, 200 with Collections and
    /// 10,000 with Bulk.
    #[arg(long, env = "BATCH_ROWS", value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch_rows: Option<u32>,

    /// Bytes in a batch: it is closed early when the next row would not fit. Not set: 1 MiB with
    /// Collections, 4 MiB with Bulk.
    #[arg(long, env = "BATCH_BYTES_MAX", value_name = "BYTES", value_parser = service::bytes_within::<u32>(1_024..=16 << 20))]
    pub batch_bytes_max: Option<u32>,

    /// Keep rows with the same cell in this column in one batch, such as the children of one parent,
    /// whose lock they share. The file has to be sorted by it; `producer plan` says whether it is.
    #[arg(long, env = "BATCH_KEEP_TOGETHER", value_name = "COLUMN")]
    pub batch_keep_together: Option<String>,

    /// Bytes in a record; a longer one is rejected.
    #[arg(long, env = "RECORD_BYTES_MAX", default_value_t = 1 << 20, value_name = "BYTES", value_parser = service::bytes_within::<u32>(1_024..=16 << 20))]
    pub record_bytes_max: u32,

    /// Bytes in the header line; a file with a longer one is refused.
    #[arg(long, env = "HEADER_BYTES_MAX", default_value_t = 64 << 10, value_name = "BYTES", value_parser = service::bytes_within::<u32>(1_024..=1 << 20))]
    pub header_bytes_max: u32,

    /// Columns in the header line; a file with more is refused.
    #[arg(long, env = "HEADER_COLUMNS_MAX", default_value_t = 2_000, value_name = "COLUMNS", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub header_columns_max: u32,

    /// Delimiter of cells: one character, `tab`, or `auto` to detect it by the header line.
    #[arg(long, env = "CSV_DELIMITER", default_value = "auto", value_name = "CHARACTER")]
    pub csv_delimiter: String,

    /// Quote character, around cells that hold delimiters, quotes or line breaks.
    #[arg(long, env = "CSV_QUOTE", default_value = "\"", value_name = "CHARACTER")]
    pub csv_quote: String,

    /// `backslash` when quotes inside quotes are written behind one, as Data Factory, Synapse and
    /// Spark do; `none` when they are doubled.
    #[arg(long, env = "CSV_ESCAPE", default_value = "none", value_name = "CHARACTER")]
    pub csv_escape: String,

    /// Encoding of the file.
    #[command(flatten)]
    pub csv_encoding: EncodingArg,
}

/// Encoding of a file, and whether it was said with the command: a setting may be meant for other files.
#[derive(Clone, Debug)]
pub struct EncodingArg {
    /// As it was written.
    pub name: String,
    /// Whether the flag was written.
    pub is_of_this_command: bool,
}

const CSV_ENCODING: &str = "csv_encoding";

impl Args for EncodingArg {
    fn augment_args(command: Command) -> Command {
        command.arg(
            Arg::new(CSV_ENCODING)
                .long("csv-encoding")
                .env("CSV_ENCODING")
                .default_value("utf-8")
                .value_name("NAME")
                .help("Encoding of the file, such as utf-8, windows-1252 or utf-16le"),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for EncodingArg {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let name = matches.get_one::<String>(CSV_ENCODING).cloned().unwrap_or_default();
        let source = matches.value_source(CSV_ENCODING);
        Ok(Self { name, is_of_this_command: source == Some(ValueSource::CommandLine) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl ReadArgs {
    pub(crate) fn delimiter(&self) -> Result<Option<u8>, InvalidSetting> {
        match self.csv_delimiter.as_str() {
            "auto" => Ok(None),
            "tab" | r"\t" => Ok(Some(b'\t')),
            text => character("CSV_DELIMITER", text).map(Some),
        }
    }

    pub(crate) fn quote(&self) -> Result<u8, InvalidSetting> {
        character("CSV_QUOTE", &self.csv_quote)
    }

    pub(crate) fn escape(&self) -> Result<Option<u8>, InvalidSetting> {
        match self.csv_escape.as_str() {
            "none" => Ok(None),
            "backslash" | "\\" => Ok(Some(b'\\')),
            text => {
                Err(InvalidSetting(format!("CSV_ESCAPE must be none or backslash, not {text:?}")))
            }
        }
    }
}

fn character(name: &str, text: &str) -> Result<u8, InvalidSetting> {
    match text.as_bytes() {
        &[byte] if byte.is_ascii() => Ok(byte),
        _ => Err(InvalidSetting(format!("{name} must be one ASCII character, not {text:?}"))),
    }
}
