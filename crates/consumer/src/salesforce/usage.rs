//! How many calls the org has made today, as every answer says.

use reqwest::header::HeaderMap;
use tokio::sync::watch;

/// Calls of the last 24 hours, by all clients of the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Calls made.
    pub(crate) used: u64,
    /// Calls that may be made.
    pub(crate) max: u64,
}

/// The newest word, for all who want to know.
#[derive(Debug, Default)]
pub(super) struct UsageMeter(watch::Sender<Option<Usage>>);

impl UsageMeter {
    pub(super) fn take_in(&self, headers: &HeaderMap) {
        let values = headers.get_all("sforce-limit-info").iter();
        let Some(usage) = values.filter_map(|value| read(value.to_str().ok()?)).next_back() else {
            return;
        };
        self.0.send_if_modified(|known| known.replace(usage) != Some(usage));
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Usage>> {
        self.0.subscribe()
    }
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
