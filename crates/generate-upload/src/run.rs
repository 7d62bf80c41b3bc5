use std::{io::Write, process::ExitCode, time::Instant};

use blob_store::{BlobError, BlobProperties, BlobStore, BlobWriter, Overwrite};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::{Config, HEADER, rows::row, summary::Summary};

/// Rows are handed to the writer in pieces of about this length.
const PIECE_BYTES: usize = 256 << 10;

/// Makes the rows and uploads them; nothing is visible before all of them are
/// there. Prints one line about it on stdout.
///
/// # Errors
///
/// When the blob exists and is not to be replaced, or the storage cannot be
/// reached or says no. Wrong settings are no error but the exit code 2.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let progress = progress_bar(config.rows);
    let done = shutdown.run_until_cancelled(generate(&config, &progress)).await;
    progress.finish_and_clear();
    match done {
        None => {
            service::say(&format!("stopped; nothing of {} was stored", config.file));
            Ok(service::interrupted())
        }
        Some(Err(error)) if is_about_settings(&error) => {
            Ok(service::failed(&error, service::USAGE))
        }
        Some(done) => done.map(|()| ExitCode::SUCCESS),
    }
}

async fn generate(config: &Config, progress: &ProgressBar) -> anyhow::Result<()> {
    let begun = Instant::now();
    let store = BlobStore::connect(&config.blob)?;
    let overwrite = if config.force { Overwrite::Replace } else { Overwrite::Refuse };
    let writer = match store.write_creating_container(&config.file, overwrite).await {
        Err(error @ BlobError::AlreadyExists { .. }) => {
            anyhow::bail!("{error}; give --force to replace it, or another name with --file");
        }
        opened => opened?,
    };
    let blob = upload(writer, config, progress).await?;
    progress.finish_and_clear();

    let summary = Summary::new(config, &blob, store.container(), begun.elapsed());
    let mut stdout = service::stdout();
    if config.json {
        writeln!(stdout, "{}", serde_json::to_string(&summary)?)?;
    } else {
        writeln!(stdout, "{summary}")?;
    }
    Ok(())
}

async fn upload(
    mut writer: BlobWriter,
    config: &Config,
    progress: &ProgressBar,
) -> Result<BlobProperties, BlobError> {
    let mut piece = String::from(HEADER);
    for index in 0..config.rows {
        row(config.seed, index, config.shape()).write_csv(&mut piece);
        if piece.len() >= PIECE_BYTES {
            let next = String::with_capacity(piece.capacity());
            writer.write(std::mem::replace(&mut piece, next).into()).await?;
            progress.set_position(index + 1);
            // Making rows never waits for anything, so Ctrl-C would have to.
            tokio::task::yield_now().await;
        }
    }
    writer.write(piece.into()).await?;
    progress.set_position(config.rows);
    writer.commit().await
}

/// Shown on a terminal only.
fn progress_bar(rows: u64) -> ProgressBar {
    let style = "{wide_bar} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
    ProgressBar::new(rows)
        .with_style(ProgressStyle::with_template(style).expect("the template is well-formed"))
}

fn is_about_settings(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(BlobError::InvalidSetting { .. } | BlobError::InvalidName { .. })
    )
}
