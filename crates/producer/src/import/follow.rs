//! A run as its consumers deliver it: progress, and the files that it writes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use ingest_core::RunId;
use job_queue::{EventId, Ledger, Output, Queue, RunState};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    import::{
        error::{OutputError, SyncError},
        output_file::{OutputFile, Outputs},
        read_settings::ReadSettings,
        source::ReadProgress,
        stall::Stall,
    },
    report::{
        console::Display,
        hold::HoldWatch,
        outage,
        output_names::rows,
        waiting::{Live, waiting_for},
    },
};

/// How often the ledger is polled.
const LOOK: Duration = Duration::from_millis(250);

/// How long the last read of the ledger may take after a shutdown.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// The same for lines that are in no file yet.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Lines are written when there are this many bytes of them, or after a
/// while: an append blob takes 50,000 appends.
const LINES_BYTES_MIN: usize = 512 << 10;
const LINES_DELAY: Duration = Duration::from_secs(10);

/// Appends between two reads of the ledger, at most: each row of a run may have a line.
const APPENDS_MAX: usize = 8;

/// How often to check whether a live consumer fits.
const LOOK_FOR_CONSUMERS: Duration = Duration::from_secs(2);

pub(crate) struct Follow<'a> {
    pub(crate) queue: &'a Queue,
    pub(crate) run: &'a RunId,
    pub(crate) outputs: Outputs,
    pub(crate) read: ReadProgress,
    pub(crate) display: &'a Display,
    /// This process has fed all of the run.
    pub(crate) is_fed: &'a AtomicBool,
    /// This process has stopped feeding, for [`halt`](Self::halt) was cancelled.
    pub(crate) is_halted: &'a AtomicBool,
    /// Stops feeding when too many rows are rejected.
    pub(crate) halt: &'a CancellationToken,
    /// Following ends when a person pauses the run: another process follows it after the resume.
    pub(crate) ends_when_paused: bool,
    /// Following ends with an error when the run is held, or nobody delivers it, for longer than this.
    pub(crate) held_max: Option<Duration>,
}

/// How a run was when it was followed no longer.
pub(crate) struct Followed {
    pub(crate) ledger: Ledger,
    /// Whether it has ended, and its files have all of their lines.
    pub(crate) is_whole: bool,
}

