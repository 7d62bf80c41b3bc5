//! How two loads differ, in words.

use std::collections::{BTreeMap, BTreeSet};

use job_queue::RunLoad;
use load::{Columns, Load, Sdl};
use serde_json::Value;
use service::few;

/// Columns that are named, at most, of those that fill other fields.
const COLUMNS_NAMED_MAX: usize = 5;

/// What differs between two loads, each time as it is in the first one and in the other one; empty when
/// they do the same.
pub(crate) fn difference(
    first: &RunLoad,
    other: &RunLoad,
    of_first: &str,
    of_other: &str,
) -> String {
    if first.summary.id == other.summary.id {
        return String::new();
    }
    match (Load::from_json(&first.text), Load::from_json(&other.text)) {
        (Ok(first), Ok(other)) => differences(&first, &other, of_first, of_other),
        // One of them is of a program that knows more.
        _ => {
            let (first, other) = (&first.summary, &other.summary);
            let mappings = (&first.mapping, &other.mapping);
            format!(
                "{first}, mapping {}, {of_first}; {other}, mapping {}, {of_other}",
                mappings.0, mappings.1
            )
        }
    }
}

fn differences(first: &Load, other: &Load, of_first: &str, of_other: &str) -> String {
    let (ours, theirs) = (settings(first), settings(other));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differing = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name));
    let shown = |setting: Option<&Value>| match setting {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let mut said: Vec<String> = differing
        .map(|name| {
            let (ours, theirs) = (shown(ours.get(name)), shown(theirs.get(name)));
            format!("{name}: {ours} {of_first}, {theirs} {of_other}")
        })
        .collect();
    said.extend(columns(&first.columns, &other.columns, of_first, of_other));
    few(said, "; ")
}

/// All but the columns, by the names that they have in a file of loads.
fn settings(load: &Load) -> BTreeMap<String, Value> {
    let Load { columns: _, values: _, dates_are_assumed: _, key, call_rows_max, .. } = load;
    let json = serde_json::to_value(load).expect("texts become JSON");
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut own = members(&json);
    let values = own.remove("values").unwrap_or_default();
    for name in ["columns", "dates_are_assumed", "key", "call_rows_max"] {
        own.remove(name);
    }
    own.insert("external-id".to_owned(), key.clone().into());
    own.insert("call-rows".to_owned(), (*call_rows_max).into());
    let all = own.into_iter().chain(members(&values));
    all.map(|(name, value)| (named(&name), value)).collect()
}

fn named(field: &str) -> String {
    match field {
        "zone" => "time-zone".to_owned(),
        "empty_is_null" => "empty cells empty their field".to_owned(),
        other => other.replace('_', "-"),
    }
}

fn columns(first: &Columns, other: &Columns, of_first: &str, of_other: &str) -> Option<String> {
    let differ = match (first, other) {
        (Columns::Mapped(ours), Columns::Mapped(theirs)) => return other_fields(ours, theirs),
        (Columns::ByName(ours), Columns::ByName(theirs)) => ours.0 != theirs.0,
        _ => true,
    };
    let words = |columns: &Columns| match columns {
        Columns::ByName(left_out) if left_out.0.is_empty() => "by the names of columns".to_owned(),
        Columns::ByName(left_out) => {
            format!("by the names of columns without {}", few(&left_out.0, ", "))
        }
        Columns::Mapped(mapping) => format!("by the mapping {}", mapping.path().display()),
    };
    differ.then(|| format!("columns: {} {of_first}, {} {of_other}", words(first), words(other)))
}

fn other_fields(ours: &Sdl, theirs: &Sdl) -> Option<String> {
    let (ours, theirs) = (fields(ours), fields(theirs));
    let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    let differing: Vec<&str> =
        names.into_iter().filter(|name| ours.get(name) != theirs.get(name)).collect();
    let named = differing.iter().take(COLUMNS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match differing.len().saturating_sub(COLUMNS_NAMED_MAX) {
        _ if differing.is_empty() => None,
        0 => Some(format!("columns that fill other fields: {named}")),
        others => Some(format!("columns that fill other fields: {named} and {others} more")),
    }
}

/// Fields have no case, and the order of lines says nothing.
fn fields(mapping: &Sdl) -> BTreeMap<&str, BTreeSet<String>> {
    let entries = mapping.entries().filter(|(_, fields)| !fields.is_empty());
    let lower = |fields: &[String]| fields.iter().map(|field| field.to_ascii_lowercase()).collect();
    entries.map(|(column, fields)| (column, lower(fields))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use load::{ApiChoice, DateOrder, LoadSettings};

    use super::*;

    fn settings() -> LoadSettings {
        LoadSettings {
            object: Some("Lead".to_owned()),
            external_id: Some("Key__c".to_owned()),
            ..LoadSettings::default()
        }
    }

    fn said(first: &Load, other: &Load) -> String {
        let [first, other] = [first, other].map(|load| RunLoad::new("a", load));
        difference(&first, &other, "before", "now")
    }

    #[test]
    fn what_differs_is_said_as_it_was_and_as_it_is() {
        let before = Load::new(&settings()).unwrap();
        let now = Load::new(&LoadSettings {
            object: Some("Contact".to_owned()),
            external_id: Some("Other__c".to_owned()),
            api: Some(ApiChoice::Bulk),
            dates: Some(DateOrder::DayFirst),
            leave_out: Some(vec!["Note".to_owned()]),
            ..LoadSettings::default()
        });

        assert_eq!(said(&before, &before), "");
        assert_eq!(
            said(&before, &now.unwrap()),
            "api: collections before, bulk now; dates: month-first before, day-first now; \
             external-id: Key__c before, Other__c now; object: Lead before, Contact now; columns: by \
             the names of columns before, by the names of columns without Note now"
        );
    }

    #[test]
    fn of_two_mappings_the_columns_that_differ_are_named() {
        let mapped = |path: &str, text: &str| {
            let sdl = Sdl::parse(Path::new(path), text).unwrap();
            Load::new(&settings()).unwrap().mapped_by(Some(sdl))
        };
        let before = mapped("a.sdl", "Key=Key__c\nName=LastName\nCompany=Company\n");

        assert_eq!(
            said(&before, &mapped("b.sdl", "Company=Company\n#\nname=\nKey=key__C\nName=LASTNAME")),
            ""
        );
        assert_eq!(
            said(&before, &mapped("a.sdl", "Key=Key__c\nName=Company\nTown=City\nCompany=Company")),
            "columns that fill other fields: Name, Town"
        );
        let by_name = Load::new(&settings()).unwrap();
        assert_eq!(
            said(&before, &by_name),
            "columns: by the mapping a.sdl before, by the names of columns now"
        );
        let many: String = (0..9).map(|at| format!("C{at}=F{at}\n")).collect();
        let many = said(&before, &mapped("a.sdl", &many));
        assert!(many.ends_with("C0, C1, C2, C3, C4 and 7 more"), "{many}");
    }
}
