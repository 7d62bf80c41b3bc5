//! Which runs a count cannot keep apart. Pure.

use ingest_core::RunId;

use load::Operation;

/// So far the count reaches beyond a run at both ends, in milliseconds: `CreatedDate` and the header
/// `Date` are right to a second each, and the header takes some time to arrive.
pub(super) const MARGIN_MS: u64 = 5_000;

/// What of its records is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Those that the user created.
    Created,
    /// Those that the user was the last one to change.
    Changed,
    /// Those that the user deleted.
    Deleted,
}

/// One run of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) run: RunId,
    pub(super) operation: Operation,
    /// By Redis' clock, in Unix milliseconds.
    pub(super) from_ms: u64,
    /// Nothing when it has not ended.
    pub(super) to_ms: Option<u64>,
    /// Its operation did all that is delivered.
    pub(super) is_of_its_operation: bool,
    pub(super) delivered: u64,
    /// Rows that were rejected and may be stored all the same.
    pub(super) unanswered: u64,
    /// Each of its rows is delivered or rejected.
    pub(super) is_complete: bool,
}

/// Runs that are counted as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Together {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) delivered: u64,
    pub(super) unanswered: u64,
    /// All of them are.
    pub(super) is_complete: bool,
    /// Those beside the one that is asked for.
    pub(super) others: Vec<RunId>,
}

/// Runs whose share in the count is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mixed {
    pub(super) why: &'static str,
    pub(super) runs: Vec<RunId>,
}

/// What another run has to do with a count.
#[derive(PartialEq, Eq)]
enum Share {
    /// Its delivered rows are in it.
    Adds,
    Nothing,
    Unknown,
}

const NOT_ENDED: &str = "other runs cannot be told from this one, and they have not ended";

const SOMETHING_ELSE: &str = "other runs cannot be told from this one, and they do something else with \
                              records of the same object";

const OTHERS_CHANGED: &str = "other runs cannot be told from this one, and what was done with rows of \
                              theirs is not what their operation does";

const CHANGED: &str = "what was done with rows of this run is not what its operation does";

const CHANGING: &str = "this run or others of the object began or went on while the records were \
                        counted; count again when they have ended";

const GONE_FOR_GOOD: &str = "no query finds records that were deleted for good, so there is nothing to \
                             count";

impl Mixed {
    /// The records are in no recycle bin, where they could be counted.
    pub(super) fn gone_for_good() -> Self {
        Self { why: GONE_FOR_GOOD, runs: Vec::new() }
    }

    /// The runs were others each time that they were counted.
    pub(super) fn changing() -> Self {
        Self { why: CHANGING, runs: Vec::new() }
    }
}

impl Measure {
    pub(super) fn of(operation: Operation) -> Self {
        match operation {
            Operation::Insert => Self::Created,
            Operation::Upsert | Operation::Update => Self::Changed,
            Operation::Delete | Operation::HardDelete => Self::Deleted,
        }
    }

    fn share(self, operation: Operation) -> Share {
        match (self, operation) {
            (Self::Created, Operation::Insert)
            | (Self::Changed, Operation::Insert | Operation::Upsert | Operation::Update)
            | (Self::Deleted, Operation::Delete) => Share::Adds,
            // What it says to have created may be fewer than it did: rows that are sent again.
            (Self::Created, Operation::Upsert) => Share::Unknown,
            // Whose records it removed is unknown.
            (Self::Created | Self::Changed, Operation::Delete | Operation::HardDelete) => {
                Share::Unknown
            }
            (Self::Created, Operation::Update) | (Self::Deleted, _) => Share::Nothing,
        }
    }
}

impl Together {
    fn new(run: &Span, to_ms: u64) -> Self {
        let Span { from_ms, delivered, unanswered, is_complete, .. } = *run;
        Self { from_ms, to_ms, delivered, unanswered, is_complete, others: Vec::new() }
    }

    /// Both reach beyond their ends.
    fn meets(&self, other: &Span) -> bool {
        let apart_ms = 2 * MARGIN_MS;
        other.from_ms <= self.to_ms.saturating_add(apart_ms)
            && other.to_ms.is_none_or(|to_ms| to_ms.saturating_add(apart_ms) >= self.from_ms)
    }

