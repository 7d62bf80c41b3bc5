//! Queries and other ways to look at records.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, PoisonError},
};

use axum::http::StatusCode;
use serde_json::json;

use super::{
    Call,
    soql::{self, Comparison, Condition, Selected, Value},
};
use crate::{
    http::Answer,
    id::RecordId,
    org::Org,
    problem::Refusal,
    render::{self, Shown},
    schema::{Field, FieldType, Object, ObjectNumber},
    store::{Row, fold},
};

/// Records in one answer; more come with the next page.
const PAGE_RECORDS: usize = 2000;
/// Queries whose pages are not all read yet; older ones are forgotten.
const CURSORS_MAX: usize = 10;

type Rows = Arc<[(u32, Arc<[u8]>)]>;

/// Queries with pages still to come.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    next: u64,
    open: VecDeque<Cursor>,
}

#[derive(Debug, Clone)]
struct Cursor {
    number: u64,
    object: ObjectNumber,
    shown: Arc<[Shown]>,
    rows: Rows,
}

/// `GET /query?q=…`.
pub(super) fn query(org: &Org, call: &Call<'_>) -> Result<Answer, Refusal> {
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
    let mut rows = org.store.rows(number);
    rows.retain(|(number, row)| {
        let id = RecordId { prefix: object.key_prefix, number: *number };
        tests.iter().all(|test| test.passes(object, id, Row(row)))
    });
    rows.truncate(query.limit.unwrap_or(usize::MAX));
    if query.selected == Selected::Count {
        return Ok(Answer::ok(&json!({
            "totalSize": rows.len(),
            "done": true,
            "records": [],
        })));
    }
    let mut cursors = org.cursors.lock().unwrap_or_else(PoisonError::into_inner);
    cursors.next += 1;
    let cursor =
        Cursor { number: cursors.next, object: number, shown: shown.into(), rows: rows.into() };
    let answer = page(call, object, &cursor, 0);
    if cursor.rows.len() > PAGE_RECORDS {
        if cursors.open.len() == CURSORS_MAX {
            cursors.open.pop_front();
        }
        cursors.open.push_back(cursor);
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
        let cursor = cursors.open.iter().find(|cursor| cursor.number == number)?;
        Some((cursor.clone(), from)).filter(|(cursor, from)| *from < cursor.rows.len())
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
struct Test<'a> {
    field: Shown,
    compared: Compared,
    comparison: Comparison,
    /// As they are compared.
    values: HashSet<Option<String>>,
    patterns: Vec<&'a str>,
}

/// When two values of a field are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Exactly,
    InAnyCase,
    ByValue,
}

impl<'a> Test<'a> {
    fn new(object: &Object, condition: &'a Condition) -> Result<Self, Refusal> {
        let field = shown_field(object, &condition.field)?;
        let compared = match field {
            Shown::Id => Compared::Exactly,
            Shown::Column(column) => compared(object.field(column), &condition.values)?,
        };
        let texts = condition.values.iter().map(|value| match value {
            Value::Null => None,
            Value::Text(text) | Value::Literal(text) => Some(text.as_str()),
        });
        Ok(Self {
            field,
            compared,
            comparison: condition.comparison,
            values: texts.clone().map(|text| text.map(|text| compared.key(text))).collect(),
            patterns: texts.flatten().collect(),
        })
    }

    fn passes(&self, object: &Object, id: RecordId, row: Row<'_>) -> bool {
        let id_text;
        let text = match self.field {
            Shown::Id => {
                id_text = id.to_string();
                Some(id_text.as_str())
            }
            Shown::Column(column) => row.get(column).or(object.field(column).value_by_default()),
        };
        let is_among = || self.values.contains(&text.map(|text| self.compared.key(text)));
        match self.comparison {
            Comparison::In => is_among(),
            Comparison::NotIn => !is_among(),
            Comparison::Like => {
                text.is_some_and(|text| self.patterns.iter().any(|it| soql::is_like(text, it)))
            }
        }
    }
}

impl Compared {
    /// What values that are the same have in common.
    fn key(self, text: &str) -> String {
        match self {
            Self::Exactly => text.to_owned(),
            Self::InAnyCase => fold(text, false).into_owned(),
            Self::ByValue => plain(text).unwrap_or_else(|| text.to_owned()),
        }
    }
}

/// How the values of a field are compared; the error is about values in quotes, or without.
fn compared(field: &Field, values: &[Value]) -> Result<Compared, Refusal> {
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
        () if is_number => Ok(Compared::ByValue),
        () if field.case_sensitive => Ok(Compared::Exactly),
        () => Ok(Compared::InAnyCase),
    }
}

/// A number without what does not change its value: `1001` of `1.0010E3`; nothing of a text that
/// is none.
fn plain(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = i64::from(exponent.parse::<i32>().ok()?);
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    let behind = all.len() - all.trim_end_matches('0').len();
    let power = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(behind).ok()?;
    Some(match significant {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}e{power}"),
    })
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
