//! Kinds of loads: what is done to which object, and how columns become its fields. A run is of one
//! kind, and so are the settings of a consumer, whose runs may be of any.

use crate::{
    pipeline::Pipeline,
    processes::{Program, wait_until},
};

/// What is done with rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Tells its mapping file from those of others.
    pub(crate) name: &'static str,
    pub(crate) object: &'static str,
    pub(crate) operation: &'static str,
    /// Empty when rows have no key.
    pub(crate) external_id: &'static str,
    pub(crate) mapping: &'static str,
}

/// What `generate-upload` writes, by the mapping that is the default here.
pub(crate) const GENERATED: Kind = Kind {
    name: "generated",
    object: "Lead",
    operation: "upsert",
    external_id: "External_Id__c",
    mapping: "ExternalId=External_Id__c\nName=LastName\nEmail=Email\nCompany=Company\n",
};

/// Rows of a [`sheet`](crate::records::sheet) become leads.
pub(crate) const LEADS: Kind = Kind {
    name: "leads",
    object: "Lead",
    operation: "upsert",
    external_id: "External_Id__c",
    mapping: "Key=External_Id__c\nName=LastName\nEmail=Email\nCompany=Company\n",
};

/// The same rows become contacts.
pub(crate) const CONTACTS: Kind = Kind {
    name: "contacts",
    object: "Contact",
    operation: "upsert",
    external_id: "LegacyId__c",
    mapping: "Key=LegacyId__c\nName=LastName\nEmail=Email\n",
};

/// The same rows become new parcels, whose key may come twice: a row that is sent a second time is
/// a second record. Needs [`PARCEL_SCHEMA`].
pub(crate) const PARCELS: Kind = Kind {
    name: "parcels",
    object: "Parcel__c",
    operation: "insert",
    external_id: "",
    mapping: "Key=Key__c\nName=Receiver__c\nEmail=Email__c\n",
};

/// Flag of the simulator.
pub(crate) const PARCEL_SCHEMA: &str =
    concat!("--schema=", env!("CARGO_MANIFEST_DIR"), "/tests/pipeline/parcel.json");

impl Kind {
    /// Where each column is stored.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &'static str)> {
        self.mapping.lines().filter_map(|line| line.split_once('=')).collect()
    }

    /// A consumer of this kind, as soon as others know that it is there.
    pub(crate) fn consumer(&self, pipeline: &Pipeline) -> Program {
        let consumer = self.program(pipeline, "consumer", &[]);
        wait_until("the consumer has started", || consumer.stderr().contains("worker started"));
        consumer
    }

    /// Loads a file as this kind says.
    pub(crate) fn sync(&self, pipeline: &Pipeline, run: &str, file: &str) -> Program {
        self.sync_with(pipeline, &[], run, file)
    }

    /// The same with further settings.
    pub(crate) fn sync_with(
        &self,
        pipeline: &Pipeline,
        more: &[(&str, String)],
        run: &str,
        file: &str,
    ) -> Program {
        let arguments = ["sync", "--file", file, "--run-id", run, "--json"];
        self.program_with(pipeline, "producer", more, &arguments)
    }

    /// A program that has to do with loads of this kind.
    pub(crate) fn program(
        &self,
        pipeline: &Pipeline,
        name: &'static str,
        arguments: &[&str],
    ) -> Program {
        self.program_with(pipeline, name, &[], arguments)
    }

    /// The same with further settings.
    pub(crate) fn program_with(
        &self,
        pipeline: &Pipeline,
        name: &'static str,
        more: &[(&str, String)],
        arguments: &[&str],
    ) -> Program {
        let mapping = pipeline.local_file(&format!("{}.sdl", self.name), self.mapping);
        let mut settings = vec![
            ("SALESFORCE_OBJECT", self.object.to_owned()),
            ("SALESFORCE_OPERATION", self.operation.to_owned()),
            ("SALESFORCE_EXTERNAL_ID", self.external_id.to_owned()),
            ("MAPPING_FILE", mapping),
        ];
        settings.extend(more.iter().cloned());
        // Nobody is there who could confirm what cannot be undone.
        let starts = matches!(arguments.first(), Some(&("sync" | "replay")));
        let yes: &[&str] = if starts { &["--yes"] } else { &[] };
        pipeline.program_with(name, &settings, &[arguments, yes].concat())
    }
}
