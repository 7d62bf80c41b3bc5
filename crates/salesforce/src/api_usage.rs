//! How many calls the org has made today, as every answer says; and what it has left, as `/limits` says.

use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Calls of the last 24 hours, by all clients of the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Calls made.
    pub used: u64,
    /// Calls that may be made.
    pub max: u64,
}

/// The newest word, for all who want to know.
#[derive(Debug, Default)]
pub(crate) struct UsageMeter(watch::Sender<Option<Usage>>);

impl UsageMeter {
    pub(crate) fn track(&self, headers: &HeaderMap) {
        let values = headers.get_all("sforce-limit-info").iter();
        let Some(usage) = values.filter_map(|value| read(value.to_str().ok()?)).next_back() else {
            return;
        };
        self.0.send_if_modified(|known| known.replace(usage) != Some(usage));
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Usage>> {
        self.0.subscribe()
    }
}

/// What the org has left of the rolling 24 hours, as far as it is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrgLimits {
    /// Calls that may be made.
    pub daily_api_requests: Allowance,
    /// Bulk batches that may be loaded; an ingest job of up to 10,000 rows is one.
    #[serde(default)]
    pub daily_bulk_api_batches: Option<Allowance>,
}

/// How much of something there is, and how much is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Allowance {
    /// In all.
    pub max: u64,
    /// Not used yet.
    pub remaining: u64,
}

/// Reads `api-usage=18/15000; per-app-api-usage=17/250(appName=x)`, and skips what it does not
/// know.
fn read(header: &str) -> Option<Usage> {
    header.split(';').find_map(|part| {
        let (name, figures) = part.split_once('=')?;
        let (used, rest) = figures.split_once('/')?;
        let digits = rest.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let is_usage = name.trim().eq_ignore_ascii_case("api-usage");
        is_usage
            .then_some(Usage { used: used.trim().parse().ok()?, max: digits[..end].parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_leniently() {
        for (header, expected) in [
            ("api-usage=18/15000", Some((18, 15_000))),
            ("api-usage=25/5000; per-app-api-usage=17/250(appName=our-loader)", Some((25, 5_000))),
            ("per-app-api-usage=17/250(appName=x);api-usage=25/5000", Some((25, 5_000))),
            ("api-usage=10018/100000; api-bursts=1/750", Some((10_018, 100_000))),
            ("API-Usage = 1 / 2x", Some((1, 2))),
            ("api-usage=many/15000", None),
            ("api-usage=1", None),
            ("per-app-api-usage=17/250", None),
            ("", None),
        ] {
            let expected = expected.map(|(used, max)| Usage { used, max });
            assert_eq!(read(header), expected, "{header}");
        }
    }
}
