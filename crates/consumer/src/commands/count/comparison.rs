//! What a count proves. Pure.

use serde::Serialize;

use super::together::Measure;

/// How a count compares with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Verdict {
    /// As many records as delivered rows.
    Equal,
    Fewer,
    More,
    /// There is no count, or none that says anything.
    NoCount,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) measure: Measure,
    pub(super) delivered: u64,
    /// Rows that were rejected and may be stored all the same.
    pub(super) unanswered: u64,
    pub(super) counted: u64,
    /// Of created records, where fewer are there than were delivered.
    pub(super) in_recycle_bin: Option<u64>,
    /// All runs that are compared were delivered to their end.
    pub(super) is_complete: bool,
}

impl Figures {
    pub(super) fn verdict(&self) -> Verdict {
        match self.counted.cmp(&self.delivered) {
            std::cmp::Ordering::Equal => Verdict::Equal,
            std::cmp::Ordering::Less => Verdict::Fewer,
            std::cmp::Ordering::Greater => Verdict::More,
        }
    }

    /// Whether each delivered row is proven.
    pub(super) fn is_proof(&self) -> bool {
        self.verdict() == Verdict::Equal && self.unanswered == 0 && self.is_complete
    }

    /// What it means, in words.
    pub(super) fn says(&self) -> String {
        let mut says = match self.verdict() {
            Verdict::Fewer => self.fewer(),
            Verdict::More => self.more(),
            Verdict::Equal | Verdict::NoCount => self.equal(),
        };
        if !self.is_complete {
            says.push_str("; this is a part only: not all rows were delivered or rejected");
        }
        says
    }

    fn equal(&self) -> String {
        if self.unanswered > 0 {
            return format!(
                "as many as were delivered, but {} rejected rows may be stored too, for nobody heard \
                 the answer: each of them hides a row that is missing",
                self.unanswered
            );
        }
        match self.measure {
            Measure::Created => "each delivered row is one record",
            Measure::Changed => "each delivered row has a record of its own",
            Measure::Deleted => "each delivered row deleted one record",
        }
        .to_owned()
    }

    fn fewer(&self) -> String {
        let missing = self.delivered - self.counted;
        match (self.measure, self.in_recycle_bin) {
            (Measure::Created, Some(deleted)) => {
                let deleted = deleted.min(missing);
                let gone = missing - deleted;
                format!(
                    "{missing} records are missing: {deleted} were deleted since and are in the recycle \
                     bin, of {gone} there is no trace{}",
                    self.as_whom()
                )
            }
            (Measure::Created, None) => {
                format!("{missing} records are missing, or were deleted since{}", self.as_whom())
            }
            (Measure::Changed, _) => format!(
                "{missing} delivered rows have no record of their own: rows share keys, or others \
                 changed or deleted their records since{}",
                self.as_whom()
            ),
            (Measure::Deleted, _) => format!(
                "{missing} delivered rows deleted no record that is still known: records were deleted \
                 before, rows share them, or the recycle bin was emptied{}",
                self.as_whom()
            ),
        }
    }

    /// Who sees nothing may look for another's records.
    fn as_whom(&self) -> &'static str {
        if self.counted == 0 {
            "; did the consumers that delivered the rows sign in as this user?"
        } else {
            ""
        }
    }

    fn more(&self) -> String {
        let more = self.counted - self.delivered;
        let mut says = match self.measure {
            Measure::Created => format!(
                "{more} records more than delivered rows: rows are stored twice, or this user created \
                 records of the object otherwise at that time"
            ),
            Measure::Changed => format!(
                "{more} records more than delivered rows: this user changed records of the object \
                 otherwise at that time"
            ),
            Measure::Deleted => format!(
                "{more} records more than delivered rows: this user deleted records of the object \
                 otherwise at that time"
            ),
        };
        if self.unanswered > 0 {
            says.push_str(&format!(
                "; up to {} may be rejected rows that are stored, for nobody heard the answer",
                self.unanswered
            ));
        }
        says
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(measure: Measure, delivered: u64, counted: u64) -> Figures {
        let in_recycle_bin = None;
        Figures { measure, delivered, unanswered: 0, counted, in_recycle_bin, is_complete: true }
    }

    fn assert_says(figures: &Figures, verdict: Verdict, is_proof: bool, words: &str) {
        let says = figures.says();
        assert_eq!((figures.verdict(), figures.is_proof()), (verdict, is_proof), "{figures:?}");
        assert!(says.contains(words), "{words:?} is not in {says:?}");
    }

    #[test]
    fn as_many_records_as_delivered_rows_prove_each_row() {
        for (measure, words) in [
            (Measure::Created, "each delivered row is one record"),
            (Measure::Changed, "each delivered row has a record of its own"),
            (Measure::Deleted, "each delivered row deleted one record"),
        ] {
            assert_says(&figures(measure, 300, 300), Verdict::Equal, true, words);
            assert_says(&figures(measure, 0, 0), Verdict::Equal, true, words);
        }
    }

    #[test]
    fn fewer_and_more_are_named_with_what_they_may_come_from() {
        for (measure, counted, verdict, words) in [
            (Measure::Created, 297, Verdict::Fewer, "3 records are missing"),
            (
                Measure::Created,
                302,
                Verdict::More,
                "2 records more than delivered rows: rows are stored twice",
            ),
            (
                Measure::Changed,
                290,
                Verdict::Fewer,
                "10 delivered rows have no record of their own: rows share keys",
            ),
            (
                Measure::Changed,
                301,
                Verdict::More,
                "1 records more than delivered rows: this user changed",
            ),
            (Measure::Deleted, 299, Verdict::Fewer, "1 delivered rows deleted no record"),
            (
                Measure::Deleted,
                301,
                Verdict::More,
                "this user deleted records of the object otherwise",
            ),
        ] {
            assert_says(&figures(measure, 300, counted), verdict, false, words);
            let none = figures(measure, 300, 0).says();
            assert!(none.contains("sign in as this user"), "{none}");
        }
    }

    #[test]
    fn deleted_records_are_told_from_those_that_are_gone() {
        let deleted = |in_recycle_bin| Figures {
            in_recycle_bin: Some(in_recycle_bin),
            ..figures(Measure::Created, 300, 295)
        };

        for (in_bin, words) in [
            (0, "0 were deleted since and are in the recycle bin, of 5 there is no trace"),
            (3, "3 were deleted since and are in the recycle bin, of 2 there is no trace"),
            (9, "5 were deleted since and are in the recycle bin, of 0 there is no trace"),
        ] {
            assert_says(&deleted(in_bin), Verdict::Fewer, false, words);
        }
    }

    #[test]
    fn rows_of_which_nobody_heard_may_hide_a_missing_one() {
        let unanswered =
            |counted| Figures { unanswered: 2, ..figures(Measure::Created, 300, counted) };

        assert_says(&unanswered(300), Verdict::Equal, false, "2 rejected rows may be stored too");
        assert_says(&unanswered(302), Verdict::More, false, "up to 2 may be rejected rows");
    }

    #[test]
    fn a_run_that_was_broken_off_proves_a_part_only() {
        let part = Figures { is_complete: false, ..figures(Measure::Created, 300, 300) };

        assert_says(
            &part,
            Verdict::Equal,
            false,
            "each delivered row is one record; this is a part",
        );
    }
}
