//! Loads a run in this process, for `sync`, `resume` and `replay`.

use std::{process::ExitCode, time::Duration};

use blob_store::BlobStore;
use ingest_core::{RunId, commands::producer};
use job_queue::{Ledger, RunState};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument;

use super::{connect::connect, metrics_server::serve_metrics, question};
use crate::{
    cli::{import_args::ImportArgs, invalid_setting::InvalidSetting},
    import::{
        backpressure::Watermarks,
        confirmation::Confirmed,
        error::SyncError,
        importer::{Imported, Importer, Until, run_span},
        load_choice::SaidLoad,
        metrics::{ImportMetrics, StartedBy},
        places::Places,
        read_settings::ReadSettings,
        run_request::RunRequest,
        run_store::{OpenedRun, RunStore},
        source::Transfer,
    },
    org::Precheck,
    report::{
        command_line::{cancel_command, resume_command},
        console::Display,
        reject_limit,
        run_report::Report,
        waiting::Live,
    },
};

/// How long Redis is waited for at the end.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Whether somebody is asked before a run starts that cannot be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// There is no need to.
    Nobody,
    /// Somebody at a terminal; without one it does not start.
    Somebody,
}

impl Asking {
    pub(super) fn unless(yes: bool) -> Self {
        if yes { Self::Nobody } else { Self::Somebody }
    }
}

/// This process, connected to everything that loading a run takes.
pub(super) struct Foreground {
    pub(super) runs: RunStore,
    pub(super) display: Display,
    watermarks: Watermarks,
    until: Until,
    held_max: Option<Duration>,
    json: bool,
    shutdown: CancellationToken,
    _metrics: Option<AbortOnDropHandle<()>>,
}

/// Ctrl-C or a signal came before the run had begun. Nothing was entered; run the command again.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

impl Foreground {
    /// Connects, and says what should be set differently.
    pub(super) async fn prepare(
        args: &ImportArgs,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let display = Display::start();
        let watermarks = Watermarks::new(&args.watermarks)?;
        let store = BlobStore::connect(&args.blob)
            .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
        let queue = connect(&args.queue, &shutdown).await?.ok_or(Interrupted)?;
        let keep = args.guards.run_keep;
        let precheck = Precheck::new(&args.salesforce);
        let (started_by, metrics) = (StartedBy::Cli, ImportMetrics::default());
        let transfer = Transfer::default();
        let runs = RunStore { store, queue, transfer, keep, precheck, started_by, metrics };
        let metrics = args.metrics_listen.and_then(|address| serve_metrics(address, &runs));
        let until = if args.no_wait { Until::Queued } else { Until::Ended };
        let (held_max, json) = (args.max_held, args.json);
        Ok(Self { runs, display, watermarks, until, held_max, json, shutdown, _metrics: metrics })
    }

    /// Loads the run, and gives the code it ended with.
    pub(super) async fn load(
        self,
        request: RunRequest,
        asking: Asking,
    ) -> anyhow::Result<ExitCode> {
        let opening = Box::pin(self.open(request, asking));
        let Some(opened) = self.shutdown.run_until_cancelled(opening).await else {
            self.display
                .print("interrupted before anything was loaded; start the same command again");
            return Ok(service::interrupted());
        };
        let Some(opened) = opened? else {
            service::say("not started; nothing was loaded");
            return Ok(ExitCode::FAILURE);
        };
        let span = run_span(&opened.ledger.run);
        Box::pin(self.load_opened(opened)).instrument(span).await
    }

    /// Loads what is left of a run.
    pub(super) async fn load_again(self, ledger: Ledger) -> anyhow::Result<ExitCode> {
        let settings = ReadSettings::of(&ledger)?;
        let request = RunRequest::new(ledger.file, settings, SaidLoad::nothing());
        // It has started already.
        self.load(RunRequest { run: Some(ledger.run), ..request }, Asking::Nobody).await
    }

    async fn load_opened(&self, opened: OpenedRun) -> anyhow::Result<ExitCode> {
        let import = Importer {
            runs: &self.runs,
            watermarks: self.watermarks,
            display: &self.display,
            until: self.until,
            held_max: self.held_max,
            places: &Places::unlimited(),
            shutdown: &self.shutdown,
        };
        let run = opened.ledger.run.clone();
        let imported = Box::pin(import.run(opened, None)).await;
        self.display.end();
        Ok(match imported {
            Err(error) => {
                self.note_interruption(&run, &error).await;
                return Err(error.into());
            }
            Ok(Imported::Ended(ledger)) => self.ended(ledger)?,
            Ok(Imported::Queued(ledger)) => self.queued(ledger).await,
            Ok(Imported::Interrupted(Some(ledger))) => self.interrupted(ledger).await,
            Ok(Imported::Interrupted(None) | Imported::Paused | Imported::NoPlace) => {
                let resume = resume_command(&run);
                self.display.print(&format!("interrupted; go on with: {resume}"));
                service::interrupted()
            }
        })
    }

