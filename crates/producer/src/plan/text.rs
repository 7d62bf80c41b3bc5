//! A plan as people read it.

use std::time::Duration;

use jiff::Timestamp;
use job_queue::Allowance;
use load::Api;

use super::{
    Plan,
    estimate::Way,
    repeats::{Again, Repeated},
};
use crate::report::format::{bytes, duration, grouped, timestamp};

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
            ("load", self.load.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("rows", format!("{rows}, {} on average", bytes(self.row_bytes))),
            ("quotes", self.quotes()),
            ("keys", self.keys()),
            ("together", self.kept_together.as_ref().map(together).unwrap_or_default()),
            ("dates", self.dates()),
            ("org, today", self.left()),
            ("goes by", name(self.api).to_owned()),
            ("collections", way(&self.estimate.collections)),
            ("bulk", way(&self.estimate.bulk)),
            ("assumed", self.assumed()),
            ("auto picks", {
                let choice = &self.estimate.auto;
                format!("{} now: {}", name(choice.api), choice.why)
            }),
            ("advice", self.advice()),
        ];
        lines.retain(|(_, text)| !text.is_empty());
        let line = |(label, text): &(&str, String)| {
            format!("  {label:13} {}\n", service::shown(text, service::SENTENCE_MAX))
        };
        lines.iter().map(line).collect()
    }

    fn quotes(&self) -> String {
        match self.rows_with_backslash_quotes {
            0 => String::new(),
            rows => format!(
                "of the rows read, {} write a quote inside quotes as \\\" and are rejected for it: set \
                 CSV_ESCAPE=backslash",
                grouped(rows)
            ),
        }
    }

    fn keys(&self) -> String {
        match (&self.keys, &self.key) {
            (Some(keys), _) => repeated_keys(keys),
            (None, Some(column)) => format!(
                "not counted: the file has no column {column}; name the one that is mapped to it with \
                 --key"
            ),
            (None, None) => String::new(),
        }
    }

    fn dates(&self) -> String {
        let columns = self.dates.iter().map(|column| column.text(self.dates_assumed));
        columns.collect::<Vec<_>>().join("; ")
    }

    fn left(&self) -> String {
        let Some(limits) = &self.limits else {
            return "not known: no consumer has asked the org yet; start one, wait some seconds, and plan again"
                .to_owned();
        };
        let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        let heard = |at: Option<u64>| at.map(|at| seen(at, now_ms)).unwrap_or_default();
        let (of_calls, of_batches) =
            (heard(self.limits_seen_at_ms), heard(self.batches_seen_at_ms));
        let batches = limits.bulk_batches.map(|of| self.left_of(of, "Bulk batches"));
        match batches {
            None => format!(
                "{} left ({of_calls}), Bulk batches not known",
                self.left_of(limits.calls, "calls")
            ),
            Some(batches) if self.limits_seen_at_ms == self.batches_seen_at_ms => {
                format!("{} and {batches} left ({of_calls})", self.left_of(limits.calls, "calls"))
            }
            Some(batches) => format!(
                "{} left ({of_calls}), and {batches} ({of_batches})",
                self.left_of(limits.calls, "calls")
            ),
        }
    }

    /// Consumers leave the reserve to others: nothing is left for them when only that is.
    fn left_of(&self, of: Allowance, what: &str) -> String {
        let used_up = match self.assumed.leaves_none(of) {
            true => ", used up but for what is kept for others,",
            false => "",
        };
        format!("{} of {} {what}{used_up}", grouped(of.left), grouped(of.max))
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
        let advice = &self.estimate.advice;
        let mut set = format!("SALESFORCE_API={}", name(advice.api));
        if !advice.has_batch_rows {
            set.push_str(&format!(" BATCH_ROWS={}", advice.batch_rows));
        }
        if !advice.has_batch_bytes {
            set.push_str(&format!(" BATCH_BYTES_MAX={}", advice.batch_bytes_max));
        }
        format!("{set}: {}", advice.why)
    }
}

/// How old it is what a consumer heard of the org.
fn seen(at_ms: u64, now_ms: u64) -> String {
    let age = Duration::from_millis(now_ms.saturating_sub(at_ms));
    format!("as a consumer heard it {} ago, {}", duration(age), timestamp(at_ms))
}

