//! Arguments of `producer check` and `producer describe`.

use std::path::PathBuf;

use blob_store::BlobArgs;
use clap::Args;
use job_queue::QueueArgs;
use salesforce::ConnectionArgs;

use super::{load_args::LoadArgs, read_args::ReadArgs};

/// Arguments of `producer check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Name of the blob in the container; gzip and Zstandard are decompressed on the way.
    #[arg(long, value_name = "BLOB")]
    pub file: String,

    /// Write the rows that would be rejected to this file, as they would stand in the rejects file of
    /// the run. Without such rows there is no file.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Replace the file of --rejects, if there is one: without such rows by its header alone.
    #[arg(long, requires = "rejects")]
    pub force: bool,

    /// Compare with the objects in this file, which `producer describe` saved, instead of signing in
    /// to Salesforce.
    #[arg(long, value_name = "FILE")]
    pub offline: Option<PathBuf>,

    /// Print what was found as JSON.
    #[arg(long)]
    pub json: bool,

    /// What it would load.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// How the file is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Where the queue is. It is asked only when the consumers say what the file would become, and when
    /// the file is one of rejected rows.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How to sign in.
    #[command(flatten)]
    pub salesforce: ConnectionArgs,
}

/// Arguments of `producer describe`.
#[derive(Clone, Debug, Args)]
pub struct DescribeArgs {
    /// Object that rows become, such as Contact. May be given several times.
    #[arg(long = "object", required = true, value_name = "NAME", value_parser = object_name)]
    pub objects: Vec<String>,

    /// Where to save it, as JSON. Not set: it is printed.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print it as JSON on a terminal too, and not as a table of the fields. Elsewhere it is JSON anyway.
    #[arg(long)]
    pub json: bool,

    /// How to sign in.
    #[command(flatten)]
    pub salesforce: ConnectionArgs,
}

fn object_name(text: &str) -> Result<String, String> {
    match load::is_api_name(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("not an API name; these have letters, digits and `_`, like My_Object__c".to_owned())
        }
    }
}