    fn add(&mut self, other: Span, to_ms: u64) {
        self.from_ms = self.from_ms.min(other.from_ms);
        self.to_ms = self.to_ms.max(to_ms);
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.unanswered = self.unanswered.saturating_add(other.unanswered);
        self.is_complete &= other.is_complete;
        self.others.push(other.run);
    }
}

/// Adds up the runs that a count of `run`, which ended at `to_ms`, includes: those of its time,
/// those of theirs, and so on. The whole time of each is counted.
pub(super) fn together(run: &Span, to_ms: u64, others: Vec<Span>) -> Result<Together, Mixed> {
    if !run.is_of_its_operation {
        return Err(Mixed { why: CHANGED, runs: Vec::new() });
    }
    let measure = Measure::of(run.operation);
    let mut sum = Together::new(run, to_ms);
    let mut rest: Vec<Span> = others
        .into_iter()
        .filter(|other| {
            !other.is_of_its_operation || measure.share(other.operation) != Share::Nothing
        })
        .collect();
    loop {
        let (near, far): (Vec<_>, Vec<_>) = rest.into_iter().partition(|other| sum.meets(other));
        if near.is_empty() {
            return Ok(sum);
        }
        mixed(&near, NOT_ENDED, |other| other.to_ms.is_none())?;
        mixed(&near, OTHERS_CHANGED, |other| !other.is_of_its_operation)?;
        mixed(&near, SOMETHING_ELSE, |other| measure.share(other.operation) == Share::Unknown)?;
        for other in near {
            let to_ms = other.to_ms.unwrap_or(sum.to_ms);
            sum.add(other, to_ms);
        }
        rest = far;
    }
}

/// Runs that went on after the ones that are counted, and may have taken records out of the count:
/// what they changed or deleted counts as theirs.
pub(super) fn later(measure: Measure, sum: &Together, others: &[Span]) -> Vec<RunId> {
    let takes = |other: &&Span| {
        let takes = match measure {
            Measure::Created => {
                matches!(other.operation, Operation::Delete | Operation::HardDelete)
            }
            Measure::Changed => other.operation != Operation::Insert,
            Measure::Deleted => false,
        };
        takes && other.delivered > 0 && other.to_ms.is_none_or(|to_ms| to_ms > sum.to_ms)
    };
    let later = others.iter().filter(|other| !sum.others.contains(&other.run)).filter(takes);
    later.map(|other| other.run.clone()).collect()
}

