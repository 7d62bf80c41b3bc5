//! What an answer says, without what differs from one call to the next: ids, times, texts.

use salesforce::{ErrorAnswer, IngestState, Refusal, RowResult};

/// Lines, in an order that both sides have.
pub(crate) type Facts = Vec<String>;

/// An answer that is no fact ends the check: a network that broke off says nothing of an org.
pub(crate) type Asked<T> = Result<T, Refusal>;

/// A row: `created`, `updated`, `stored`, or its codes with the fields they are about.
pub(crate) fn of_row(row: &RowResult) -> String {
    match (row.success, row.created) {
        (true, Some(true)) => "created".to_owned(),
        (true, Some(false)) => "updated".to_owned(),
        (true, None) => "stored".to_owned(),
        (false, _) => {
            let errors = row.errors.iter().map(|error| {
                let mut fields = error.fields.clone();
                fields.sort();
                match fields.is_empty() {
                    true => error.code.clone(),
                    false => format!("{} [{}]", error.code, fields.join(", ")),
                }
            });
            errors.collect::<Vec<_>>().join(" and ")
        }
    }
}

/// An answer about a call as a whole is a fact; no answer is none.
pub(crate) fn of_refusal(refusal: Refusal) -> Asked<String> {
    match refusal {
        Refusal::Answered(answer) => Ok(of_answer(&answer)),
        other => Err(other),
    }
}

fn of_answer(answer: &ErrorAnswer) -> String {
    match &answer.code {
        Some(code) => format!("HTTP {} {code}", answer.status),
        None => format!("HTTP {}", answer.status),
    }
}

/// A result, or why there is none.
pub(crate) fn of<T>(answer: Asked<T>, words: impl Fn(T) -> String) -> Asked<String> {
    match answer {
        Ok(answer) => Ok(words(answer)),
        Err(refusal) => of_refusal(refusal),
    }
}

pub(crate) fn of_state(state: IngestState) -> String {
    format!("{state:?}")
}

/// The code that a message of a job or of its row begins with.
pub(crate) fn code_of(message: &str) -> &str {
    let end = message.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &message[..end.unwrap_or(message.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_code() {
        assert_eq!(code_of("STRING_TOO_LONG:data value too large:Text__c --"), "STRING_TOO_LONG");
        assert_eq!(code_of("InvalidBatch : Field name not found"), "InvalidBatch");
        assert_eq!(code_of(""), "");
    }
}
