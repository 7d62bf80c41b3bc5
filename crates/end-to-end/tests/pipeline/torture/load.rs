//! What rows become: two objects, two operations, one set of columns.
//!
//! Files for either have the same columns on purpose: nothing but the run's load tells
//! a consumer whether a batch is its own.

use crate::pipeline::Pipeline;

/// The columns of every file.
pub(crate) const COLUMNS: [&str; 5] = ["Key", "LastName", "Email", "Company", "Notes"];

/// An object whose key is not unique, so that a row that is inserted twice is there twice.
pub(crate) const SCHEMA: &str = r#"{"objects": [{
    "name": "Visit__c", "label": "Visit", "labelPlural": "Visits", "keyPrefix": "a0V", "fields": [
    {"name": "Key__c", "label": "Key", "type": "string", "length": 64},
    {"name": "LastName__c", "label": "Last Name", "type": "string", "length": 80, "required": true},
    {"name": "Email__c", "label": "Email", "type": "email", "length": 80},
    {"name": "Company__c", "label": "Company", "type": "string", "length": 255, "required": true},
    {"name": "Notes__c", "label": "Notes", "type": "textarea", "length": 32000}]}]}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Load {
    /// Upserted by an external id.
    Leads,
    /// Inserted: a row that is sent twice is stored twice.
    Visits,
}

impl Load {
    pub(crate) const ALL: [Self; 2] = [Self::Leads, Self::Visits];

    pub(crate) fn object(self) -> &'static str {
        match self {
            Self::Leads => "Lead",
            Self::Visits => "Visit__c",
        }
    }

    pub(crate) fn inserts(self) -> bool {
        self == Self::Visits
    }

    /// Where the cells of [`COLUMNS`] end up.
    pub(crate) fn fields(self) -> [&'static str; 5] {
        match self {
            Self::Leads => ["External_Id__c", "LastName", "Email", "Company", "Description"],
            Self::Visits => ["Key__c", "LastName__c", "Email__c", "Company__c", "Notes__c"],
        }
    }

    fn without_mapping(self) -> Vec<(&'static str, String)> {
        let (operation, key) = match self {
            Self::Leads => ("upsert", "External_Id__c"),
            // An empty variable counts as not set.
            Self::Visits => ("insert", ""),
        };
        vec![
            ("SALESFORCE_OBJECT", self.object().to_owned()),
            ("SALESFORCE_OPERATION", operation.to_owned()),
            ("SALESFORCE_EXTERNAL_ID", key.to_owned()),
        ]
    }

    /// Names the load to a producer, with its mapping, whose file it writes.
    pub(crate) fn settings(self, pipeline: &Pipeline) -> Vec<(&'static str, String)> {
        let lines = COLUMNS.iter().zip(self.fields());
        let mapping: String = lines.map(|(column, field)| format!("{column}={field}\n")).collect();
        let file = pipeline.local_file(&format!("{}.sdl", self.object()), &mapping);
        let mut settings = self.without_mapping();
        settings.push(("MAPPING_FILE", file));
        settings
    }
}
