//! Sends one query until it is decided what it comes to.

use std::fmt;

use super::keys::{Keys, Match};
use crate::{
    delivery::batch_state::Progress,
    delivery::rest::chunk::Call,
    delivery::{Deliverer, Delivery, End, Sent},
    retry::{Blocker, reason_of},
};
use load::Reason;
use salesforce::{ErrorAnswer, FoundRecords, KeyQuery, Refusal};

/// What a query came to.
pub(super) enum Asked<T = Vec<Match>> {
    /// For each key of the query.
    Answered(T),
    /// It cannot be taken as it is.
    Refused(Refused),
    End(End),
}

/// Why a query cannot be taken as it is; with a blocker, if it is no fault of a key.
pub(super) enum Refused {
    /// It may be another time, or with fewer keys.
    TooMuch(Reason),
    /// With fewer keys it may be; one key is at fault, or whoever is on the way takes none.
    TooLong(Reason, Blocker),
    /// A key may be at fault, or whoever is on the way takes none.
    Doubtful(Reason, Blocker),
}

impl Deliverer {
    /// Asks for keys until it is decided what that comes to.
    pub(super) async fn ask_once(
        &self,
        delivery: &Delivery<'_>,
        keys: &Keys<'_>,
        call: &mut Call,
        progress: &mut Progress,
    ) -> Asked {
        let query = keys.query(call);
        let asked = call.rows.clone();
        let read = |found: &FoundRecords| keys.matches(&asked, found);
        self.ask_until_decided(delivery, (keys.field(), &query), call, read, progress).await
    }

    /// Asks for a key that no row has, after a query was refused: whoever takes this one has refused
    /// that one for its keys. The error is an end: then the run is held, for it is no fault of a key.
    pub(super) async fn ask_for_no_row(
        &self,
        delivery: &Delivery<'_>,
        keys: &Keys<'_>,
        refused_query: &Call,
        refused: &Refused,
        progress: &mut Progress,
    ) -> Result<(), End> {
        let query = keys.query_for_no_row(refused_query);
        let mut call = Call::default();
        let read = |_: &FoundRecords| Some(());
        let key = (keys.field(), &query);
        match self.ask_until_decided(delivery, key, &mut call, read, progress).await {
            Asked::Answered(()) => Ok(()),
            Asked::End(end) => Err(end),
            Asked::Refused(_) => {
                if let Refused::TooLong(_, blocker) | Refused::Doubtful(_, blocker) = refused {
                    delivery.hold_run(blocker.clone());
                }
                Err(End::Interrupted)
            }
        }
    }

    async fn ask_until_decided<T>(
        &self,
        delivery: &Delivery<'_>,
        (field, query): (&str, &KeyQuery),
        call: &mut Call,
        read: impl Fn(&FoundRecords) -> Option<T>,
        progress: &mut Progress,
    ) -> Asked<T> {
        loop {
            let (leave, slot) = match self.leave(delivery).await {
                Ok(leave) => leave,
                Err(end) => return Asked::End(end),
            };
            let find = self.client.find(query);
            let Some(answer) = self.stopping.give_up.run_until_cancelled(find).await else {
                progress.api_calls += 1;
                return Asked::End(End::Interrupted);
            };
            self.note_too_many(&leave, &answer);
            drop(slot);
            if !matches!(answer, Err(Refusal::NotSent { .. } | Refusal::Login(_))) {
                progress.api_calls += 1;
                self.totals.called(0);
            }
            let answer = answer.and_then(|found| {
                read(&found).ok_or_else(|| Refusal::OutcomeUnknown {
                    cause: "the answer to a query names records by no id".to_owned(),
                })
            });
            let refusal = match answer {
                Ok(answer) => {
                    self.gate.answered(leave.pass);
                    self.window.answered();
                    return Asked::Answered(answer);
                }
                Err(refusal) => refusal,
            };
            if let Refusal::Answered(answer) = &refusal {
                if let Some(blocker) = cannot_be_asked_for(answer, field) {
                    delivery.hold_run(blocker);
                    return Asked::End(End::Interrupted);
                }
                let reason = reason_of(&refusal);
                if is_too_long(answer) {
                    return Asked::Refused(Refused::TooLong(reason, blocker(answer, field)));
                }
                if may_be_for_a_key(answer) {
                    return Asked::Refused(Refused::Doubtful(reason, blocker(answer, field)));
                }
            }
            match self.decide(leave, delivery, call, &refusal).await {
                None => (),
                Some(Sent::Ended(end)) => return Asked::End(end),
                Some(Sent::Doubtful(doubt)) => {
                    return Asked::Refused(Refused::Doubtful(reason_of(&refusal), doubt.blocker));
                }
                Some(_) if is_without_answer(&refusal) => {
                    let blocker = blocker(&refusal, field);
                    return Asked::Refused(Refused::Doubtful(reason_of(&refusal), blocker));
                }
                Some(_) => return Asked::Refused(Refused::TooMuch(reason_of(&refusal))),
            }
        }
    }
}

/// Whether a query had too many keys for whoever is between us and Salesforce.
fn is_too_long(answer: &ErrorAnswer) -> bool {
    matches!(answer.status, 414 | 431)
        || matches!(answer.code.as_deref(), Some("URI_TOO_LONG" | "QUERY_TOO_COMPLICATED"))
}

/// Whether it may be a key in it that a query is refused for: Salesforce does not understand it, or
/// somebody on the way does not let it through, in no words of Salesforce.
fn may_be_for_a_key(answer: &ErrorAnswer) -> bool {
    match answer.code.as_deref() {
        Some(code) => code == "MALFORMED_QUERY",
        None => matches!(answer.status, 300..=407 | 409..=419 | 421..=428 | 430..=499),
    }
}

/// Whether nothing of Salesforce came back: after a few tries it may be for a key, too.
fn is_without_answer(refusal: &Refusal) -> bool {
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

/// Why no record can be asked for by the field, whatever the keys are.
fn cannot_be_asked_for(answer: &ErrorAnswer, field: &str) -> Option<Blocker> {
    let is_about_the_field = matches!(
        answer.code.as_deref()?,
        "INVALID_FIELD" | "INVALID_TYPE" | "INVALID_QUERY_FILTER_OPERATOR"
    );
    is_about_the_field.then(|| Blocker {
        what: format!("{answer} for a query by {field}"),
        advice: "let the integration user see object and external id field (field-level \
                 security), and see that the field can be filtered by",
    })
}
