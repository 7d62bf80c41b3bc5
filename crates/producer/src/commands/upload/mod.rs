//! `producer upload`: a local file into the container.

mod progress;
mod source;

use std::{
    ffi::OsStr,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use blob_store::{BlobError, BlobStore, Overwrite};
use tokio_util::sync::CancellationToken;

use self::{
    progress::Progress,
    source::{Source, shown},
};
use crate::{
    cli::{invalid_setting::InvalidSetting, upload_args::UploadArgs},
    import::upload::{self, Uploaded},
    report::{
        command_line::next_commands,
        format::{bytes, duration, grouped, per_second},
    },
};

pub(super) async fn run(args: UploadArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let progress = Progress::start();
    let uploading = Box::pin(upload(&args, &progress));
    let done = shutdown.run_until_cancelled(uploading).await;
    progress.end();
    let Some(uploaded) = done else {
        service::say(
            "interrupted; nothing of the file is visible yet. The same command goes on with it",
        );
        return Ok(service::interrupted());
    };
    let uploaded = uploaded?;
    let mut out = service::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&uploaded)?)?;
    } else {
        writeln!(out, "{}", in_words(&uploaded))?;
    }
    service::say(&next_commands(&uploaded.name));
    Ok(ExitCode::SUCCESS)
}

async fn upload(args: &UploadArgs, progress: &Progress) -> anyhow::Result<Uploaded> {
    let begun = Instant::now();
    let name = name_of(args)?;
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
    let mut source = Source::open(&args.file)?;
    let overwrite = match (args.force, source.bytes()) {
        (true, _) => Overwrite::Replace,
        (false, Some(_)) => Overwrite::RefuseOther,
        // Standard input is not waited for only to be refused.
        (false, None) => Overwrite::Refuse,
    };
    let mut writer = upload::begin(&store, &name, overwrite).await.map_err(with_advice)?;
    if let Some(bytes) = source.bytes() {
        writer = writer.sized_for(bytes)?;
    }
    progress.of(source.bytes());
    let mut piece = source.next().await?;
    if piece.is_none() {
        bail!("{} is empty, so nothing was uploaded", shown(&args.file));
    }
    upload::check_start(piece.as_deref().unwrap_or_default()).with_context(|| shown(&args.file))?;
    while let Some(next) = piece {
        let length = next.len() as u64;
        writer.write(next).await.map_err(with_advice)?;
        progress.advance(length);
        piece = source.next().await?;
    }
    // Waits for the last blocks, so that hardly any time is left for changes afterwards.
    writer.stage_all().await.map_err(with_advice)?;
    source.check_unchanged()?;
    upload::commit(&store, writer, begun.elapsed()).await.map_err(with_advice)
}

fn name_of(args: &UploadArgs) -> Result<String, InvalidSetting> {
    let of_file = || args.file.file_name().and_then(OsStr::to_str).map(str::to_owned);
    args.name.clone().or_else(of_file).ok_or_else(|| {
        let file = shown(&args.file);
        InvalidSetting(format!("{file} has no name that a blob can have; give one with --as"))
    })
}

fn with_advice(error: BlobError) -> anyhow::Error {
    match error {
        BlobError::AlreadyExists { .. } => {
            anyhow::anyhow!(
                "{error}, and is not known to have the same content; give another name with --as, or \
                 --force to replace it: a run that loads it fails then"
            )
        }
        BlobError::InvalidName { .. } => {
            InvalidSetting(format!("{error}; give another one with --as")).into()
        }
        error => error.into(),
    }
}

fn in_words(uploaded: &Uploaded) -> String {
    let Uploaded { name, container, bytes: size, blocks, blocks_reused, .. } = uploaded;
    if uploaded.was_there {
        return format!(
            "{name}: {} with the same content are in container {container} already",
            bytes(*size)
        );
    }
    let took = Duration::from_secs_f64(uploaded.seconds);
    let rate = bytes(per_second(*size, took));
    let line = format!(
        "{name}: {} in {} ({rate}/s), in container {container}",
        bytes(*size),
        duration(took)
    );
    match blocks_reused {
        0 => line,
        _ => format!(
            "{line}; {} of {} blocks had been sent before",
            grouped(*blocks_reused),
            grouped(*blocks as u64)
        ),
    }
}
