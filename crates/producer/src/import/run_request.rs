//! A request to load a file.

use ingest_core::RunId;

use crate::import::{confirmation::Confirmed, load_choice::SaidLoad, read_settings::ReadSettings};

/// A request to load a file, as a new run or as one that goes on.
#[derive(Clone, Debug)]
pub(crate) struct RunRequest {
    /// Name of the blob.
    pub(crate) file: String,
    /// How a new run reads it.
    pub(crate) settings: ReadSettings,
    /// The caller's name for the run; an existing run of that name is resumed.
    pub(crate) run: Option<RunId>,
    /// See [`job_queue::NewRun::replay_of`].
    pub(crate) replay_of: Option<RunId>,
    /// See [`job_queue::NewRun::start_key`].
    pub(crate) start_key: Option<String>,
    /// What is confirmed of a new run.
    pub(crate) confirmed: Confirmed,
    /// What is said of what it loads. A run that goes on keeps what it has.
    pub(crate) load: SaidLoad,
}

impl RunRequest {
    /// A new run of a file.
    pub(crate) fn new(file: String, settings: ReadSettings, load: SaidLoad) -> Self {
        Self {
            file,
            settings,
            run: None,
            replay_of: None,
            start_key: None,
            confirmed: Confirmed::default(),
            load,
        }
    }
}
