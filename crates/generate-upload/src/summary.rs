use std::{fmt, time::Duration};

use blob_store::BlobProperties;
use indicatif::HumanCount;
use serde::Serialize;

use crate::Config;

/// What was done, for people (`Display`) and for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    rows: u64,
    bytes: u64,
    seconds: f64,
    /// Millions of bytes per second.
    mb_per_second: f64,
    file: &'a str,
    container: &'a str,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(
        config: &'a Config,
        blob: &BlobProperties,
        container: &'a str,
        took: Duration,
    ) -> Self {
        let seconds = rounded(took.as_secs_f64());
        let mb_per_second = rounded(megabytes(blob.bytes) / took.as_secs_f64().max(0.001));
        let Config { rows, file, .. } = config;
        Self { rows: *rows, bytes: blob.bytes, seconds, mb_per_second, file, container }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows, {:.1} MB in {:.1} s ({:.1} MB/s): {} in container {}",
            HumanCount(self.rows),
            megabytes(self.bytes),
            self.seconds,
            self.mb_per_second,
            self.file,
            self.container
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}
