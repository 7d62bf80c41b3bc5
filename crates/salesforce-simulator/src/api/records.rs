//! One record at a time (salesforce-api.md 2.6).

use axum::http::StatusCode;
use serde_json::json;

use super::{call::Call, query};
use crate::{
    barring::bar_by_faults,
    http::Answer,
    id::RecordId,
    org::Org,
    problem::Refusal,
    record::{
        Draft, Reader,
        json::{JsonRecord, parse},
        settle_writes,
    },
    schema::{Column, Object, ObjectNumber},
    store::{DeleteTerms, Found, Operation, Outcome, Terms},
};

/// `POST /sobjects/{Object}`.
pub(super) fn insert(org: &Org, call: &Call<'_>, object: &str) -> Result<Answer, Refusal> {
    let (number, _) = find(org, object)?;
    let outcome = save_one(org, call, Operation::Insert, read(org, call, number)?)?;
    Ok(stored(StatusCode::CREATED, &outcome))
}

/// `PATCH /sobjects/{Object}/{id}`.
pub(super) fn update(
    org: &Org,
    call: &Call<'_>,
    object: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    let (number, _) = find(org, object)?;
    row_of(org, number, id)?;
    let mut draft = read(org, call, number)?;
    if draft.id.is_some() {
        return Err(Refusal::bad_request(
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        ));
    }
    draft.id = Some(id.into());
    save_one(org, call, Operation::Update, draft)?;
    Ok(Answer { rows: 1, ..Answer::empty(StatusCode::NO_CONTENT) })
}

/// `PATCH /sobjects/{Object}/{ExtIdField}/{value}`.
pub(super) fn upsert(
    org: &Org,
    call: &Call<'_>,
    object: &str,
    field: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    let (number, object) = find(org, object)?;
    let column = external_id(object, field)?;
    if let Found::Many(ids) = org.store.find(number, column, key) {
        return Ok(choices(call, object, &ids));
    }
    let mut draft = read(org, call, number)?;
    if draft.text(column).is_some() {
        let name = &object.field(column).name;
        return Err(Refusal::bad_request(
            "INVALID_FIELD",
            format!("The {name} field should not be specified in the sobject data."),
        ));
    }
    draft.writes.push((column, Some(key.into())));
    settle_writes(&mut draft.writes);
    let update_only = call.version.has_update_only() && call.says("updateOnly");
    let outcome = save_one(org, call, Operation::Upsert { key: column, update_only }, draft)?;
    if !call.version.says_created() && outcome.created == Some(false) {
        return Ok(Answer { rows: 1, ..Answer::empty(StatusCode::NO_CONTENT) });
    }
    let created = outcome.created == Some(true);
    Ok(stored(if created { StatusCode::CREATED } else { StatusCode::OK }, &outcome))
}

/// `DELETE /sobjects/{Object}/{id}`.
pub(super) fn delete(org: &Org, object: &str, id: &str) -> Result<Answer, Refusal> {
    let (number, _) = find(org, object)?;
    row_of(org, number, id)?;
    let terms = DeleteTerms { all_or_none: false, past_the_recycle_bin: false };
    let outcomes = org.store.delete(org.schema(), &[id.to_owned()], terms);
    match outcomes.into_iter().next() {
        Some(outcome) if !outcome.is_success() => Err(Refusal::from(outcome.errors)),
        _ => Ok(Answer { rows: 1, ..Answer::empty(StatusCode::NO_CONTENT) }),
    }
}

/// `GET /sobjects/{Object}/{id}`, all fields or those of `?fields=`.
pub(super) fn get(org: &Org, call: &Call<'_>, object: &str, id: &str) -> Result<Answer, Refusal> {
    let (number, object) = find(org, object)?;
    let id = row_of(org, number, id)?;
    show(org, call, number, object, id)
}

/// `GET /sobjects/{Object}/{ExtIdField}/{value}`.
pub(super) fn get_by_key(
    org: &Org,
    call: &Call<'_>,
    object: &str,
    field: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    let (number, object) = find(org, object)?;
    let column = external_id(object, field)?;
    match org.store.find(number, column, key) {
        Found::None => Err(Refusal::not_found()),
        Found::One(id) => show(org, call, number, object, id),
        Found::Many(ids) => Ok(choices(call, object, &ids)),
    }
}

fn find<'a>(org: &'a Org, object: &str) -> Result<(ObjectNumber, &'a Object), Refusal> {
    org.schema().find(object).ok_or_else(Refusal::not_found)
}

fn external_id(object: &Object, field: &str) -> Result<Column, Refusal> {
    object.key(field).ok_or_else(|| Refusal::no_such_external_id(field))
}

/// The id of a record that is there, or 404.
fn row_of(org: &Org, object: ObjectNumber, id: &str) -> Result<RecordId, Refusal> {
    let found = RecordId::parse(id).and_then(|id| Some((id, org.store.row(object, id)?)));
    match found {
        Some((id, Some(_))) => Ok(id),
        Some((_, None)) => {
            Err(Refusal::new(StatusCode::NOT_FOUND, "ENTITY_IS_DELETED", "entity is deleted"))
        }
        None => Err(Refusal::not_found()),
    }
}

fn read<'a>(org: &'a Org, call: &'a Call<'_>, object: ObjectNumber) -> Result<Draft<'a>, Refusal> {
    let body = call.text()?;
    let record: JsonRecord<'a> = parse(body)?;
    Reader { schema: org.schema(), body, strictness: org.strictness() }.read(object, record)
}

fn save_one(
    org: &Org,
    call: &Call<'_>,
    operation: Operation,
    draft: Draft<'_>,
) -> Result<Outcome, Refusal> {
    let mut drafts = vec![draft];
    bar_by_faults(org, &mut drafts, operation, call.lets_duplicates_pass());
    let terms =
        Terms { operation, all_or_none: false, rolled_back_has_id: false, parents_before: None };
    let outcome = org.store.save(org.schema(), terms, drafts).remove(0);
    if outcome.is_success() { Ok(outcome) } else { Err(Refusal::from(outcome.errors)) }
}

fn stored(status: StatusCode, outcome: &Outcome) -> Answer {
    Answer { rows: 1, ..Answer::json(status, outcome) }
}

/// 300: which of them is meant?
fn choices(call: &Call<'_>, object: &Object, ids: &[RecordId]) -> Answer {
    let base = call.url_base();
    let urls: Vec<String> =
        ids.iter().map(|id| format!("{base}/sobjects/{}/{id}", object.name)).collect();
    Answer::json(StatusCode::MULTIPLE_CHOICES, &json!(urls))
}

fn show(
    org: &Org,
    call: &Call<'_>,
    number: ObjectNumber,
    object: &Object,
    id: RecordId,
) -> Result<Answer, Refusal> {
    let shown = match call.parameter("fields") {
        Some(names) => query::shown(object, names.split(',').map(str::trim))?,
        None => query::all_fields(object),
    };
    query::record_by_id(org, call, number, id, &shown).ok_or_else(Refusal::not_found)
}
