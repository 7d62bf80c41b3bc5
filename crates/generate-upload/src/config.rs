use blob_store::BlobArgs;
use clap::{Args, Parser};

use crate::Shape;

/// The command line of the program.
#[derive(Debug, Parser)]
#[command(
    name = "generate-upload",
    version,
    about = "Streams a generated CSV file (ExternalId, Name, Email, Company) into a blob",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to make, and where to put it.
    #[command(flatten)]
    pub config: Config,
}

/// What to make, and where to put it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    generate-upload --rows 1000000 --file big.csv\n  \
    generate-upload --rows 1000 --file bad.csv --bad-rows 50      Salesforce rejects about 50 of them\n\n\
    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 or 143 interrupted (nothing was stored).")]
pub struct Config {
    /// Number of rows, the header not counted
    #[arg(long, default_value_t = 100_000)]
    pub rows: u64,

    /// Name of the blob
    #[arg(long, default_value = "big-data-import.csv", value_name = "NAME")]
    pub file: String,

    /// The same seed makes the same rows
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// How many of a thousand rows are such that Salesforce rejects them
    #[arg(
        long,
        default_value_t = 0,
        value_name = "PERMILLE",
        value_parser = clap::value_parser!(u16).range(..=1000)
    )]
    pub bad_rows: u16,

    /// Puts commas, quotes, line breaks and non-ASCII letters into a fifth of the rows
    #[arg(long)]
    pub awkward: bool,

    /// Replaces the blob if it exists
    #[arg(long)]
    pub force: bool,

    /// Prints the summary as JSON
    #[arg(long)]
    pub json: bool,

    /// Where the blob goes.
    #[command(flatten)]
    pub blob: BlobArgs,
}

impl Config {
    pub(crate) fn shape(&self) -> Shape {
        Shape { bad_rows_permille: self.bad_rows, awkward: self.awkward }
    }
}
