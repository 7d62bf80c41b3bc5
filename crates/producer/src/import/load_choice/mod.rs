//! Which load a run has. Pure but for mapping files that flags name.

mod words;

use job_queue::RunLoad;
use load::{Columns, DEFAULT_LOAD, Load, LoadSettings, NoLoad, Nulls};

use crate::{
    import::{
        known_loads::{KnownLoads, read_text},
        load_difference::difference,
    },
    report::waiting::list,
};

/// Bytes of a load as it is kept with a run: one of 5,000 columns has as many.
pub(crate) const LOAD_BYTES_MAX: usize = 512 << 10;

/// The name of a load that flags say alone, and of one that a request says.
const OF_FLAGS: &str = "flags";
const OF_A_REQUEST: &str = "request";

/// What a person asks for.
#[derive(Clone, Debug)]
pub(crate) enum LoadWish {
    /// The load of this name, or the usual one, with other values for what `flags` say.
    Known { name: Option<String>, flags: Box<LoadSettings> },
    /// What these say, and nothing else.
    Whole(Box<LoadSettings>),
}

/// What the start of a run says of its load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SaidLoad {
    This {
        load: RunLoad,
        by: SaidBy,
    },
    /// Nothing but some values, if any: it is that of the consumers.
    OfConsumers {
        flags: Box<LoadSettings>,
        /// The loads of which none fits the file. Where there are some, the run is not left to wait
        /// for a load.
        unfit: Vec<String>,
    },
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaidBy {
    /// The person who starts the run.
    Person,
    /// A pattern that fits the name of the file.
    Pattern,
    /// The environment, which consumers may have as well.
    Environment,
    /// The run that is replayed.
    Replayed,
}

/// The load of a new run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) load: RunLoad,
    /// Nobody said it: it is that of the consumers.
    pub(crate) is_assumed: bool,
}

/// Why a run has no load that it could begin with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    None(#[from] NoLoad),
    #[error("{0}")]
    Invalid(String),
    /// The producer has no load of its own, and its consumers do not agree.
    #[error(
        "the consumers that are alive have several default loads, and nothing says which one is \
         meant; say it with --load, or with --object, --operation and --external-id. They are {known}"
    )]
    Several { known: String },
    /// Neither flags, nor a file of loads, nor the environment, nor a consumer names an object.
    #[error(
        "nothing says what object rows become; say it with --object, or name a load with --load"
    )]
    NoObject,
    /// The producer has a file of loads, and no pattern of it fits.
    #[error(
        "no load fits the name of the file, and nothing else says what object its rows become; name \
         one with --load ({known}), or say the object with --object"
    )]
    NoneFits { known: String },
    /// Often somebody forgot to give both programs the same mapping file. The producer's would
    /// hold.
    #[error(
        "this producer and the consumers that are alive map {what} in different ways ({how}); start \
         the consumers again with the mapping settings of this producer, or take its own with --load default"
    )]
    OtherMapping { what: String, how: String },
    /// The load is kept with each run and read with its batches, so it is limited. Columns of the
    /// same name need no mapping.
    #[error("the load has {bytes} bytes, and it may have {LOAD_BYTES_MAX}; map fewer columns")]
    TooLarge { bytes: usize },
    /// A newer program wrote the load of that run, so single values of it cannot be replaced here.
    #[error("the load {0} cannot be changed: {1}; name another one with --load")]
    Unreadable(String, String),
}

impl LoadWish {
    pub(crate) fn nothing() -> Self {
        Self::known(None, LoadSettings::default())
    }

    pub(crate) fn known(name: Option<String>, flags: LoadSettings) -> Self {
        Self::Known { name, flags: Box::new(flags) }
    }
}

impl KnownLoads {
    /// What is said of the load of a new run of this file: by its wish, else by a pattern, else by the
    /// environment.
    pub(crate) fn said_of_file(&self, file: &str, wish: &LoadWish) -> Result<SaidLoad, LoadError> {
        let (name, flags) = match wish {
            LoadWish::Whole(settings) => return whole(settings),
            LoadWish::Known { name, flags } => (name, flags),
        };
        if let Some(name) = name {
            return self.named(name, flags);
        }
        let Some(usual) = self.loads.of_file(file)? else {
            let said = self.of_flags(flags, &self.environment)?;
            return Ok(said.unless(self.loads.iter().map(|load| load.name.clone())));
        };
        let by = match usual.name.as_str() {
            DEFAULT_LOAD => SaidBy::Environment,
            _ => SaidBy::Pattern,
        };
        match flags.says_nothing() {
            true => this(&usual.name, &usual.load, by),
            false => self.named(&usual.name, flags),
        }
    }