fn mixed(near: &[Span], why: &'static str, is_so: impl Fn(&Span) -> bool) -> Result<(), Mixed> {
    let runs: Vec<RunId> =
        near.iter().filter(|other| is_so(other)).map(|other| other.run.clone()).collect();
    if runs.is_empty() { Ok(()) } else { Err(Mixed { why, runs }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in seconds, which delivered ten rows.
    fn span(run: &str, operation: Operation, from: u64, to: Option<u64>) -> Span {
        Span {
            run: run.parse().unwrap(),
            operation,
            from_ms: from * 1_000,
            to_ms: to.map(|to| to * 1_000),
            is_of_its_operation: true,
            delivered: 10,
            unanswered: 1,
            is_complete: run != "failed",
        }
    }

    fn counted(operation: Operation, others: Vec<Span>) -> Result<Together, Mixed> {
        together(&span("a", operation, 100, Some(200)), 200_000, others)
    }

    fn names(runs: &[RunId]) -> Vec<&str> {
        runs.iter().map(RunId::as_str).collect()
    }

    #[test]
    fn a_run_alone_is_counted_alone() {
        let far = vec![
            span("before", Operation::Insert, 10, Some(89)),
            span("after", Operation::Insert, 211, None),
        ];

        let sum = counted(Operation::Insert, far).unwrap();

        let expected = (100_000, 200_000, 10, 1, Vec::new());
        assert_eq!((sum.from_ms, sum.to_ms, sum.delivered, sum.unanswered, sum.others), expected);
    }

    #[test]
    fn runs_that_meet_it_or_each_other_are_added_up_with_their_whole_time() {
        let others = vec![
            span("far", Operation::Insert, 500, Some(600)),
            span("third", Operation::Insert, 409, Some(450)),
            span("second", Operation::Insert, 150, Some(400)),
            span("first", Operation::Insert, 20, Some(90)),
        ];

        let sum = counted(Operation::Insert, others).unwrap();

        assert_eq!(
            (sum.from_ms, sum.to_ms, sum.delivered, sum.unanswered),
            (20_000, 450_000, 40, 4)
        );
        assert_eq!(names(&sum.others), ["second", "first", "third"]);
        assert!(sum.is_complete);
    }

    #[test]
    fn a_sum_is_complete_when_each_run_is() {
        let failed = span("failed", Operation::Insert, 150, Some(160));

        let sum = counted(Operation::Insert, vec![failed]).unwrap();

        assert!(!sum.is_complete, "{sum:?}");
    }

    #[test]
    fn a_run_that_has_not_ended_allows_no_count() {
        let others = vec![
            span("ended", Operation::Insert, 100, Some(200)),
            span("slow", Operation::Insert, 10, None),
        ];

        let mixed = counted(Operation::Insert, others).unwrap_err();

        assert_eq!((names(&mixed.runs), mixed.why), (vec!["slow"], NOT_ENDED));
    }

    #[test]
    fn what_another_operation_adds_is_known_or_it_allows_no_count() {
        use Operation::{Delete, Insert, Update, Upsert};
        // Rows in all, or nothing where it cannot be told.
        for (counts, other, delivered) in [
            (Insert, Insert, Some(20)),
            (Insert, Update, Some(10)),
            (Insert, Upsert, None),
            (Insert, Delete, None),
            (Upsert, Insert, Some(20)),
            (Upsert, Upsert, Some(20)),
            (Upsert, Update, Some(20)),
            (Upsert, Delete, None),
            (Update, Upsert, Some(20)),
            (Update, Delete, None),
            (Delete, Delete, Some(20)),
            (Delete, Insert, Some(10)),
            (Delete, Upsert, Some(10)),
            (Delete, Update, Some(10)),
        ] {
            let sum = counted(counts, vec![span("b", other, 120, Some(130))]);

            let told = sum.as_ref().ok().map(|sum| sum.delivered);
            assert_eq!(told, delivered, "{counts:?} beside {other:?}: {sum:?}");
        }
    }

    #[test]
    fn later_runs_that_may_have_taken_records_are_named() {
        use Operation::{Delete, HardDelete, Insert, Update, Upsert};
        let others = |operation| {
            let without_rows = Span { delivered: 0, ..span("idle", operation, 500, Some(600)) };
            vec![
                span("later", operation, 300, Some(400)),
                span("open", operation, 300, None),
                span("earlier", operation, 10, Some(20)),
                without_rows,
            ]
        };
        for (counted, taking, others_take) in [
            (Insert, [Delete, HardDelete].as_slice(), [Insert, Update, Upsert].as_slice()),
            (Upsert, &[Upsert, Update, Delete, HardDelete], &[Insert]),
            (Delete, &[], &[Insert, Update, Upsert, Delete, HardDelete]),
        ] {
            let sum = Together::new(&span("a", counted, 100, Some(200)), 200_000);
            for (operations, expected) in
                [(taking, vec!["later", "open"]), (others_take, Vec::new())]
            {
                for operation in operations {
                    let found = later(Measure::of(counted), &sum, &others(*operation));
                    assert_eq!(names(&found), expected, "{counted:?}, then {operation:?}");
                }
            }
        }
    }

    #[test]
    fn a_run_whose_operation_was_changed_allows_no_count() {
        use Operation::{Delete, Insert, Update, Upsert};
        let changed = |run, operation| Span {
            is_of_its_operation: false,
            ..span(run, operation, 120, Some(130))
        };

        let own = together(&changed("a", Insert), 130_000, Vec::new()).unwrap_err();
        assert_eq!((names(&own.runs), own.why), (Vec::new(), CHANGED));
        // Whatever its last operation adds, the one before may have added more.
        for (counts, other) in
            [(Insert, Insert), (Insert, Update), (Upsert, Update), (Delete, Upsert)]
        {
            let far = Span { from_ms: 300_000, to_ms: Some(400_000), ..changed("far", other) };
            let mixed = counted(counts, vec![changed("b", other), far]).unwrap_err();

            assert_eq!((names(&mixed.runs), mixed.why), (vec!["b"], OTHERS_CHANGED), "{other:?}");
        }
    }
}