    /// Opens a run; nothing, when somebody does not want it after all.
    async fn open(
        &self,
        mut request: RunRequest,
        asking: Asking,
    ) -> anyhow::Result<Option<OpenedRun>> {
        if asking == Asking::Nobody {
            request.confirmed = Confirmed::All;
        }
        loop {
            match self.runs.open(&request).await {
                Err(SyncError::Unconfirmed(run)) if question::can_be_asked() => {
                    if !question::ask(&run.question()).await? {
                        return Ok(None);
                    }
                    request.confirmed = run.confirmed();
                }
                opened => return Ok(Some(opened?)),
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

    /// Keeps the reason in the ledger, so that `producer show` and the page give it.
    async fn note_interruption(&self, run: &RunId, error: &SyncError) {
        if error.interrupts() {
            let reason = service::with_causes(error);
            let noting = self.runs.queue.note_interruption(run, &reason);
            // This process ends with the same words.
            let _noted = tokio::time::timeout(LAST_WORD, noting).await;
        }
    }

    async fn queued(&self, ledger: Ledger) -> ExitCode {
        let (run, resume) = (ledger.run.clone(), resume_command(&ledger.run));
        self.report_among(ledger).await;
        self.display.print(&format!(
            "everything is queued; watch it: {} show {run}. At its end this writes the \
             rejected rows to their file: {resume}",
            producer()
        ));
        ExitCode::SUCCESS
    }

    async fn interrupted(&self, ledger: Ledger) -> ExitCode {
        let words = after_interruption(&ledger);
        self.report_among(ledger).await;
        self.display.print(&words);
        service::interrupted()
    }

    /// With what the run waits for, unless Redis does not say it.
    async fn report_among(&self, ledger: Ledger) {
        let queue = &self.runs.queue;
        let look = async { tokio::try_join!(Live::of(queue), queue.outage()) };
        let report = Report::of(ledger);
        self.print(match tokio::time::timeout(LAST_WORD, look).await {
            Ok(Ok((live, pause))) => report.among(&live, pause.as_ref()),
            Ok(Err(_)) | Err(_) => report,
        });
    }

    fn print(&self, report: Report) {
        // A closed stdout does not change how the run ended.
        let _closed = report.with_own_peak_memory().print(self.json);
    }
}

/// What becomes of the run that nobody follows now, and what follows or ends it.
fn after_interruption(ledger: &Ledger) -> String {
    let (resume, cancel) = (resume_command(&ledger.run), cancel_command(&ledger.run));
    match ledger.state {
        _ if ledger.has_ended() => format!(
            "interrupted; the run has ended, and its rejected rows or ids are not all in their files yet. \
             Write them with: {resume}"
        ),
        _ if ledger.paused => {
            format!(
                "interrupted; the run stays paused. Go on with: {resume}; end it with: {cancel}"
            )
        }
        _ if ledger.held.is_some() => format!(
            "interrupted; the run stays held, and nothing is lost. When its reason is put right, go on \
             with: {resume}; end it with: {cancel}"
        ),
        RunState::Draining => format!(
            "interrupted; the run goes on: all of it is queued, and consumers deliver it. Follow it \
             with: {resume}; end it with: {cancel}"
        ),
        RunState::Cancelling => {
            format!("interrupted; the run is being cancelled. See it to its end with: {resume}")
        }
        _ => format!(
            "interrupted; nothing is lost, and what is queued is still delivered. Go on with: {resume}; \
             end it with: {cancel}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use job_queue::Held;

    use super::*;
    use crate::report::sample;

    #[test]
    fn whoever_interrupts_is_told_whether_the_run_goes_on_and_what_ends_it() {
        let running = || sample::ledger("r");
        let held = Some(Held { reason: "no rights".to_owned(), times: 1 });
        let draining = || Ledger { state: RunState::Draining, ..running() };
        let cases = [
            (running(), "interrupted; nothing is lost, and what is queued is still delivered."),
            (draining(), "interrupted; the run goes on: all of it is queued"),
            (Ledger { held: held.clone(), ..draining() }, "interrupted; the run stays held"),
            (Ledger { held, ..running() }, "interrupted; the run stays held"),
            (Ledger { paused: true, ..draining() }, "interrupted; the run stays paused."),
        ];

        for (ledger, expected) in cases {
            let says = after_interruption(&ledger);
            assert!(says.starts_with(expected), "{says}");
            assert!(says.contains("with: producer resume r;"), "{says}");
            assert!(says.ends_with("end it with: producer cancel r"), "{says}");
        }
        let ended = after_interruption(&sample::completed("r"));
        assert!(
            ended.contains("has ended") && ended.ends_with("with: producer resume r"),
            "{ended}"
        );
    }
}
