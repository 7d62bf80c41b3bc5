//! A plan as people read it.

use std::time::Duration;

use job_queue::{Allowance, Api};

use super::{Plan, reckon::Way};
use crate::figures::{bytes, duration, grouped, moment};

impl Plan {
    /// The plan in lines.
    pub(super) fn text(&self) -> String {
        let rows = grouped(self.rows);
        let rows = match self.rows_are_counted {
            true => format!("{rows} (counted)"),
            false => format!("about {rows} (estimated from the first {})", bytes(self.bytes_read)),
        };
        let mut lines = vec![
            ("file", format!("{} ({})", self.file, bytes(self.file_bytes))),
            ("rows", format!("{rows}, {} on average", bytes(self.row_bytes))),
            ("org, today", self.left()),
            ("collections", way(&self.reckoning.collections)),
            ("bulk", way(&self.reckoning.bulk)),
            ("assumed", self.assumed()),
            ("auto picks", {
                let choice = &self.reckoning.auto;
                format!("{} now: {}", name(choice.api), choice.why)
            }),
            ("advice", self.advice()),
        ];
        lines.retain(|(_, text)| !text.is_empty());
        lines.iter().map(|(label, text)| format!("  {label:13} {text}\n")).collect()
    }

    fn left(&self) -> String {
        let Some(limits) = &self.limits else {
            return "not known: no consumer has asked the org yet; start one and plan again"
                .to_owned();
        };
        let left = |of: Allowance| format!("{} of {}", grouped(of.left), grouped(of.max));
        let bulk = match limits.bulk_batches {
            Some(batches) => format!("{} Bulk batches", left(batches)),
            None => "Bulk batches not known".to_owned(),
        };
        let seen = self.limits_seen_at_ms.map(moment).unwrap_or_default();
        format!("{} calls and {bulk} left ({seen})", left(limits.calls))
    }

    fn assumed(&self) -> String {
        let assumed = &self.assumed;
        let measured = |figure: Option<u64>| figure.map(grouped);
        let by_calls = match measured(assumed.measured_by_calls) {
            Some(pace) => format!("collections as the last run by it, {pace} rows/s"),
            None => format!(
                "{} calls at once, {} s each, {} rows a call",
                assumed.calls_at_once, assumed.seconds_per_call, assumed.rows_per_call
            ),
        };
        let by_jobs = match measured(assumed.measured_by_jobs) {
            Some(pace) => format!("bulk as the last run by it, {pace} rows/s"),
            None => format!(
                "{} ingest jobs at once, {} s and {} calls each",
                assumed.jobs_at_once, assumed.seconds_per_job, assumed.calls_per_job
            ),
        };
        format!(
            "{by_calls}; {by_jobs}; {}% of the day are kept for others",
            assumed.reserve_percent
        )
    }

    fn advice(&self) -> String {
        let advice = &self.reckoning.advice;
        let mut set =
            format!("SALESFORCE_API={} BATCH_ROWS={}", name(advice.api), advice.batch_rows);
        if advice.batch_bytes_max != self.batch_bytes_max {
            set.push_str(&format!(" BATCH_BYTES_MAX={}", advice.batch_bytes_max));
        }
        format!("{set}: {}", advice.why)
    }
}

fn way(way: &Way) -> String {
    let Way { batch_rows, batches, api_calls, bulk_batches, seconds, is_measured, fits_today } =
        way;
    let of_bulk = match bulk_batches {
        0 => String::new(),
        batches => format!(", {} Bulk batches", grouped(*batches)),
    };
    let time = duration(Duration::from_secs(*seconds));
    let how = if *is_measured { "measured" } else { "assumed" };
    let fits = match fits_today {
        None => "",
        Some(true) => "; fits into today",
        Some(false) => "; more than the org has left today",
    };
    format!(
        "{} batches of {}, {} calls{of_bulk}, about {time} ({how}){fits}",
        grouped(*batches),
        grouped(*batch_rows),
        grouped(*api_calls)
    )
}

fn name(api: Api) -> &'static str {
    match api {
        Api::Collections => "collections",
        Api::Bulk => "bulk",
    }
}
