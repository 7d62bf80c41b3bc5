//! sObject Collections: up to 200 records in one call (salesforce-api.md 2).

use super::{call::Call, query};
use crate::{
    barring::{bar_by_faults, bar_by_locked_parents, bar_repeated_keys},
    config::{EmptyRecords, UpdateOnly},
    http::Answer,
    org::Org,
    problem::Refusal,
    record::{
        Reader,
        json::{CollectionBody, JsonRecord, parse},
        type_name,
    },
    schema::{Object, ObjectNumber},
    store::{DeleteTerms, Operation, Terms},
};

const RECORDS_MAX: usize = 200;
const TYPE_RUNS_MAX: usize = 10;
const READ_RECORDS_MAX: usize = 2000;

/// `POST /composite/sobjects`.
pub(super) fn insert(org: &Org, call: &Call<'_>) -> Result<Answer, Refusal> {
    save(org, call, Operation::Insert, None)
}

/// `PATCH /composite/sobjects`.
pub(super) fn update(org: &Org, call: &Call<'_>) -> Result<Answer, Refusal> {
    save(org, call, Operation::Update, None)
}

/// `PATCH /composite/sobjects/{Object}/{ExtIdField}`.
pub(super) fn upsert(
    org: &Org,
    call: &Call<'_>,
    object: &str,
    field: &str,
) -> Result<Answer, Refusal> {
    let (number, object) = org.schema().find(object).ok_or_else(Refusal::not_found)?;
    let key = object.key(field).ok_or_else(|| Refusal::no_such_external_id(field))?;
    let update_only = org.config.update_only == UpdateOnly::Honored
        && call.version.has_update_only()
        && call.says("updateOnly");
    save(org, call, Operation::Upsert { key, update_only }, Some(number))
}

/// `DELETE /composite/sobjects?ids=…`.
pub(super) fn delete(org: &Org, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.parameter("ids").unwrap_or_default();
    let ids: Vec<String> =
        ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.is_empty() {
        return Err(no_records());
    }
    if ids.len() > RECORDS_MAX {
        return Err(Refusal::too_many_records());
    }
    let terms = DeleteTerms { all_or_none: call.says("allOrNone"), past_the_recycle_bin: false };
    let outcomes = org.store.delete(org.schema(), &ids, terms);
    Ok(Answer::results(outcomes))
}

/// `POST /composite/sobjects/{Object}` with ids and fields: reads records, null
/// for those that are not there.
pub(super) fn get_many(org: &Org, call: &Call<'_>, object: &str) -> Result<Answer, Refusal> {
    #[derive(serde::Deserialize)]
    struct Wanted {
        ids: Vec<String>,
        fields: Vec<String>,
    }
    let (number, object) = org.schema().find(object).ok_or_else(Refusal::not_found)?;
    let wanted: Wanted = parse(call.text()?)?;
    if wanted.ids.len() > READ_RECORDS_MAX {
        return Err(Refusal::bad_request(
            "EXCEEDED_ID_LIMIT",
            "record limit reached. cannot submit more than 2000 records into this call",
        ));
    }
    let shown = query::shown(object, wanted.fields.iter().map(String::as_str))?;
    Ok(query::records_by_id(org, call, number, &wanted.ids, &shown))
}

fn save(
    org: &Org,
    call: &Call<'_>,
    operation: Operation,
    object: Option<ObjectNumber>,
) -> Result<Answer, Refusal> {
    let body = call.text()?;
    let CollectionBody { all_or_none, records } = parse(body)?;
    if records.is_empty() {
        return match org.config.empty_records {
            EmptyRecords::Refused => Err(no_records()),
            EmptyRecords::Accepted => Ok(Answer::results(Vec::new())),
        };
    }
    if records.len() > RECORDS_MAX {
        return Err(Refusal::too_many_records());
    }
    let objects = objects_of(org, &records, object)?;
    let reader = Reader { schema: org.schema(), body, strictness: org.strictness() };
    let mut drafts = objects
        .into_iter()
        .zip(records)
        .map(|(object, record)| reader.read(object, record))
        .collect::<Result<Vec<_>, _>>()?;
    if let Operation::Upsert { key, .. } = operation {
        bar_repeated_keys(org.schema(), &mut drafts, key);
    }
    bar_by_faults(org, &mut drafts, operation, call.lets_duplicates_pass());
    bar_by_locked_parents(org, &mut drafts);
    let terms = Terms {
        operation,
        all_or_none,
        rolled_back_has_id: org.config.rolled_back_has_id,
        parents_before: None,
    };
    Ok(Answer::results(org.store.save(org.schema(), terms, drafts)))
}

/// The object of each record, by its `attributes.type`.
fn objects_of(
    org: &Org,
    records: &[JsonRecord<'_>],
    of_url: Option<ObjectNumber>,
) -> Result<Vec<ObjectNumber>, Refusal> {
    let mut objects: Vec<ObjectNumber> = Vec::with_capacity(records.len());
    let mut known: Option<(&Object, ObjectNumber)> = None;
    for record in records {
        let name = type_name(record).ok_or_else(|| {
            Refusal::bad_request("INVALID_TYPE", "Every record needs attributes with a type")
        })?;
        let found = match known.filter(|(object, _)| object.name == name) {
            Some((_, number)) => number,
            None => {
                let (number, object) =
                    org.schema().find(&name).ok_or_else(|| Refusal::unknown_object(&name))?;
                known = Some((object, number));
                number
            }
        };
        if of_url.is_some_and(|object| object != found) {
            return Err(Refusal::bad_request(
                "INVALID_TYPE",
                format!("A record of type {name} does not fit the object of this request"),
            ));
        }
        objects.push(found);
    }
    let runs = 1 + objects.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if runs > TYPE_RUNS_MAX {
        return Err(Refusal::bad_request(
            "LIMIT_EXCEEDED",
            "Cannot have more than 10 chunks in a single operation. Please rearrange the data to \
             reduce chunking.",
        ));
    }
    Ok(objects)
}

/// Whether Salesforce refuses an empty list is not verified; nobody should send
/// one.
fn no_records() -> Refusal {
    Refusal::bad_request("INVALID_INPUT", "There are no records in this request")
}
