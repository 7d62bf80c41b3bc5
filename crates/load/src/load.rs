//! A load: what a run does with its file.

use ingest_core::shown;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    ApiChoice, AssignmentRule, InvalidLoad, LeftOut, LoadSettings, Operation, Sdl, ValueRules,
};

/// What a run does with its file. It is kept with the run, so every consumer does the same with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The object that rows become.
    pub object: String,
    /// What is done with them.
    pub operation: Operation,
    /// The field by which rows find their record; an insert has none.
    pub key: Option<String>,
    /// Which column fills which field.
    pub columns: Columns,
    /// How cells are read.
    pub values: ValueRules,
    /// Whether nobody said how dates with slashes are read.
    pub dates_are_assumed: bool,
    /// By which API rows are loaded.
    pub api: ApiChoice,
    /// Rows of a call of Collections.
    pub call_rows_max: usize,
    /// Which rule assigns the records; without one the org decides.
    pub assignment_rule: Option<AssignmentRule>,
    /// Whether rows are stored although a duplicate rule warns of them.
    pub allow_duplicates: bool,
    /// Whether the run writes which record each delivered row is.
    pub ids: bool,
}

/// Which column fills which field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    /// Columns fill the fields of their names, but for those that are left out.
    ByName(LeftOut),
    /// A mapping says it.
    Mapped(Sdl),
}

/// How loads are written. Another number is another way.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept<L> {
    version: u32,
    load: L,
}

/// A load that another program wrote cannot be used here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableLoad {
    /// A newer program started the run. The batches stay queued for consumers that can read it.
    #[error(
        "the load is written in version {0}, and this program reads version {VERSION}; update it"
    )]
    Version(u32),
    /// The run's entry in Redis is damaged, or was written by hand. Cancel the run and load the
    /// file again.
    #[error("it is no load: {0}")]
    Malformed(String),
}

impl Load {
    /// What the settings say, without their mapping file and `columns`: see [`LoadSettings::load`].
    ///
    /// # Errors
    ///
    /// When settings are missing, or do not fit together.
    pub fn new(settings: &LoadSettings) -> Result<Self, InvalidLoad> {
        let operation = settings.operation.unwrap_or_default();
        let object = settings.object.clone().ok_or(InvalidLoad::NoObject)?;
        Ok(Self {
            object,
            operation,
            key: settings.key(operation)?,
            columns: Columns::ByName(settings.left_out()),
            values: settings.values(),
            dates_are_assumed: settings.dates.is_none(),
            api: settings.api_that_fits()?,
            call_rows_max: usize::from(settings.call_rows.unwrap_or(CALL_ROWS_MAX)),
            assignment_rule: settings.assignment_rule.clone(),
            allow_duplicates: settings.allow_duplicates.unwrap_or_default(),
            ids: settings.ids.unwrap_or_default(),
        })
    }

    /// With the columns of a mapping file.
    #[must_use]
    pub fn mapped_by(self, mapping: Option<Sdl>) -> Self {
        let columns = mapping.map_or(self.columns, Columns::Mapped);
        Self { columns, ..self }
    }

    /// Where a mapping file lies is of this machine, and no part of the load: the same file gives the
    /// same load wherever it is mounted.
    pub(crate) fn mapped_without_folder(self) -> Self {
        let columns = match self.columns {
            Columns::Mapped(sdl) => Columns::Mapped(sdl.named_without_folder()),
            by_name @ Columns::ByName(_) => by_name,
        };
        Self { columns, ..self }
    }

    /// The text that is kept with a run: the same load always gives the same text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Kept { version: VERSION, load: self }).expect("texts become JSON")
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// When it is of another version, or no load.
    pub fn from_json(json: &str) -> Result<Self, UnreadableLoad> {
        let malformed =
            |error: serde_json::Error| UnreadableLoad::Malformed(shown(&error.to_string(), 200));
        let kept: Kept<serde_json::Value> = serde_json::from_str(json).map_err(malformed)?;
        if kept.version != VERSION {
            return Err(UnreadableLoad::Version(kept.version));
        }
        serde_json::from_value(kept.load).map_err(malformed)
    }

    /// Names the way in which rows become records: two loads of one object and operation with the
    /// same digest store the same. The API, the rows of a call, and the ids file decide nothing of that.
    #[must_use]
    pub fn mapping_digest(&self) -> String {
        let decisive = Decisive {
            columns: match &self.columns {
                Columns::ByName(left_out) => {
                    ComparedColumns::ByName { left_out: sorted(left_out.0.iter()) }
                }
                Columns::Mapped(sdl) => ComparedColumns::Mapped { entries: entries(sdl) },
            },
            values: &self.values,
            assignment_rule: self.assignment_rule.as_ref(),
            allow_duplicates: self.allow_duplicates,
        };
        let json = serde_json::to_vec(&decisive).expect("texts become JSON");
        let digits: String =
            Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect();
        digits[..DIGITS].to_owned()
    }
}

/// Rows of a call of Collections, at most: what Salesforce takes.
const CALL_ROWS_MAX: u16 = 200;

/// Hexadecimal digits that name a mapping.
const DIGITS: usize = 12;

/// All that decides which values a row brings, in an order that says nothing.
#[derive(Serialize)]
struct Decisive<'a> {
    columns: ComparedColumns,
    values: &'a ValueRules,
    assignment_rule: Option<&'a AssignmentRule>,
    allow_duplicates: bool,
}

#[derive(Serialize)]
enum ComparedColumns {
    ByName {
        left_out: Vec<String>,
    },
    /// Columns, and constants in their quotes, with the fields that they fill.
    Mapped {
        entries: Vec<(String, Vec<String>)>,
    },
}

/// A column that fills nothing is as good as one that the mapping does not name.
fn entries(sdl: &Sdl) -> Vec<(String, Vec<String>)> {
    let filling = sdl.entries().filter(|(_, fields)| !fields.is_empty());
    let mut entries: Vec<_> =
        filling.map(|(column, fields)| (column.to_owned(), sorted(fields.iter()))).collect();
    entries.sort();
    entries
}

/// Names in Salesforce have no case.
fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}
