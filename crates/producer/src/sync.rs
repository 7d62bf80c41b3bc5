//! `producer sync`: one run in the foreground.

use std::{process::ExitCode, time::Duration};

use ingest_core::RunId;
use job_queue::{Ledger, RunState};
use tokio_util::sync::CancellationToken;

use crate::{
    display::Display,
    error::{SyncError, resume_command},
    import::{Import, Imported, Until},
    places::Places,
    reject_limit,
    report::Report,
    start::{Order, Start},
    watermark::Watermarks,
};

/// How long Redis is waited for at the end.
const LAST_WORD: Duration = Duration::from_secs(2);

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
        let entering = Box::pin(self.start.enter(&self.order));
        let Some(entered) = self.shutdown.run_until_cancelled(entering).await else {
            return Ok(service::interrupted());
        };
        let import = Import {
            start: &self.start,
            watermarks: self.watermarks,
            display: &self.display,
            until: self.until,
            places: &Places::unlimited(),
            shutdown: &self.shutdown,
        };
        let entered = entered?;
        let run = entered.ledger.run.clone();
        let imported = Box::pin(import.run(entered, None)).await;
        self.display.end();
        match imported {
            Err(error) => {
                self.note_interruption(&run, &error).await;
                Err(error)
            }
            Ok(Imported::Ended(ledger)) => self.ended(ledger),
            Ok(Imported::Queued(ledger)) => Ok(self.queued(ledger).await),
            Ok(Imported::Interrupted(Some(ledger))) => Ok(self.interrupted(ledger).await),
            Ok(Imported::Interrupted(None) | Imported::Paused | Imported::NoPlace) => {
                Ok(service::interrupted())
            }
        }
    }

    fn ended(&self, ledger: Ledger) -> Result<ExitCode, SyncError> {
        let (run, state, rejected) = (ledger.run.clone(), ledger.state, ledger.rejected);
        let reason = ledger.reason.clone().unwrap_or_default();
        let too_many = reject_limit::passed(&ledger);
        self.print(Report::of(ledger));
        match (state, too_many) {
            (RunState::Failed, _) => Err(SyncError::Failed { run, reason }),
            (RunState::Cancelled, _) => Err(SyncError::Cancelled { run }),
            // It was known too late to stop anything.
            (_completed, Some(reason)) => Err(SyncError::TooManyRejects { run, reason }),
            _completed if rejected > 0 => Ok(service::DONE_WITH_REJECTS.into()),
            _completed => Ok(ExitCode::SUCCESS),
        }
    }

    /// Whoever looks at the run later sees why nobody goes on with it.
    async fn note_interruption(&self, run: &RunId, error: &SyncError) {
        if error.interrupts() {
            let reason = error.with_causes();
            let noting = self.start.queue.note_interruption(run, &reason);
            // This process ends with the same words.
            let _noted = tokio::time::timeout(LAST_WORD, noting).await;
        }
    }

    async fn queued(&self, ledger: Ledger) -> ExitCode {
        let (run, resume) = (ledger.run.clone(), resume_command(&ledger.file, &ledger.run));
        self.report_among(ledger).await;
        self.display.say(&format!(
            "everything is queued; watch it: producer show {run}. At its end this writes the \
             rejected rows to their file: {resume}"
        ));
        ExitCode::SUCCESS
    }

    async fn interrupted(&self, ledger: Ledger) -> ExitCode {
        let resume = resume_command(&ledger.file, &ledger.run);
        self.report_among(ledger).await;
        self.display.say(&format!("interrupted; nothing is lost. Go on with: {resume}"));
        service::interrupted()
    }

    /// With what the run waits for, unless Redis does not say it.
    async fn report_among(&self, ledger: Ledger) {
        let queue = &self.start.queue;
        let look = async { tokio::try_join!(queue.live_targets(), queue.outage()) };
        let report = Report::of(ledger);
        self.print(match tokio::time::timeout(LAST_WORD, look).await {
            Ok(Ok((living, pause))) => report.among(&living, pause.as_ref()),
            Ok(Err(_)) | Err(_) => report,
        });
    }

    fn print(&self, report: Report) {
        // Nobody may be reading stdout; the run is what it is.
        let _closed = report.with_own_peak_memory().print(self.json);
    }
}
