//! Queries and other ways to look at records.

mod soql;
mod system_fields;

use std::{borrow::Cow, collections::HashSet, sync::PoisonError};

use axum::http::StatusCode;
use serde_json::json;

use self::{
    soql::{Comparison, Condition, Selected, Value},
    system_fields::SystemTest,
};
use super::call::Call;
use crate::{
    cursors::Cursor,
    http::Answer,
    id::RecordId,
    org::Org,
    problem::Refusal,
    render::{self, Shown},
    schema::{Compared, Field, FieldType, Object, ObjectNumber},
    store::{Kept, Row, fold},
};

/// Records in one answer; more come with the next page.
const PAGE_RECORDS: usize = 2000;

/// `GET /query?q=…`, and `GET /queryAll?q=…`, which looks into the recycle bin too.
pub(super) fn query(org: &Org, call: &Call<'_>, with_deleted: bool) -> Result<Answer, Refusal> {
    let text = call.parameter("q").unwrap_or_default();
    let query = soql::parse(&text)?;
    let (number, object) = org.schema().find(&query.object).ok_or_else(|| {
        let name = &query.object;
        Refusal::bad_request("INVALID_TYPE", format!("sObject type '{name}' is not supported."))
    })?;
    let tests = query
        .conditions
        .iter()
        .map(|condition| Test::new(object, condition))
        .collect::<Result<Vec<_>, _>>()?;
    let shown = match &query.selected {
        Selected::Count => Vec::new(),
        Selected::Fields(names) => shown(object, names.iter().map(String::as_str))?,
    };
    if call.says("columns") {
        return Ok(columns(object, &query.selected, &shown));
    }
    let kept = org.store.kept(number, with_deleted).into_iter();
    let found = kept
        .filter(|kept| tests.iter().all(|test| test.passes(object, kept)))
        .take(query.limit.unwrap_or(usize::MAX));
    if query.selected == Selected::Count {
        return Ok(Answer::ok(&json!({
            "totalSize": found.count(),
            "done": true,
            "records": [],
        })));
    }
    // Of what is in the recycle bin there is nothing to show.
    let rows: Vec<_> = found.filter_map(|kept| Some((kept.number, kept.row?))).collect();
    let mut cursors = org.cursors.lock().unwrap_or_else(PoisonError::into_inner);
    let cursor = cursors.begin(number, shown, rows.into());
    let answer = page(call, object, &cursor, 0);
    if cursor.rows.len() > PAGE_RECORDS {
        cursors.keep(cursor);
    }
    Ok(answer)
}

/// `columns=true`: what the columns of the answer are, and no rows.
fn columns(object: &Object, selected: &Selected, shown: &[Shown]) -> Answer {
    let column = |one: &Shown| {
        let (name, field) = match one {
            Shown::Id => ("Id", None),
            Shown::Column(column) => {
                let field = object.field(*column);
                (field.name.as_str(), Some(field))
            }
        };
        let soap_type = field.map_or("tns:ID", |field| field.field_type.soap_type());
        json!({
            "columnName": name,
            "displayName": name,
            "aggregate": false,
            "apexType": null,
            "booleanType": soap_type == "xsd:boolean",
            "numberType": matches!(soap_type, "xsd:int" | "xsd:double"),
            "textType": matches!(soap_type, "xsd:string" | "tns:ID"),
            "custom": field.is_some_and(Field::is_custom),
            "foreignKeyName": field.and_then(|field| field.relationship_name.as_deref()),
            "insertable": field.is_some_and(|field| field.writable),
            "updatable": field.is_some_and(|field| field.writable),
            "joinColumns": [],
        })
    };
    Answer::ok(&json!({
        "columnMetadata": shown.iter().map(column).collect::<Vec<_>>(),
        "entityName": object.name,
        "groupBy": false,
        "idSelected": shown.contains(&Shown::Id),
        "keyPrefix": String::from_utf8_lossy(&object.key_prefix),
        "count": *selected == Selected::Count,
    }))
}

/// `GET /query/{cursor}-{from}`.
pub(super) fn more(org: &Org, call: &Call<'_>, locator: &str) -> Result<Answer, Refusal> {
    let place = locator.split_once('-').and_then(|(number, from)| {
        Some((number.parse::<u64>().ok()?, from.parse::<usize>().ok()?))
    });
    let cursors = org.cursors.lock().unwrap_or_else(PoisonError::into_inner);
    let found = place.and_then(|(number, from)| {
        Some((cursors.find(number)?, from)).filter(|(cursor, from)| *from < cursor.rows.len())
    });
    drop(cursors);
    let (cursor, from) = found
        .ok_or_else(|| Refusal::bad_request("INVALID_QUERY_LOCATOR", "invalid query locator"))?;
    Ok(page(call, org.schema().object(cursor.object), &cursor, from))
}

fn page(call: &Call<'_>, object: &Object, cursor: &Cursor, from: usize) -> Answer {
    let base = call.url_base();
    let total = cursor.rows.len();
    let until = total.min(from + PAGE_RECORDS);
    let mut json = format!("{{\"totalSize\":{total},\"done\":{},", until == total).into_bytes();
    if until < total {
        let next = format!("\"nextRecordsUrl\":\"{base}/query/{}-{until}\",", cursor.number);
        json.extend_from_slice(next.as_bytes());
    }
    json.extend_from_slice(b"\"records\":[");
    for (place, (number, row)) in cursor.rows[from..until].iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        let id = RecordId { prefix: object.key_prefix, number: *number };
        render::record(&mut json, object, &base, id, Row(row), &cursor.shown);
    }
    json.extend_from_slice(b"]}");
    Answer::raw_json(json)
}

