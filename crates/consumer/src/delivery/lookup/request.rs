//! Sends one query until it is decided what it comes to.

use std::{fmt, sync::Arc};

use load::{Operation, Reason};
use salesforce::{ErrorAnswer, FoundRecords, KeyQuery, Refusal};

use super::keys::{Keys, Match};
use crate::{
    delivery::{
        batch::Delivery,
        batch_state::BatchState,
        planner::Planner,
        rest::Chunk,
        sender::{CallError, Interruption, Refused, Retries, Sender, Suspect},
    },
    retry::{Again, Blocker, CallVerdict, OnSingleRow, classify_call, reason_of},
};

/// Looks records up.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) sender: Arc<Sender>,
    pub(crate) planner: Arc<Planner>,
}

/// Why a query brought no matches.
pub(super) enum QueryError {
    /// It cannot be taken as it is: a key may be at fault, or an intermediary takes none.
    Refused {
        reason: Reason,
        cause: Cause,
        /// If it is no fault of a key.
        blocker: Blocker,
    },
    Interrupted(Interruption),
}

/// What a query was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its keys are too long together, or one is.
    Text,
    /// It takes too long at the moment: that is no fault of a key.
    Work,
    /// A key, unless no query is taken.
    Key,
    /// The same, or chance: it got no answer, and too few other calls do to tell.
    Unclear,
}

impl Lookup {
    /// Asks for keys until it is decided what that comes to.
    pub(super) async fn ask(
        &self,
        delivery: &Delivery<'_>,
        keys: &Keys<'_>,
        chunk: &mut Chunk,
        state: &mut BatchState,
    ) -> Result<Vec<Match>, QueryError> {
        let query = keys.query(chunk);
        let asked = chunk.rows.clone();
        let read = |found: &FoundRecords| keys.matches(&asked, found);
        self.send(delivery, (keys.field(), &query), chunk, read, state).await
    }

    /// Asks for a key that no row has, after a query was refused: an org that takes this one has refused
    /// that one for its keys. The error is that the run is held, for it is no fault of a key.
    pub(super) async fn ask_for_no_row(
        &self,
        delivery: &Delivery<'_>,
        keys: &Keys<'_>,
        refused_query: &Chunk,
        blocker: &Blocker,
        state: &mut BatchState,
    ) -> Result<(), Interruption> {
        let query = keys.query_for_no_row(refused_query);
        let mut chunk = Chunk::default();
        let read = |_: &FoundRecords| Some(());
        match self.send(delivery, (keys.field(), &query), &mut chunk, read, state).await {
            Ok(()) => Ok(()),
            Err(QueryError::Interrupted(interruption)) => Err(interruption),
            Err(QueryError::Refused { .. }) => {
                delivery.hold_run(blocker.clone());
                Err(Interruption::Stopped)
            }
        }
    }

    async fn send<T>(
        &self,
        delivery: &Delivery<'_>,
        (field, query): (&str, &KeyQuery),
        chunk: &mut Chunk,
        read: impl Fn(&FoundRecords) -> Option<T>,
        state: &mut BatchState,
    ) -> Result<T, QueryError> {
        let find = async || {
            let found = self.sender.client.find(query).await?;
            read(&found).ok_or_else(|| Refusal::OutcomeUnknown {
                cause: "the answer to a query names records by no id".to_owned(),
            })
        };
        let count = |_again: Option<Again>| {
            state.api_calls += 1;
            self.sender.counters.called();
        };
        let classify = |refusal: &Refusal| classify(refusal, field, delivery.load().operation);
        let is_alone = chunk.rows.len() == 1;
        let suspect = Suspect { attempts: &mut chunk.attempts, is_alone, was_tried: false };
        let retries = Retries::UntilAtFault(suspect);
        match self.sender.call(delivery, classify, retries, count, find).await {
            Ok((started, answer)) => {
                self.sender.throttle.succeeded(started);
                Ok(answer)
            }
            Err(CallError::Refused(refused)) => Err(self.refused(delivery, field, refused).await),
            Err(CallError::Interrupted(interruption)) => {
                state.api_calls += u64::from(interruption == Interruption::Forced);
                Err(QueryError::Interrupted(interruption))
            }
        }
    }

