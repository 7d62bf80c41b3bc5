//! Rows that are kept together in one batch.

use ingest_core::{BatchLimits, Header, Ingest, IngestError, IngestSettings, ResumePoint};
use proptest::prelude::*;

use crate::support::{Reading, read_together, settings};

fn limited(rows_max: usize, bytes_max: usize) -> IngestSettings {
    IngestSettings { batch: BatchLimits { rows_max, bytes_max }, ..settings() }
}

/// The parents of each batch's rows; a reject is `!`, an empty parent `-`.
fn cut(rows_max: usize, bytes_max: usize, parents: &str) -> Vec<String> {
    let row = |parent: char| match parent {
        '!' => "too,many,cells\n".to_owned(),
        '-' => ",x\n".to_owned(),
        parent => format!("{parent},x\n"),
    };
    let input = format!("parent,note\n{}", parents.chars().map(row).collect::<String>());
    parents_of(&read_together(limited(rows_max, bytes_max), "parent", input).unwrap())
}

fn parents_of(reading: &Reading) -> Vec<String> {
    let of_row = |raw: &[u8]| match raw[0] {
        b',' => '-',
        parent => char::from(parent),
    };
    let of_batch = |batch: &ingest_core::Batch| {
        let rows = batch.rows.iter().map(|(record, raw)| (record, of_row(raw)));
        let rejects = batch.rejects.iter().map(|reject| (reject.record, '!'));
        let mut records: Vec<_> = rows.chain(rejects).collect();
        records.sort_unstable();
        records.into_iter().map(|(_, parent)| parent).collect()
    };
    reading.batches.iter().map(of_batch).collect()
}

#[test]
fn a_batch_ends_before_rows_that_belong_together_and_do_not_all_fit() {
    for (parents, expected) in [
        ("aabbcc", &["aabb", "cc"][..]),
        ("aaabbcc", &["aaa", "bbcc"]),
        ("aabbbc", &["aa", "bbbc"]),
        ("abcd", &["abcd"]),
        ("abcde", &["abcd", "e"]),
        ("aaaa", &["aaaa"]),
        ("aaaab", &["aaaa", "b"]),
        ("", &[]),
    ] {
        assert_eq!(cut(4, 1000, parents), expected, "{parents}");
    }
}

#[test]
fn a_group_that_is_larger_than_a_batch_is_cut_where_a_batch_is_full() {
    for (parents, expected) in [
        ("aaaaaa", &["aaaa", "aa"][..]),
        ("baaaaaaaaac", &["b", "aaaa", "aaaa", "ac"]),
        ("baaaaacc", &["b", "aaaa", "acc"]),
    ] {
        assert_eq!(cut(4, 1000, parents), expected, "{parents}");
    }
}

#[test]
fn rows_without_a_parent_are_in_no_group() {
    assert_eq!(cut(4, 1000, "a-----"), ["a---", "--"]);
    assert_eq!(cut(4, 1000, "aa-bb"), ["aa-", "bb"]);
}

#[test]
fn a_reject_ends_no_group() {
    for (parents, expected) in [
        ("aab!bb", &["aa", "b!bb"][..]),
        ("aabb!b", &["aa", "bb!b"]),
        ("!!aaaa", &["!!", "aaaa"]),
        ("aaaa!aaaa", &["aaaa", "!", "aaaa"]),
        ("abc!!d", &["ab", "c!!d"]),
        ("a--!!b", &["a--!", "!b"]),
        ("!!!!!!", &["!!!!", "!!"]),
    ] {
        assert_eq!(cut(4, 1000, parents), expected, "{parents}");
    }
}

#[test]
fn the_bytes_of_a_batch_count_as_its_rows_do() {
    assert_eq!(cut(100, 12, "aabbcc"), ["aabb", "cc"]);
    assert_eq!(cut(100, 12, "aabbbc"), ["aa", "bbbc"]);
    assert_eq!(cut(100, 2, "aab"), ["a", "a", "b"]);
    // The second batch would be too large with all of its group in it.
    let wide = format!("parent,note\na,x\nb,x\nb,{}\n", "x".repeat(9));
    let reading = read_together(limited(100, 12), "parent", wide).unwrap();
    assert_eq!(parents_of(&reading), ["ab", "b"]);
}

#[test]
fn the_cell_counts_and_not_how_it_is_written() {
    let input = "note;\"the parent\"\n1;a\n2;b\n3;\"b\"\n\"4;\"; b \n5;c\n";

    let reading = read_together(limited(3, 1000), "the parent", input).unwrap();

    let rows: Vec<_> = reading.batches.iter().map(|batch| batch.rows.len()).collect();
    assert_eq!(rows, [1, 3, 1]);
}

#[test]
fn a_column_that_is_not_there_ends_the_reading() {
    let error = read_together(settings(), "Parent", "id,note\n1,x\n").unwrap_err();

    assert_eq!(
        error.to_string(),
        "there is no column \"Parent\" to keep rows together by; name one of the header's columns"
    );
    let header = Header::parse("id,note".into(), Default::default()).unwrap();
    let behind = ResumePoint { sequence: 1, record: 1, line: 3, byte: 12, skipped: 0 };
    let resumed = Ingest::resume(settings(), header, behind).keeping_together("Parent".to_owned());
    assert_eq!(
        { resumed }.next_batch(),
        Err(IngestError::NoColumnToKeepTogether { name: "Parent".to_owned() })
    );
}

proptest! {
    /// `read_together` goes on at the end of every batch, and gets the same ones.
    #[test]
    fn wherever_reading_goes_on_rows_are_kept_together_the_same(
        parents in "[ab]{0,9}[abc!-]{0,20}[b!-]{0,9}", rows_max in 1..7_usize,
        bytes_max in prop_oneof![Just(1000_usize), 1..40_usize],
    ) {
        let batches = cut(rows_max, bytes_max, &parents);

        prop_assert_eq!(batches.concat(), parents.as_str());
        if bytes_max == 1000 {
            for pair in batches.windows(2) {
                // Only a group that fills its batch, from its first row on, is cut.
                let (last, next) = (pair[0].chars().next_back(), pair[1].chars().next());
                let fills = pair[0].chars().all(|parent| Some(parent) == last || parent == '!');
                prop_assert!(last != next || matches!(last, Some('-' | '!')) || fills, "{:?}", batches);
            }
        }
    }
}
