//! What somebody asks to have loaded.

use ingest_core::RunId;
use job_queue::{Target, Wanted};

use crate::import::read_settings::ReadSettings;

/// A run that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct RunRequest {
    /// Name of the blob.
    pub(crate) file: String,
    /// How a new run reads it.
    pub(crate) settings: ReadSettings,
    /// A name of one's own; the run of that name goes on when there is one.
    pub(crate) run: Option<RunId>,
    /// See [`job_queue::NewRun::replay_of`].
    pub(crate) replay_of: Option<RunId>,
    /// See [`job_queue::NewRun::start_key`].
    pub(crate) start_key: Option<String>,
    /// Who is to deliver a new run.
    pub(crate) wanted: Wanted,
    /// Who delivers it, where that is known before and no other one is wanted by its id.
    pub(crate) target: Option<Target>,
}

impl RunRequest {
    /// A new run of a file.
    pub(crate) fn new(file: String, settings: ReadSettings, wanted: Wanted) -> Self {
        Self { file, settings, run: None, replay_of: None, start_key: None, wanted, target: None }
    }
}
