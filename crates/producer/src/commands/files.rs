//! `producer files`.

use std::{io::Write, process::ExitCode};

use blob_store::BlobStore;
use futures::TryStreamExt;
use ingest_core::commands::producer;

use crate::{
    cli::{invalid_setting::InvalidSetting, run_args::FilesArgs},
    report::{
        format::{bytes, timestamp},
        listed_file::ListedFile,
        output_names::is_listed,
    },
};

/// Characters of a name, which has no more.
const NAME_MAX: usize = 1_024;

/// Prints each file as it comes: there may be millions.
pub(super) async fn list(args: FilesArgs) -> anyhow::Result<ExitCode> {
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
    let mut out = service::stdout();
    let mut blobs = store.list(&args.prefix);
    let mut listed = 0_u64;
    while let Some(blob) = blobs.try_next().await? {
        if !is_listed(&blob.name, &args.prefix) {
            continue;
        }
        let file = ListedFile::of(blob);
        if args.json {
            write!(out, "{}", if listed == 0 { "[\n" } else { ",\n" })?;
            serde_json::to_writer(&mut out, &file)?;
        } else {
            let (size, at) = (bytes(file.bytes), timestamp(file.last_modified_ms));
            writeln!(out, "{size:>10}  {at}  {}", service::shown(&file.name, NAME_MAX))?;
        }
        listed += 1;
    }
    match (args.json, listed) {
        (true, 0) => writeln!(out, "[]")?,
        (true, _) => writeln!(out, "\n]")?,
        (false, 0) => {
            let container = store.container();
            let begin = match args.prefix.as_str() {
                "" => String::new(),
                prefix => format!(" whose name begins with {}", service::shown(prefix, NAME_MAX)),
            };
            let upload = format!("{} upload FILE", producer());
            service::say(&format!("no file in container {container}{begin}; upload one: {upload}"));
        }
        (false, _) => {}
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
