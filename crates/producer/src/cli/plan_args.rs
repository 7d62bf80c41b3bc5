//! Arguments of `producer plan`.

use blob_store::BlobArgs;
use clap::{Args, ValueEnum};
use job_queue::QueueArgs;
use serde::Serialize;

use super::read_args::ReadArgs;

/// Arguments of `producer plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Name of the blob in the container.
    #[arg(long, value_name = "BLOB")]
    pub file: String,

    /// Count the rows instead of estimating them from the first megabytes. Compressed files, and
    /// files in another encoding than UTF-8, are always counted.
    #[arg(long)]
    pub count: bool,

    /// The column by which Salesforce finds records: rows that repeat its cells are counted. By
    /// default the one that has the name of the field.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "COLUMN")]
    pub key: Option<String>,

    /// What consumers do with the rows: for an update or a delete by an external id they look the
    /// records up first, which takes calls of its own.
    #[arg(long, env = "SALESFORCE_OPERATION", value_name = "OPERATION", default_value = "upsert", value_parser = ["upsert", "insert", "update", "delete"])]
    pub operation: String,

    /// The field by which consumers find records.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD")]
    pub external_id: Option<String>,

    /// How consumers read dates with slashes. A column that contradicts it is an error.
    #[arg(long, env = "MAPPING_DATES", value_enum, default_value_t = DateOrder::default(), value_name = "ORDER")]
    pub dates: DateOrder,

    /// Print the plan as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How the file is read.
    #[command(flatten)]
    pub read: ReadArgs,
}

impl PlanArgs {
    /// Whether consumers have to ask for the ids of records before they send rows.
    pub(crate) fn looks_records_up(&self) -> bool {
        let by_id = |field: &String| field.eq_ignore_ascii_case("Id");
        let takes_ids = matches!(self.operation.as_str(), "update" | "delete");
        takes_ids && self.external_id.as_ref().is_some_and(|field| !by_id(field))
    }
}

/// How dates with slashes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// 11/23/2026.
    #[default]
    MonthFirst,
    /// 23/11/2026.
    DayFirst,
}