impl Follow<'_> {
    /// Follows the run until it has ended, and gives its ledger then; its
    /// files are whole. Ends earlier when `stop` is cancelled, or when the ledger
    /// says that the run is being fed though all of it was: Redis went back. A run that
    /// has ended by then may have lines that are in no file yet.
    pub(crate) async fn to_the_end(
        &self,
        mut ledger: Ledger,
        stop: &CancellationToken,
    ) -> Result<Followed, SyncError> {
        let mut watcher = Watcher::new(&ledger);
        loop {
            // Read before the ledger: what is fed by then must not look open after it.
            let was_fed = self.is_fed.load(Ordering::Acquire);
            match stop.run_until_cancelled(self.step(&mut watcher)).await {
                Some(now) => ledger = now?,
                None => return self.left(&mut watcher, ledger).await,
            }
            let is_left = self.ends_when_paused && ledger.paused;
            if ledger.has_ended() || is_left || (was_fed && ledger.state == RunState::Feeding) {
                let is_whole = ledger.has_ended();
                return Ok(Followed { ledger, is_whole });
            }
            stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
        }
    }

    /// Reads the ledger once more, unless Redis is unreachable, and writes the lines of a run that has
    /// ended, as far as that takes no time worth mentioning.
    async fn left(&self, watcher: &mut Watcher, ledger: Ledger) -> Result<Followed, SyncError> {
        let look = tokio::time::timeout(LAST_LOOK, self.look(watcher)).await;
        let ledger = look.unwrap_or(Ok(ledger))?;
        if ledger.has_ended() {
            let writing = self.write_all_lines(ledger.clone());
            if let Ok(Ok(ledger)) = tokio::time::timeout(LAST_LINES, writing).await {
                return Ok(Followed { ledger, is_whole: true });
            }
        }
        Ok(Followed { ledger, is_whole: false })
    }

    /// Reads the ledger once, and acts on it.
    async fn step(&self, watcher: &mut Watcher) -> Result<Ledger, SyncError> {
        let ledger = self.look(watcher).await?;
        if ledger.has_ended() {
            return self.write_all_lines(ledger).await;
        }
        let lost = self.look_for_lost_batches(watcher, &ledger).await?;
        self.give_up_if_too_many_are_rejected(&ledger, lost).await?;
        self.write_due_lines(watcher, &ledger).await;
        self.go_on_cancelling(watcher, &ledger).await?;
        self.look_for_consumers(watcher, &ledger).await?;
        Ok(ledger)
    }

    /// Ends a cancelled run whose consumers died, once their leases have expired: those that start may
    /// wait for Salesforce.
    async fn go_on_cancelling(
        &self,
        watcher: &mut Watcher,
        ledger: &Ledger,
    ) -> Result<(), SyncError> {
        // As often as a worker: else no time passes for leases where no consumer is alive.
        let is_due =
            watcher.cancelled.is_none_or(|at| at.elapsed() >= self.queue.between_heartbeats());
        if ledger.state == RunState::Cancelling && is_due {
            watcher.cancelled = Some(Instant::now());
            self.queue.cancel_run(self.run).await?;
        }
        Ok(())
    }

    async fn look(&self, watcher: &mut Watcher) -> Result<Ledger, SyncError> {
        let batches = match self.display.shows_batches() && !watcher.had_ended {
            true => self.queue.batch_events(self.run, &watcher.seen).await?,
            false => Vec::new(),
        };
        if let Some(last) = batches.last() {
            watcher.seen = last.id.clone();
        }
        let unknown = || SyncError::UnknownRun { run: self.run.clone() };
        let ledger = self.queue.ledger(self.run).await?.ok_or_else(unknown)?;
        self.display.progress(&ledger, &batches, self.read.bytes());
        if ledger.paused != watcher.paused {
            watcher.paused = ledger.paused;
            self.display.paused_by_hand(&ledger);
        }
        let now = Instant::now();
        if let Some(news) = watcher.hold.look(&ledger, now) {
            self.display.held(&ledger, news);
        }
        let held = ledger.held.as_ref().zip(watcher.hold.lasts(now));
        if let Some((held, lasts)) = held {
            self.leave_if_too_long(lasts, &held.reason)?;
        }
        Ok(ledger)
    }

    /// Gives a run up, for this process, that was not delivered for so long.
    fn leave_if_too_long(&self, lasts: Duration, reason: &str) -> Result<(), SyncError> {
        if self.held_max.is_none_or(|max| lasts < max) {
            return Ok(());
        }
        let (run, reason) = (self.run.clone(), reason.to_owned());
        Err(SyncError::UndeliveredTooLong { run, lasts, reason })
    }

    /// On a stall: counts the batches that Redis has lost. The run is then fed again from there, or
    /// ends if it was cancelled. While it is being fed this waits until its queue is full: only
    /// then is nothing being pushed, and lost batches may be what keeps it full.
    async fn look_for_lost_batches(
        &self,
        watcher: &mut Watcher,
        ledger: &Ledger,
    ) -> Result<Option<u64>, SyncError> {
        let is_being_fed = ledger.state == RunState::Feeding;
        let is_halted = self.is_halted.load(Ordering::Acquire);
        let is_pushed = !is_being_fed || is_halted || ledger.waits_for_room;
        if !is_pushed || !watcher.stall.is_due(ledger.batches_settled, Instant::now()) {
            return Ok(None);
        }
        let lost = self.queue.count_lost_batches(ledger).await?;
        if lost > 0 {
            warn!(run = %self.run, "run {}: redis lost {lost} of its batches", self.run);
        }
        // After a halt nothing is to be fed any more.
        if !(is_being_fed && is_halted) {
            self.queue.requeue_run(self.run, lost).await?;
        }
        Ok(Some(lost))
    }

    /// Stops feeding at the reject limit; the run fails when its queued batches are delivered.
    async fn give_up_if_too_many_are_rejected(
        &self,
        ledger: &Ledger,
        lost: Option<u64>,
    ) -> Result<(), SyncError> {
        let limit = ReadSettings::of(ledger)?.rejects_max();
        let Some(limit) = limit.filter(|limit| limit.is_exceeded(ledger)) else { return Ok(()) };
        if ledger.state != RunState::Feeding {
            return Ok(());
        }
        if !self.halt.is_cancelled() {
            let reason = limit.reason(ledger);
            self.display.print(&format!("{reason}; reading stops, what is queued is delivered"));
            self.halt.cancel();
        }
        // In this order, because nothing is pushed after a halt.
        let is_halted = self.is_halted.load(Ordering::Acquire);
        let all_settled = ledger.batches_settled >= ledger.batches_fed && ledger.unfinished() == 0;
        let all_but_lost =
            lost.is_some_and(|lost| ledger.batches_settled + lost >= ledger.batches_fed);
        if is_halted && (all_settled || all_but_lost) {
            let reason = limit.reason(ledger);
            let advice = "look at them, then resume with a higher --max-rejects";
            self.queue.fail_run(self.run, &format!("{reason}; {advice}")).await?;
        }
        Ok(())
    }

    /// Warns when no live consumer can deliver this run, and when one can again.
    async fn look_for_consumers(
        &self,
        watcher: &mut Watcher,
        ledger: &Ledger,
    ) -> Result<(), SyncError> {
        if watcher.consumers_seen.is_some_and(|at| at.elapsed() < LOOK_FOR_CONSUMERS) {
            return Ok(());
        }
        watcher.consumers_seen = Some(Instant::now());
        let waits_for = waiting_for(ledger, &Live::of(self.queue).await?);
        // A held or paused run has a message of its own.
        let says = waits_for.is_some() || is_waited_for(ledger);
        if says && waits_for != watcher.waits_for {
            self.display.waits_for(waits_for.as_deref());
            watcher.waits_for = waits_for;
        }
        self.tell_standstill(watcher).await?;
        // An outage is why consumers are not there yet.
        let why = watcher.stands_still.as_deref().or(watcher.waits_for.as_deref());
        let why = why.filter(|_| is_waited_for(ledger)).map(str::to_owned);
        let lasts = watcher.undelivered.look(why.is_some(), ledger, Instant::now());
        why.map_or(Ok(()), |why| self.leave_if_too_long(lasts, &why))
    }

    async fn tell_standstill(&self, watcher: &mut Watcher) -> Result<(), SyncError> {
        let pause = self.queue.outage().await?;
        let reason = pause.as_ref().map(|pause| pause.reason.clone());
        if reason != watcher.stands_still {
            let words = pause.as_ref().map(outage::in_words);
            self.display.print(words.as_deref().unwrap_or("deliveries go on"));
            watcher.stands_still = reason;
        }
        Ok(())
    }

    async fn write_due_lines(&self, watcher: &mut Watcher, ledger: &Ledger) {
        let Watcher { rejects, ids, .. } = watcher;
        rejects.write(self.queue, self.run, Ok(Some(self.outputs.rejects()))).await;
        ids.write(self.queue, self.run, self.outputs.ids(ledger)).await;
    }

    async fn write_all_lines(&self, ledger: Ledger) -> Result<Ledger, SyncError> {
        match self.outputs.write_all(self.queue, &ledger).await {
            // The ledger knows by now how much is written.
            Ok(()) => Ok(self.queue.ledger(self.run).await?.unwrap_or(ledger)),
            Err((output, source)) => Err(SyncError::output(output, &ledger, source)),
        }
    }
}