/// One condition, held against the schema.
enum Test<'a> {
    Field(FieldTest<'a>),
    System(SystemTest),
}

impl<'a> Test<'a> {
    fn new(object: &Object, condition: &'a Condition) -> Result<Self, Refusal> {
        match SystemTest::new(condition).filter(|_| object.column(&condition.field).is_none()) {
            Some(test) => test.map(Self::System),
            None => FieldTest::new(object, condition).map(Self::Field),
        }
    }

    fn passes(&self, object: &Object, kept: &Kept) -> bool {
        match self {
            Self::Field(test) => test.passes(object, kept),
            Self::System(test) => test.passes(kept),
        }
    }
}

/// A condition on a field of the schema.
struct FieldTest<'a> {
    field: Shown,
    compared: Compared,
    comparison: Comparison,
    /// As they are compared.
    values: HashSet<Option<Cow<'a, str>>>,
    patterns: Vec<&'a str>,
}

impl<'a> FieldTest<'a> {
    fn new(object: &Object, condition: &'a Condition) -> Result<Self, Refusal> {
        if let Comparison::Order(_) = condition.comparison {
            let name = &condition.field;
            return Err(soql::malformed(&format!("the simulator knows no order of {name}")));
        }
        let field = shown_field(object, &condition.field)?;
        let compared = match field {
            Shown::Id => Compared::AsWritten,
            Shown::Column(column) => {
                let field = object.field(column);
                check_quotes(field, &condition.values)?;
                field.compared()
            }
        };
        let texts = condition.values.iter().map(|value| match value {
            Value::Null => None,
            Value::Text(text) | Value::Literal(text) => Some(text.as_str()),
        });
        Ok(Self {
            field,
            compared,
            comparison: condition.comparison,
            values: texts.clone().map(|text| text.map(|text| fold(text, compared))).collect(),
            patterns: texts.flatten().collect(),
        })
    }

    fn passes(&self, object: &Object, kept: &Kept) -> bool {
        let id_text;
        let text = match self.field {
            Shown::Id => {
                let id = RecordId { prefix: object.key_prefix, number: kept.number };
                id_text = id.to_string();
                Some(id_text.as_str())
            }
            Shown::Column(column) => {
                let Some(row) = &kept.row else { return false };
                Row(row).get(column).or(object.field(column).value_by_default())
            }
        };
        let is_among = || self.values.contains(&text.map(|text| fold(text, self.compared)));
        match self.comparison {
            Comparison::In => is_among(),
            Comparison::NotIn => !is_among(),
            Comparison::Order(_) => false,
            Comparison::Like => {
                text.is_some_and(|text| self.patterns.iter().any(|it| soql::is_like(text, it)))
            }
        }
    }
}

/// Refuses values in quotes, or without, that a field of this type cannot be compared with.
fn check_quotes(field: &Field, values: &[Value]) -> Result<(), Refusal> {
    use FieldType::{Currency, Double, Email, Int, Percent, Phone, Picklist, Textarea, Url};
    let refused = |how: &str| {
        let (name, kind) = (&field.name, field.field_type.parser_name());
        let message = format!(
            "value of filter criterion for field '{name}' must be of type {kind} and should {how}enclosed in quotes"
        );
        Refusal::bad_request("INVALID_FIELD", message)
    };
    let is_number = matches!(field.field_type, Int | Double | Currency | Percent);
    let is_text =
        matches!(field.field_type, FieldType::String | Textarea | Email | Phone | Url | Picklist);
    match () {
        () if is_number && values.iter().any(|value| matches!(value, Value::Text(_))) => {
            Err(refused("not be "))
        }
        () if is_text && values.iter().any(|value| matches!(value, Value::Literal(_))) => {
            Err(refused("be "))
        }
        () => Ok(()),
    }
}

/// All fields of an object, `Id` first.
pub(super) fn all_fields(object: &Object) -> Vec<Shown> {
    let columns = (0..).take(object.fields.len()).map(Shown::Column);
    std::iter::once(Shown::Id).chain(columns).collect()
}

/// The fields of these names.
pub(super) fn shown<'a>(
    object: &Object,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<Shown>, Refusal> {
    names.map(|name| shown_field(object, name)).collect()
}

fn shown_field(object: &Object, name: &str) -> Result<Shown, Refusal> {
    if name.eq_ignore_ascii_case("Id") {
        return Ok(Shown::Id);
    }
    object.column(name).map(Shown::Column).ok_or_else(|| {
        let message = format!("No such column '{name}' on entity '{}'", object.name);
        Refusal::bad_request("INVALID_FIELD", message)
    })
}

/// One record; `None` when it is not there.
pub(super) fn record_by_id(
    org: &Org,
    call: &Call<'_>,
    object: ObjectNumber,
    id: RecordId,
    shown: &[Shown],
) -> Option<Answer> {
    let row = org.store.row(object, id)??;
    let mut json = Vec::new();
    let object = org.schema().object(object);
    render::record(&mut json, object, &call.url_base(), id, Row(&row), shown);
    Some(Answer::raw_json(json))
}

/// A list of records, null for those that are not there.
pub(super) fn records_by_id(
    org: &Org,
    call: &Call<'_>,
    number: ObjectNumber,
    ids: &[String],
    shown: &[Shown],
) -> Answer {
    let object = org.schema().object(number);
    let mut json = vec![b'['];
    for (place, id) in ids.iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        let found = RecordId::parse(id).and_then(|id| Some((id, org.store.row(number, id)??)));
        match found {
            Some((id, row)) => {
                render::record(&mut json, object, &call.url_base(), id, Row(&row), shown);
            }
            None => json.extend_from_slice(b"null"),
        }
    }
    json.push(b']');
    Answer { status: StatusCode::OK, ..Answer::raw_json(json) }
}
