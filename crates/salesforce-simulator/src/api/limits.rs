//! What the org allows, and what of it is left.

use serde_json::json;

use super::call::Call;
use crate::{http::Answer, org::Org};

/// `GET /limits`.
pub(super) fn limits(org: &Org) -> Answer {
    let usage = org.traffic.usage();
    let left = usage.max.saturating_sub(usage.used);
    let batches = org.config.bulk_batches_daily_max;
    let batches_left = batches.saturating_sub(org.traffic.counts().bulk_batches);
    let untouched = |most: u64| json!({"Max": most, "Remaining": most});
    Answer::ok(&json!({
        "DailyApiRequests": {"Max": usage.max, "Remaining": left},
        "DailyBulkApiBatches": {"Max": batches, "Remaining": batches_left},
        "DailyBulkV2QueryJobs": untouched(10_000),
        "DataStorageMB": untouched(1024),
        "FileStorageMB": untouched(1024),
    }))
}

/// `GET /services/data/v62.0`: where to go from here.
pub(super) fn resources(call: &Call<'_>) -> Answer {
    let base = call.url_base();
    let paths = ["limits", "sobjects", "query", "composite", "jobs"];
    let urls = paths.into_iter().map(|path| (path.to_owned(), json!(format!("{base}/{path}"))));
    Answer::ok(&urls.collect::<serde_json::Map<_, _>>())
}