    /// The same for a new run of rows that another run rejected. Unless a person wishes another one, it
    /// is the load of that run.
    pub(crate) fn said_of_rejects(
        &self,
        of_run: Option<RunLoad>,
        wish: &LoadWish,
    ) -> Result<SaidLoad, LoadError> {
        match (wish, of_run) {
            (LoadWish::Whole(settings), _) => whole(settings),
            (LoadWish::Known { name: Some(name), flags }, _) => self.named(name, flags),
            (LoadWish::Known { flags, .. }, None) => self.of_flags(flags, &LoadSettings::default()),
            (LoadWish::Known { flags, .. }, Some(load)) => match flags.says_nothing() {
                true => Ok(SaidLoad::This { load, by: SaidBy::Replayed }),
                false => {
                    let load = changed(&load, flags)?;
                    Ok(SaidLoad::This { load, by: SaidBy::Person })
                }
            },
        }
    }

    fn named(&self, name: &str, flags: &LoadSettings) -> Result<SaidLoad, LoadError> {
        let named = self.loads.named(name)?;
        if flags.says_nothing() {
            return this(name, &named.load, SaidBy::Person);
        }
        let settings = flags.clone().over(named.settings.clone());
        let load = settings
            .load(&read_text)
            .map_err(|invalid| LoadError::Invalid(words::of_flags(&invalid)))?;
        // Of another object it has but what belongs to none.
        let name = if flags.is_of_another_object(&named.settings) { OF_FLAGS } else { name };
        this(name, &load, SaidBy::Person)
    }

    /// Flags that say the object need no load. The environment may say the rest, such as how dates are
    /// read.
    fn of_flags(&self, flags: &LoadSettings, base: &LoadSettings) -> Result<SaidLoad, LoadError> {
        if flags.object.is_none() {
            return Ok(SaidLoad::of_consumers(flags));
        }
        let settings = flags.clone().over(base.clone());
        let load = settings
            .load(&read_text)
            .map_err(|invalid| LoadError::Invalid(words::of_flags(&invalid)))?;
        this(OF_FLAGS, &load, SaidBy::Person)
    }
}

fn whole(settings: &LoadSettings) -> Result<SaidLoad, LoadError> {
    let load = settings
        .load(&read_text)
        .map_err(|invalid| LoadError::Invalid(words::of_request(&invalid)))?;
    this(OF_A_REQUEST, &load, SaidBy::Person)
}

fn this(name: &str, load: &Load, by: SaidBy) -> Result<SaidLoad, LoadError> {
    Ok(SaidLoad::This { load: within_limit(RunLoad::new(name, load))?, by })
}

fn within_limit(load: RunLoad) -> Result<RunLoad, LoadError> {
    match load.text.len() {
        bytes if bytes > LOAD_BYTES_MAX => Err(LoadError::TooLarge { bytes }),
        _ => Ok(load),
    }
}

impl SaidLoad {
    /// Nothing at all.
    pub(crate) fn nothing() -> Self {
        Self::of_consumers(&LoadSettings::default())
    }

    fn of_consumers(flags: &LoadSettings) -> Self {
        Self::OfConsumers { flags: Box::new(flags.clone()), unfit: Vec::new() }
    }

    /// The same where none of these loads fits.
    fn unless(self, loads: impl Iterator<Item = String>) -> Self {
        match self {
            Self::OfConsumers { flags, .. } => Self::OfConsumers { flags, unfit: loads.collect() },
            said => said,
        }
    }

    /// The load that a run would have by this, which has `kept`; `None` when nothing is said.
    pub(crate) fn of_run(&self, kept: Option<&RunLoad>) -> Result<Option<RunLoad>, LoadError> {
        match (self, kept) {
            (Self::This { load, .. }, _) => Ok(Some(load.clone())),
            (Self::OfConsumers { flags, .. }, _) if flags.says_nothing() => Ok(None),
            (Self::OfConsumers { flags, .. }, Some(kept)) => changed(kept, flags).map(Some),
            (Self::OfConsumers { .. }, None) => Err(LoadError::NoObject),
        }
    }

    /// As far as a person says it: a repeated request gets its run, whatever else has changed.
    pub(crate) fn of_the_request(&self) -> Self {
        match self {
            Self::This { by: SaidBy::Person, .. } => self.clone(),
            _ => Self::nothing(),
        }
    }

