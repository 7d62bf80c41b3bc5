//! `producer sync`: one run in the foreground.

use std::process::ExitCode;

use job_queue::{Ledger, RunState};
use tokio_util::sync::CancellationToken;

use crate::{
    display::Display,
    error::{SyncError, resume_command},
    import::{Import, Imported, Until},
    read_settings::ReadSettings,
    report::Report,
    start::{Order, Start},
    watermark::Watermarks,
};

/// Everything `producer sync` works with.
pub(crate) struct Sync {
    pub(crate) start: Start,
    pub(crate) order: Order,
    pub(crate) watermarks: Watermarks,
    pub(crate) until: Until,
    /// The report is printed as JSON.
    pub(crate) json: bool,
    pub(crate) display: Display,
    pub(crate) shutdown: CancellationToken,
}

impl Sync {
    pub(crate) async fn run(self) -> Result<ExitCode, SyncError> {
        let entering = self.start.enter(&self.order);
        let Some(entered) = self.shutdown.run_until_cancelled(entering).await else {
            return Ok(service::interrupted());
        };
        let import = Import {
            start: &self.start,
            watermarks: self.watermarks,
            display: &self.display,
            until: self.until,
            shutdown: &self.shutdown,
        };
        let imported = Box::pin(import.run(entered?)).await;
        self.display.end();
        match imported? {
            Imported::Ended(ledger) => self.ended(ledger),
            Imported::Queued(ledger) => Ok(self.queued(ledger)),
            Imported::Interrupted(Some(ledger)) => Ok(self.interrupted(ledger)),
            Imported::Interrupted(None) | Imported::Paused => Ok(service::interrupted()),
        }
    }

    fn ended(&self, ledger: Ledger) -> Result<ExitCode, SyncError> {
        let (run, state, rejected) = (ledger.run.clone(), ledger.state, ledger.rejected);
        let reason = ledger.reason.clone().unwrap_or_default();
        let limit = ReadSettings::of(&ledger)?.rejects_max();
        let too_many = limit.filter(|most| most.is_exceeded(&ledger));
        let too_many = too_many.map(|most| most.reason(&ledger));
        self.report(ledger);
        match (state, too_many) {
            (RunState::Failed, _) => Err(SyncError::Failed { run, reason }),
            (RunState::Cancelled, _) => Err(SyncError::Cancelled { run }),
            // It was known too late to stop anything.
            (_completed, Some(reason)) => Err(SyncError::TooManyRejects { run, reason }),
            _completed if rejected > 0 => Ok(service::DONE_WITH_REJECTS.into()),
            _completed => Ok(ExitCode::SUCCESS),
        }
    }

    fn queued(&self, ledger: Ledger) -> ExitCode {
        let (run, resume) = (ledger.run.clone(), resume_command(&ledger.file, &ledger.run));
        self.report(ledger);
        self.display.say(&format!(
            "everything is queued; watch it: producer show {run}. At its end this writes the \
             rejected rows to their file: {resume}"
        ));
        ExitCode::SUCCESS
    }

    fn interrupted(&self, ledger: Ledger) -> ExitCode {
        let resume = resume_command(&ledger.file, &ledger.run);
        self.report(ledger);
        self.display.say(&format!("interrupted; nothing is lost. Go on with: {resume}"));
        service::interrupted()
    }

    fn report(&self, ledger: Ledger) {
        // Nobody may be reading stdout; the run is what it is.
        let _closed = Report::of(ledger).with_own_peak_memory().print(self.json);
    }
}
