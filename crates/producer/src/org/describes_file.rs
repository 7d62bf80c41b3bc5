//! Descriptions of objects in a file, so that a check needs no org.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use ingest_core::commands::producer;
use load::Describe;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::few;

use crate::cli::invalid_setting::InvalidSetting;

/// What `producer describe` saves.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribesFile {
    version: u32,
    /// Where the org's API is.
    pub(crate) instance: String,
    pub(crate) objects: Vec<Describe>,
}

/// How such files are written. Another number is another way.
const VERSION: u32 = 1;

/// A larger file was not saved by us.
const BYTES_MAX: u64 = 64 << 20;

impl DescribesFile {
    pub(crate) fn new(instance: String, objects: Vec<Describe>) -> Self {
        Self { version: VERSION, instance, objects }
    }

    pub(crate) fn read(path: &Path) -> Result<Self, InvalidSetting> {
        let unusable = |why: String| {
            InvalidSetting(format!(
                "{} cannot be used ({why}); save one with {} describe --object NAME --out FILE",
                path.display(),
                producer()
            ))
        };
        let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
        let file: Self = serde_json::from_reader(BufReader::new(file.take(BYTES_MAX)))
            .map_err(|error| unusable(format!("it is no such JSON: {error}")))?;
        match file.version {
            VERSION => Ok(file),
            other => Err(unusable(format!(
                "it is written in version {other}, and this program reads version {VERSION}"
            ))),
        }
    }

    /// Names in Salesforce have no case.
    pub(crate) fn find(&self, object: &str) -> Option<&Describe> {
        self.objects.iter().find(|describe| describe.name.eq_ignore_ascii_case(object))
    }

    /// Those that rows may become. Of the others it has what names them as parents.
    pub(crate) fn names(&self) -> String {
        let whole = self.objects.iter().filter(|describe| is_whole(describe));
        few(whole.map(|describe| &describe.name), ", ")
    }

    /// The object that rows are to become; nothing, when the file has only what names it as a parent.
    pub(crate) fn find_whole(&self, object: &str) -> Option<&Describe> {
        self.find(object).filter(|describe| is_whole(describe))
    }

    /// The text of the file: an object a line, and nothing of what a description says by not saying it.
    pub(crate) fn to_json(&self) -> String {
        let mut objects = serde_json::to_value(&self.objects).expect("texts become JSON");
        for field in objects.as_array_mut().into_iter().flatten().flat_map(members) {
            prune(field);
        }
        let lines: Vec<String> =
            objects.as_array().into_iter().flatten().map(ToString::to_string).collect();
        let instance = Value::from(self.instance.as_str());
        format!(
            "{{\"version\":{VERSION},\"instance\":{instance},\"objects\":[\n{}\n]}}\n",
            lines.join(",\n")
        )
    }
}

/// Nobody can write to what is [only a parent](Describe::as_parent).
fn is_whole(describe: &Describe) -> bool {
    describe.createable || describe.updateable || describe.deletable
}

/// The fields of an object.
fn members(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object["fields"].as_array_mut().into_iter().flatten()
}

/// Takes away what is read as the same when it is not there.
fn prune(field: &mut Value) {
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Bool(true) | Value::Object(_) => false,
    };
    if let Some(field) = field.as_object_mut() {
        field.retain(|_, value| !says_nothing(value));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_saved_is_read_as_it_was_and_is_small() {
        let described = json!({"name": "Lead", "createable": true, "layoutable": true, "fields": [
            {"name": "Key__c", "type": "string", "externalId": true, "length": 64, "unique": true,
             "aggregatable": true},
            {"name": "Hot__c", "type": "picklist", "restrictedPicklist": true,
             "picklistValues": [{"value": "a", "active": true, "label": "A"}]},
        ]});
        let lead: Describe = serde_json::from_value(described).unwrap();
        let text = DescribesFile::new("https://a.example".to_owned(), vec![lead.clone()]).to_json();

        let read: DescribesFile = serde_json::from_str(&text).unwrap();

        assert_eq!(read.find("LEAD"), Some(&lead));
        assert_eq!(
            text.lines().nth(1).unwrap(),
            r#"{"createable":true,"deletable":false,"fields":[{"externalId":true,"length":64,"name":"Key__c","type":"string","unique":true},{"name":"Hot__c","picklistValues":[{"active":true,"value":"a"}],"restrictedPicklist":true,"type":"picklist"}],"name":"Lead","updateable":false}"#
        );
    }

    #[test]
    fn another_file_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for (text, word) in [
            ("{", "no such JSON"),
            (r#"{"name":"Lead","fields":[]}"#, "version"),
            (r#"{"version":2,"instance":"a","objects":[]}"#, "version 2"),
        ] {
            let path = folder.path().join("a.json");
            std::fs::write(&path, text).unwrap();

            let said = DescribesFile::read(&path).unwrap_err().to_string();

            assert!(said.contains(word) && said.contains("producer describe"), "{said}");
        }
        assert!(DescribesFile::read(&folder.path().join("none")).is_err());
    }
}
