//! What a plan has to know of the load that a start of the file would have.

use job_queue::{LoadSummary, Queue};
use load::{Api, Columns, DateOrder, Load, LoadSettings, Operation};

use super::rounds::Sending;
use crate::{
    cli::load_args::LoadArgs,
    import::{
        error::SyncError,
        known_loads::KnownLoads,
        load_choice::{LoadError, LoadWish},
        read_settings::{BatchSize, Calls, ReadSettings},
    },
};

/// The load of a start, as far as it is known before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PlannedLoad {
    /// Nothing as long as neither this program nor a consumer says it.
    pub(super) summary: Option<LoadSummary>,
    /// The column by which records are found; the field of it, where no column is known to fill it.
    pub(super) key_column: Option<String>,
    pub(super) dates: DateOrder,
    /// Consumers have to ask for the ids of records before they send rows.
    pub(super) looks_records_up: bool,
    /// Its API, and rows of a call; as far as they are known.
    pub(super) calls: Calls,
    /// Rows of one key are sent one after another; so they are before anybody says what becomes of them.
    pub(super) operation: Operation,
}

impl PlannedLoad {
    /// That of a start with these arguments, which is refused as the start would be.
    pub(super) async fn of(
        file: &str,
        args: &LoadArgs,
        queue: &Queue,
        loads: &KnownLoads,
    ) -> Result<Self, SyncError> {
        let wish = LoadWish::known(args.load.clone(), args.flags.0.clone());
        let said = loads.said_of_file(file, &wish)?;
        let chosen = match said.choose(&queue.live_loads().await?) {
            // A plan needs no object.
            Err(LoadError::NoObject | LoadError::NoneFits { .. }) => None,
            chosen => chosen?,
        };
        let Some(chosen) = chosen else {
            return Ok(Self::without_object(&loads.with_flags(&args.flags.0)));
        };
        Ok(match Load::from_json(&chosen.load.text) {
            Ok(load) => Self { summary: Some(chosen.load.summary), ..Self::of_load(&load) },
            // Of a consumer that knows more.
            Err(_) => Self { summary: Some(chosen.load.summary), ..Self::default() },
        })
    }

    /// How its rows are sent by either API, in batches of these sizes, while batches are read as these
    /// settings say. No row of an insert waits for another one.
    pub(super) fn sent_in(&self, ways: [(Api, BatchSize); 2], read: &ReadSettings) -> Vec<Sending> {
        if self.operation == Operation::Insert {
            return Vec::new();
        }
        let way = |(api, batches): (Api, BatchSize)| Sending {
            api,
            operation: self.operation,
            call_rows_max: self.calls.rows,
            batches,
            are_as_read: batches == read.batch_size(),
        };
        ways.map(way).to_vec()
    }

    fn of_load(load: &Load) -> Self {
        Self {
            summary: None,
            key_column: load.key.as_deref().map(|key| column_of(key, load)),
            dates: load.values.dates,
            looks_records_up: looks_up(load.operation, load.key.as_deref()),
            calls: Calls::of_load(load),
            operation: load.operation,
        }
    }

    fn without_object(settings: &LoadSettings) -> Self {
        let key = settings.external_id.as_deref();
        Self {
            key_column: key.map(str::to_owned),
            dates: settings.dates.unwrap_or_default(),
            looks_records_up: looks_up(settings.operation.unwrap_or_default(), key),
            calls: Calls::default().with(settings.api, settings.call_rows.map(usize::from)),
            operation: settings.operation.unwrap_or_default(),
            ..Self::default()
        }
    }
}

fn looks_up(operation: Operation, key: Option<&str>) -> bool {
    operation.takes_ids() && key.is_some_and(|field| !field.eq_ignore_ascii_case("Id"))
}

/// The column that fills this field.
fn column_of(field: &str, load: &Load) -> String {
    let Columns::Mapped(mapping) = &load.columns else { return field.to_owned() };
    let fills = |fields: &[String]| fields.iter().any(|other| other.eq_ignore_ascii_case(field));
    let column = mapping.entries().find(|(_, fields)| fills(fields)).map(|(column, _)| column);
    column.unwrap_or(field).to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use load::Sdl;

    use super::*;

    fn settings(operation: Operation, key: &str) -> LoadSettings {
        LoadSettings {
            object: Some("Contact".to_owned()),
            operation: Some(operation),
            external_id: (!key.is_empty()).then(|| key.to_owned()),
            ..LoadSettings::default()
        }
    }

    #[test]
    fn records_are_looked_up_for_an_update_or_a_delete_by_an_external_id() {
        use Operation::{Delete, HardDelete, Insert, Update, Upsert};
        for (operation, key, expected) in [
            (Upsert, "Key__c", false),
            (Insert, "", false),
            (Update, "Key__c", true),
            (Update, "id", false),
            (Delete, "", false),
            (Delete, "Key__c", true),
            (HardDelete, "Key__c", true),
        ] {
            let load = Load::new(&settings(operation, key)).unwrap();
            let planned = PlannedLoad::of_load(&load);
            assert_eq!(planned.looks_records_up, expected, "{operation:?} by {key}");
        }
    }

    #[test]
    fn the_key_is_the_column_that_fills_it() {
        let by_name = Load::new(&settings(Operation::Upsert, "Key__c")).unwrap();
        let sdl = Sdl::parse(Path::new("a.sdl"), "Nummer=Alias__c, key__C\nName=LastName").unwrap();
        let mapped = by_name.clone().mapped_by(Some(sdl));

        let column = |load: &Load| PlannedLoad::of_load(load).key_column;
        assert_eq!(column(&by_name).as_deref(), Some("Key__c"));
        assert_eq!(column(&mapped).as_deref(), Some("Nummer"));
    }
}