    /// The load of the run, given the default loads of the consumers that are alive; `None` when they
    /// have none: the first one that has gives it to the run. A producer that has loads, of which none
    /// fits, does not leave a run to that.
    pub(crate) fn choose(&self, live: &[RunLoad]) -> Result<Option<Chosen>, LoadError> {
        match self {
            Self::This { load, by } => {
                if *by == SaidBy::Environment {
                    agree(load, live)?;
                }
                Ok(Some(Chosen { load: load.clone(), is_assumed: false }))
            }
            Self::OfConsumers { flags, unfit } => of_consumers(flags, unfit, live),
        }
    }
}

fn of_consumers(
    flags: &LoadSettings,
    unfit: &[String],
    live: &[RunLoad],
) -> Result<Option<Chosen>, LoadError> {
    let candidates: Vec<&RunLoad> = live.iter().filter(|load| !load.summary.deletes()).collect();
    match candidates[..] {
        [] if !unfit.is_empty() => Err(LoadError::NoneFits { known: service::few(unfit, ", ") }),
        [] if flags.says_nothing() => Ok(None),
        [] => Err(LoadError::NoObject),
        [load] if flags.says_nothing() => Ok(Some(Chosen { load: load.clone(), is_assumed: true })),
        [load] => Ok(Some(Chosen { load: changed(load, flags)?, is_assumed: false })),
        _ => {
            let summaries = candidates.iter().map(|load| &load.summary);
            Err(LoadError::Several { known: list(summaries) })
        }
    }
}

/// Whether the consumers map the same object in the same way. Otherwise somebody probably forgot to
/// give one of the programs the mapping.
fn agree(own: &RunLoad, live: &[RunLoad]) -> Result<(), LoadError> {
    let is_comparable = |other: &&RunLoad| {
        other.summary.object.eq_ignore_ascii_case(&own.summary.object)
            && other.summary.operation == own.summary.operation
    };
    let comparable: Vec<&RunLoad> = live.iter().filter(is_comparable).collect();
    let Some(first) = comparable.first() else { return Ok(()) };
    if comparable.iter().any(|other| other.summary.mapping == own.summary.mapping) {
        return Ok(());
    }
    let what = format!("{} {}", own.summary.operation, own.summary.object);
    let how = difference(own, first, "here", "there");
    Err(LoadError::OtherMapping { what, how })
}

/// The load with other values for what flags say.
fn changed(load: &RunLoad, flags: &LoadSettings) -> Result<RunLoad, LoadError> {
    let RunLoad { summary, text } = load;
    let kept = Load::from_json(text)
        .map_err(|error| LoadError::Unreadable(summary.to_string(), error.to_string()))?;
    let base = settings_of(&kept);
    let is_of_another_object = flags.is_of_another_object(&base);
    let settings = flags.clone().over(base);
    let load = settings
        .load(&read_text)
        .map_err(|invalid| LoadError::Invalid(words::of_flags(&invalid)))?;
    let says_columns = flags.mapping.is_some() || flags.leave_out.is_some();
    let load = match kept.columns {
        Columns::Mapped(mapping) if !says_columns && !is_of_another_object => {
            load.mapped_by(Some(mapping))
        }
        _ => load,
    };
    // Such as another external id, which no column of the mapping fills.
    load.check_columns().map_err(|invalid| LoadError::Invalid(invalid.to_string()))?;
    let name = if is_of_another_object { OF_FLAGS } else { &summary.name };
    within_limit(RunLoad::new(name, &load))
}

/// The settings that say a load, but for its mapping.
fn settings_of(load: &Load) -> LoadSettings {
    let values = &load.values;
    LoadSettings {
        object: Some(load.object.clone()),
        external_id: load.key.clone(),
        operation: Some(load.operation),
        api: Some(load.api),
        call_rows: u16::try_from(load.call_rows_max).ok(),
        assignment_rule: load.assignment_rule.clone(),
        allow_duplicates: Some(load.allow_duplicates),
        leave_out: match &load.columns {
            Columns::ByName(left_out) => Some(left_out.0.clone()).filter(|some| !some.is_empty()),
            Columns::Mapped(_) => None,
        },
        time_zone: Some(values.zone.clone()),
        dates: (!load.dates_are_assumed).then_some(values.dates),
        two_digit_years: Some(values.two_digit_years),
        dates_with_time: Some(values.dates_with_time),
        decimal: Some(values.decimal),
        nulls: Some(if values.empty_is_null { Nulls::Write } else { Nulls::Ignore }),
        truncate: Some(values.truncate),
        ..LoadSettings::default()
    }
}

#[cfg(test)]
mod tests;