fn repeated_keys(keys: &Repeated) -> String {
    let looked_at = looked_at(keys);
    let numbers = keys.as_numbers.map(|again| {
        format!(
            "; as numbers (1001.0 is 1001) {} and {}",
            grouped(again.again_in_batch),
            later(again)
        )
    });
    let numbers = numbers.unwrap_or_default();
    let again = keys.again;
    if again.again_in_batch + again.again_later == 0 {
        return format!("{looked_at} none repeats another one's{numbers}");
    }
    format!(
        "{looked_at} {} repeat that of one before them in their batch (sent one after the other, in file \
         order), and {} one of an earlier batch (either may win){numbers}",
        grouped(again.again_in_batch),
        later(again)
    )
}

fn together(groups: &Repeated) -> String {
    let looked_at = looked_at(groups);
    if groups.again.again_later == 0 {
        return format!("{looked_at} all with the same one are in one batch");
    }
    format!(
        "{looked_at} groups go on in a later batch {} times: the file is not sorted by it, or a group is \
         larger than a batch",
        later(groups.again)
    )
}

fn looked_at(repeated: &Repeated) -> String {
    format!("of {} rows with {},", grouped(repeated.rows_looked_at), repeated.column)
}

fn later(again: Again) -> String {
    let about = if again.is_exact { "" } else { "about " };
    format!("{about}{}", grouped(again.again_later))
}

fn way(way: &Way) -> String {
    let Way { batch_rows, batches, api_calls, lookups, for_repeats, bulk_batches, .. } = way;
    let Way { seconds, is_measured, fits_today, .. } = way;
    let parts = [(lookups, "to look records up"), (for_repeats, "for repeated keys")];
    let parts = parts.iter().filter(|(calls, _)| **calls > 0);
    let parts: Vec<_> =
        parts.map(|(calls, why)| format!("{} of them {why}", grouped(**calls))).collect();
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    };
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
        "{} batches of {}, {} calls{parts}{of_bulk}, about {time} ({how}){fits}",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_old_the_quota_is_is_said() {
        let at_ms = 1_795_440_000_000;
        let at = timestamp(at_ms);

        for (later_ms, age) in
            [(2_500, "2.5 s"), (4 * 3_600_000, "4 h 00 min"), (86_400_000, "24 h 00 min")]
        {
            let expected = format!("as a consumer heard it {age} ago, {at}");
            assert_eq!(seen(at_ms, at_ms + later_ms), expected);
        }
        assert!(seen(at_ms, 0).contains("0.0 s ago"), "clocks may be apart");
    }

    fn repeated(again_in_batch: u64, again_later: u64, is_exact: bool) -> Repeated {
        let again = Again { again_in_batch, again_later, is_exact };
        let column = "Key".to_owned();
        Repeated {
            column,
            rows_looked_at: 1_000,
            again,
            as_numbers: None,
            key_bytes: 0,
            for_repeats: Vec::new(),
        }
    }

    #[test]
    fn repeated_keys_are_told_with_what_they_mean_for_order() {
        assert_eq!(
            repeated_keys(&repeated(0, 0, true)),
            "of 1,000 rows with Key, none repeats another one's"
        );
        assert_eq!(
            repeated_keys(&repeated(2, 3_000, false)),
            "of 1,000 rows with Key, 2 repeat that of one before them in their batch (sent one after \
             the other, in file order), and about 3,000 one of an earlier batch (either may win)"
        );
    }

    #[test]
    fn keys_that_repeat_as_numbers_only_are_told_too() {
        let again = Again { again_in_batch: 3, again_later: 4, is_exact: true };
        let keys = Repeated { as_numbers: Some(again), ..repeated(0, 0, true) };

        assert_eq!(
            repeated_keys(&keys),
            "of 1,000 rows with Key, none repeats another one's; as numbers (1001.0 is 1001) 3 and 4"
        );
    }

    #[test]
    fn parents_in_several_batches_are_told_with_the_reason() {
        assert_eq!(
            together(&repeated(9, 0, true)),
            "of 1,000 rows with Key, all with the same one are in one batch"
        );
        assert_eq!(
            together(&repeated(9, 5, true)),
            "of 1,000 rows with Key, groups go on in a later batch 5 times: the file is not sorted by \
             it, or a group is larger than a batch"
        );
    }
}
