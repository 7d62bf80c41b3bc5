//! The table of forms in `docs/mapping.md` says what is stored, by both APIs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    cells::{APIS, SCHEMA, gadgets, load_with},
    pipeline::{Pipeline, Report},
};

/// Fields of the kinds in the table.
const FIELDS: &[(&str, &str)] = &[
    ("whole number", "Count__c"),
    ("number", "Price__c"),
    ("latitude", "Place__Latitude__s"),
    ("date", "Day__c"),
    ("date and time", "Moment__c"),
    ("picklist", "Color__c"),
    ("multi-picklist", "Tags__c"),
];

pub(crate) const MAPPING: &str = "Key__c=Key__c\nCount__c=Count__c\nPrice__c=Price__c\n\
    Place__Latitude__s=Place__Latitude__s\nDay__c=Day__c\nMoment__c=Moment__c\nColor__c=Color__c\n\
    Tags__c=Tags__c\n";

/// One line of the table.
pub(crate) struct Form {
    field: &'static str,
    cell: String,
    /// Nothing for a row that is rejected.
    stored: Option<String>,
}

/// The lines of the table by their setting; one without is named by nothing.
pub(crate) fn forms() -> BTreeMap<String, Vec<Form>> {
    let document = include_str!("../../../../docs/mapping.md");
    let (_, section) = document.split_once("### Forms of numbers, dates and choices").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut forms = BTreeMap::<String, Vec<Form>>::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line[2..].trim_end_matches(" |").split(" | ").collect();
        let [setting, kind, cell, _sent, stored] = cells[..] else { panic!("five cells: {line}") };
        let (_, field) = FIELDS.iter().find(|(known, _)| *known == kind).unwrap();
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        let cell = plain(cell).replace("\\u00A0", "\u{A0}").replace("\\u202F", "\u{202F}");
        let stored = (stored != "–").then(|| plain(stored));
        let setting = if setting == "–" { String::new() } else { plain(setting) };
        forms.entry(setting).or_default().push(Form { field, cell, stored });
    }
    forms
}

/// A file with one row for each form.
pub(crate) fn file(forms: &[Form]) -> String {
    let columns: Vec<&str> = FIELDS.iter().map(|(_, field)| *field).collect();
    let mut file = format!("Key__c,{}\n", columns.join(","));
    for (form, key) in forms.iter().zip(1..) {
        let cell = |column: &&str| {
            if *column == form.field { format!("\"{}\"", form.cell) } else { String::new() }
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        file += &format!("K{key},{}\n", cells.join(","));
    }
    file
}

#[test]
fn each_form_of_a_cell_is_stored_as_the_documents_say() {
    let forms = forms();
    assert!(forms.len() > 3, "there are settings in the table");
    for (setting, forms) in &forms {
        for api in APIS {
            let mut settings = vec![("SALESFORCE_API", api.to_owned())];
            settings.extend(setting.split_once('=').map(|(name, value)| (name, value.to_owned())));
            let pipeline = Pipeline::with_salesforce(&[SCHEMA]);

            let ended =
                load_with(&pipeline, &gadgets(MAPPING), &settings, "forms.csv", &file(forms));

            Report::of(&ended).assert_it_adds_up(forms.len().try_into().unwrap());
            let records = pipeline.records("Gadget__c");
            for (form, key) in forms.iter().zip(1..) {
                let key = format!("K{key}");
                let record = records.iter().find(|record| record["Key__c"] == key.as_str());
                let found = record.map(|record| text(&record[form.field]));
                assert_eq!(
                    found, form.stored,
                    "{setting}: {} `{}` by {api}",
                    form.field, form.cell
                );
            }
        }
    }
}

/// A number by its value, whatever its digits.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        other => other.to_string(),
    }
}
