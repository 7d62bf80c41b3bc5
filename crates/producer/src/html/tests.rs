//! The page as text.

use job_queue::{Bucket, Ledger, RunState, Series};

use super::{escaped, page};
use crate::{report::Report, sample};

fn series(buckets: usize) -> Series {
    let bucket = |at: u64| Bucket {
        read: 2_000_000 + at * 1_000,
        delivered: 1_000_000 + at * 1_000,
        rejected: at % 3 * 10_000,
    };
    Series { bucket_ms: 2_000, buckets: (0..).take(buckets).map(bucket).collect() }
}

#[test]
fn the_page_reads_as_it_was_read_over() {
    let report = Report::of(sample::completed("nightly-6"));

    insta::assert_snapshot!(page(&report, &series(3)));
}

#[test]
fn nothing_from_outside_becomes_a_tag() {
    let evil = "<script>alert(\"x\")</script>&'";
    let ledger = Ledger {
        file: evil.to_owned(),
        container: evil.to_owned(),
        reason: Some(evil.to_owned()),
        state: RunState::Failed,
        rejected_by_code: [(evil.to_owned(), 7)].into(),
        ..sample::completed("evil")
    };

    let page = page(&Report::of(ledger), &series(3));

    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains(&escaped(evil)));
    assert_eq!(escaped(evil), "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;");
}

#[test]
fn the_page_is_small_and_needs_nothing_else() {
    let codes = (0..1_000).map(|code| (format!("CODE_{code}_{}", "X".repeat(60)), code)).collect();
    let ledger = Ledger {
        reason: Some("no ".repeat(100_000)),
        rejected_by_code: codes,
        ..sample::completed("large")
    };

    let page = page(&Report::of(ledger), &series(96));

    assert!(page.len() < 100_000, "{} bytes", page.len());
    for outside in ["http://", "https://", "<link", "<img", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("980 other codes"));
}

#[test]
fn a_run_in_which_nothing_happened_has_a_page() {
    let ledger = Ledger { read: 0, created: 0, updated: 0, rejected: 0, ..sample::ledger("empty") };

    let page = page(&Report::of(ledger), &Series::default());

    assert!(page.contains("feeding") && !page.contains("NaN") && !page.contains("inf"), "{page}");
}
