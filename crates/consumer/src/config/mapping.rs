//! The settings of which column fills which field, and how cells are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use load::{DateOrder, LeftOut, ValueRules};

/// Which column fills which field, and how cells are read.
#[derive(Clone, Debug, Args)]
pub struct MappingArgs {
    /// Mapping of columns to fields, a .sdl file of Data Loader. Without one, columns fill the
    /// fields of their name.
    #[arg(long, env = "MAPPING_FILE", value_name = "FILE")]
    pub mapping_file: Option<PathBuf>,

    /// Without a mapping file: columns that are not sent, with commas between; `*` stands for all
    /// that fit no field. Any other column that fits no field fails its run before a row is sent.
    #[arg(long, env = "MAPPING_LEAVE_OUT", value_name = "COLUMNS", value_delimiter = ',')]
    pub mapping_leave_out: Vec<String>,

    /// Time zone of dates with a time and without an offset, such as Europe/Berlin. Dates without
    /// a time are not shifted.
    #[arg(long, env = "MAPPING_TIME_ZONE", default_value = "UTC", value_name = "ZONE", value_parser = time_zone)]
    pub mapping_time_zone: TimeZone,

    /// How dates with slashes are read: 11/23/2026 or 23/11/2026. Not set: month first, and where
    /// dates are filled a warning says that this is assumed.
    #[arg(long, env = "MAPPING_DATES", value_enum, value_name = "ORDER")]
    pub mapping_dates: Option<DateOrder>,

    /// What an empty cell does. `#N/A` empties the field in any case.
    #[arg(long, env = "MAPPING_NULLS", value_enum, default_value_t = Nulls::Ignore, value_name = "WHAT")]
    pub mapping_nulls: Nulls,

    /// Cut text that is longer than its field, instead of rejecting the row.
    #[arg(long, env = "MAPPING_TRUNCATE", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub mapping_truncate: bool,
}

/// What an empty cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Nulls {
    /// It leaves the field as it is.
    Ignore,
    /// It empties the field.
    Write,
}

impl MappingArgs {
    pub(super) fn left_out(&self) -> LeftOut {
        LeftOut(self.mapping_leave_out.clone())
    }

    pub(super) fn values(&self) -> ValueRules {
        ValueRules {
            zone: self.mapping_time_zone.clone(),
            dates: self.mapping_dates.unwrap_or_default(),
            empty_is_null: self.mapping_nulls == Nulls::Write,
            truncate: self.mapping_truncate,
            ..ValueRules::default()
        }
    }
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "no such time zone; write it like Europe/Berlin".to_owned())
}
