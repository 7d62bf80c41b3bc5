//! Objects and fields, as loaders read them (salesforce-api.md 5.3).

use axum::http::{StatusCode, header};
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use serde_json::{Map, Value, json};

use super::call::Call;
use crate::{
    http::Answer,
    org::Org,
    problem::Refusal,
    schema::{Field, FieldType, Object},
};

/// `GET /sobjects`.
pub(super) fn all(org: &Org, call: &Call<'_>) -> Answer {
    let objects = org.schema().objects().map(|(_, object)| heading(call, object));
    Answer::ok(&json!({
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": objects.collect::<Vec<_>>(),
    }))
}

/// `GET /sobjects/{Object}`.
pub(super) fn summary(org: &Org, call: &Call<'_>, object: &str) -> Result<Answer, Refusal> {
    let (_, object) = org.schema().find(object).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(&json!({"objectDescribe": heading(call, object), "recentItems": []})))
}

/// `GET /sobjects/{Object}/describe`.
pub(super) fn one(org: &Org, call: &Call<'_>, object: &str) -> Result<Answer, Refusal> {
    let (_, object) = org.schema().find(object).ok_or_else(Refusal::not_found)?;
    if is_known(org, call) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED));
    }
    let seen = object.fields.iter().filter(|field| !field.hidden);
    let fields: Vec<Value> = std::iter::once(id_field(object)).chain(seen.map(described)).collect();
    let mut description = heading(call, object);
    description.insert("fields".to_owned(), Value::Array(fields));
    description.insert("childRelationships".to_owned(), json!([]));
    description.insert("recordTypeInfos".to_owned(), json!([]));
    let since = DateTimePrinter::new().timestamp_to_rfc9110_string(&org.since());
    let since = since.expect("years have four digits for a while");
    Ok(Answer::ok(&description).with_header(header::LAST_MODIFIED, &since))
}

/// Whether the client has seen the objects since they are as they are.
fn is_known(org: &Org, call: &Call<'_>) -> bool {
    let date = call.header(&header::IF_MODIFIED_SINCE);
    let date = date.and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
    date.is_some_and(|date| date >= org.since())
}

fn heading(call: &Call<'_>, object: &Object) -> Map<String, Value> {
    let url = format!("{}/sobjects/{}", call.url_base(), object.name);
    let prefix = String::from_utf8_lossy(&object.key_prefix).into_owned();
    let header = json!({
        "name": object.name,
        "label": object.label,
        "labelPlural": object.label_plural,
        "keyPrefix": prefix,
        "custom": object.name.ends_with("__c"),
        "createable": true,
        "updateable": true,
        "deletable": true,
        "queryable": true,
        "searchable": false,
        "retrieveable": true,
        "undeletable": false,
        "triggerable": true,
        "deprecatedAndHidden": false,
        "urls": {
            "sobject": url,
            "describe": format!("{url}/describe"),
            "rowTemplate": format!("{url}/{{ID}}"),
        },
    });
    match header {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn described(field: &Field) -> Value {
    let is_picklist = matches!(field.field_type, FieldType::Picklist | FieldType::Multipicklist);
    let values: Vec<Value> = field
        .values
        .iter()
        .map(|value| {
            json!({
                "value": value,
                "label": value,
                "active": true,
                "defaultValue": field.default.as_ref() == Some(value),
                "validFor": null,
            })
        })
        .collect();
    let mut described = json!({
        "name": field.name,
        "label": field.label,
        "type": field.field_type,
        "soapType": field.field_type.soap_type(),
        "length": length(field),
        "byteLength": length(field) * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.digits,
        "externalId": field.external_id,
        "idLookup": field.is_key(),
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "nillable": field.is_nillable(),
        "defaultedOnCreate": field.value_by_default().is_some(),
        "defaultValue": default_value(field),
        "createable": field.writable,
        "updateable": field.writable,
        "calculated": field.calculated,
        "autoNumber": false,
        "custom": field.is_custom(),
        "picklistValues": if is_picklist { values } else { Vec::new() },
        "restrictedPicklist": field.restricted,
        "referenceTo": field.reference_to,
        "relationshipName": field.relationship_name,
        "polymorphicForeignKey": field.is_polymorphic(),
    });
    add_fixed(&mut described);
    described
}

fn id_field(object: &Object) -> Value {
    let mut described = json!({
        "name": "Id",
        "label": format!("{} ID", object.label),
        "type": "id",
        "soapType": "tns:ID",
        "length": 18,
        "byteLength": 18,
        "precision": 0,
        "scale": 0,
        "digits": 0,
        "externalId": false,
        "idLookup": true,
        "unique": false,
        "caseSensitive": false,
        "nillable": false,
        "defaultedOnCreate": true,
        "defaultValue": null,
        "createable": false,
        "updateable": false,
        "calculated": false,
        "autoNumber": false,
        "custom": false,
        "picklistValues": [],
        "restrictedPicklist": false,
        "referenceTo": [],
        "relationshipName": null,
        "polymorphicForeignKey": false,
    });
    add_fixed(&mut described);
    described
}

/// What is the same for all fields here.
fn add_fixed(described: &mut Value) {
    let fixed = json!({
        "htmlFormatted": false,
        "extraTypeInfo": null,
        "compoundFieldName": null,
        "deprecatedAndHidden": false,
        "dependentPicklist": false,
        "encrypted": false,
        "filterable": true,
        "groupable": true,
        "sortable": true,
        "permissionable": true,
        "inlineHelpText": null,
    });
    if let (Some(members), Value::Object(fixed)) = (described.as_object_mut(), fixed) {
        members.extend(fixed);
    }
}

/// References are texts of 18 characters.
fn length(field: &Field) -> usize {
    if field.is_reference() { 18 } else { field.length }
}

fn default_value(field: &Field) -> Value {
    match (field.field_type, field.value_by_default()) {
        (FieldType::Boolean, Some(text)) => Value::Bool(text == "true"),
        (_, text) => json!(text),
    }
}