/// How the writing of one file goes.
struct Writing {
    rows: &'static str,
    /// When all of its lines were written last, or could not be.
    at: Instant,
    has_failed: bool,
}

impl Writing {
    fn of(output: Output) -> Self {
        Self { rows: rows(output), at: Instant::now(), has_failed: false }
    }

    /// Writes lines that are due. Those that cannot be written stay in Redis; at the end of the run that
    /// is an error.
    async fn write(
        &mut self,
        queue: &Queue,
        run: &RunId,
        file: Result<Option<&OutputFile>, OutputError>,
    ) {
        let is_late = self.at.elapsed() > LINES_DELAY;
        if self.has_failed && !is_late {
            return;
        }
        let written = match file {
            Ok(None) => return,
            Ok(Some(file)) => {
                write_some(file, queue, if is_late { 1 } else { LINES_BYTES_MIN }).await
            }
            Err(error) => Err(error),
        };
        self.has_failed = written.is_err();
        if is_late || self.has_failed {
            self.at = Instant::now();
        }
        if let Err(error) = written {
            let rows = self.rows;
            let causes = service::with_causes(&error);
            warn!(run = %run, error = causes, "could not write the {rows} of run {run} yet");
        }
    }
}

async fn write_some(file: &OutputFile, queue: &Queue, bytes_min: usize) -> Result<(), OutputError> {
    for _ in 0..APPENDS_MAX {
        if !file.write_some(queue, bytes_min).await? {
            break;
        }
    }
    Ok(())
}

/// Since when nobody delivers the run, for lack of a consumer or because all stand still.
#[derive(Debug, Default)]
struct Undelivered {
    /// And how many rows had an outcome then.
    since: Option<(Instant, u64)>,
}

impl Undelivered {
    /// For how long that is so by now.
    fn look(&mut self, is_so: bool, ledger: &Ledger, now: Instant) -> Duration {
        let done = ledger.delivered() + ledger.rejected;
        let since = self.since.take().filter(|(_, before)| *before == done);
        self.since = is_so.then(|| since.unwrap_or((now, done)));
        self.since.map_or(Duration::ZERO, |(begin, _)| now.duration_since(begin))
    }
}

/// Consumers deliver the run, if there are any.
fn is_waited_for(ledger: &Ledger) -> bool {
    !ledger.paused && ledger.held.is_none() && !ledger.has_ended()
}

/// What following keeps between two reads of the ledger.
struct Watcher {
    seen: EventId,
    rejects: Writing,
    ids: Writing,
    consumers_seen: Option<Instant>,
    /// When it was cancelled once more.
    cancelled: Option<Instant>,
    /// The last message about missing consumers.
    waits_for: Option<String>,
    hold: HoldWatch,
    undelivered: Undelivered,
    /// The last message about the outage.
    stands_still: Option<String>,
    paused: bool,
    stall: Stall,
    /// The run had ended before it was followed: its batches are told to nobody any more.
    had_ended: bool,
}

impl Watcher {
    fn new(ledger: &Ledger) -> Self {
        Self {
            seen: EventId::default(),
            rejects: Writing::of(Output::Rejects),
            ids: Writing::of(Output::Ids),
            consumers_seen: None,
            cancelled: None,
            waits_for: None,
            hold: HoldWatch::default(),
            undelivered: Undelivered::default(),
            stands_still: None,
            paused: false,
            stall: Stall::new(Instant::now()),
            had_ended: ledger.has_ended(),
        }
    }
}