    async fn refused(&self, delivery: &Delivery<'_>, field: &str, refused: Refused) -> QueryError {
        let Refused { verdict, refusal, started, is_at_fault } = refused;
        let answer = match &refusal {
            Refusal::Answered(answer) => Some(answer),
            _ => None,
        };
        let alike = blocker(&refusal, field);
        let (cause, blocker) = match verdict {
            CallVerdict::Hold(blocker) => {
                if answer.is_some_and(is_about_the_field) {
                    delivery.hold_run(blocker);
                } else {
                    self.planner.hold_run(delivery, started.at, &refusal, blocker).await;
                }
                return QueryError::Interrupted(Interruption::Stopped);
            }
            _ if answer.is_some_and(is_too_long) => (Cause::Text, alike),
            _ if answer.is_some_and(may_be_for_a_key) => (Cause::Key, alike),
            CallVerdict::Doubt(advice) => (Cause::Key, Blocker { advice, ..alike }),
            CallVerdict::Split(OnSingleRow::Reject) if !is_at_fault => (Cause::Key, alike),
            CallVerdict::Split(OnSingleRow::Retry) if got_no_answer(&refusal) => {
                (Cause::Unclear, alike)
            }
            _ if got_no_answer(&refusal) => (Cause::Key, alike),
            _ => (Cause::Work, alike),
        };
        QueryError::Refused { reason: reason_of(&refusal), cause, blocker }
    }
}

/// What a query is refused for comes before what the call is refused for as a whole.
fn classify(refusal: &Refusal, field: &str, operation: Operation) -> CallVerdict {
    match refusal {
        Refusal::Answered(answer) if is_about_the_field(answer) => {
            CallVerdict::Hold(cannot_be_asked_for(answer, field))
        }
        Refusal::Answered(answer) if is_too_long(answer) || may_be_for_a_key(answer) => {
            CallVerdict::Split(OnSingleRow::Reject)
        }
        _ => classify_call(refusal, operation),
    }
}

/// Whether a query had too many keys for Salesforce or an intermediary.
fn is_too_long(answer: &ErrorAnswer) -> bool {
    matches!(answer.status, 414 | 431)
        || matches!(answer.code.as_deref(), Some("URI_TOO_LONG" | "QUERY_TOO_COMPLICATED"))
}

/// Whether it may be a key in it that a query is refused for: Salesforce does not understand it, or
/// an intermediary does not let it through, in no words of Salesforce.
fn may_be_for_a_key(answer: &ErrorAnswer) -> bool {
    match answer.code.as_deref() {
        Some(code) => code == "MALFORMED_QUERY",
        None => matches!(answer.status, 300..=407 | 409..=419 | 421..=428 | 430..=499),
    }
}

/// Whether nothing of Salesforce came back: after a few tries it may be for a key, too.
fn got_no_answer(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::OutcomeUnknown { .. } => true,
        Refusal::Answered(answer) => answer.code.is_none() && answer.status >= 500,
        _ => false,
    }
}

fn blocker(answer: &impl fmt::Display, field: &str) -> Blocker {
    Blocker {
        what: format!("{answer} for every query by {field} that was tried"),
        advice: "check proxies on the way, what the integration user may do (field-level security), and \
                 that the field can be filtered by",
    }
}

/// Whether no record can be asked for by the field, whatever the keys are.
fn is_about_the_field(answer: &ErrorAnswer) -> bool {
    matches!(
        answer.code.as_deref(),
        Some("INVALID_FIELD" | "INVALID_TYPE" | "INVALID_QUERY_FILTER_OPERATOR")
    )
}

fn cannot_be_asked_for(answer: &ErrorAnswer, field: &str) -> Blocker {
    Blocker {
        what: format!("{answer} for a query by {field}"),
        advice: "let the integration user see object and external id field (field-level \
                 security), and see that the field can be filtered by",
    }
}
