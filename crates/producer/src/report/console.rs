//! What a person sees of a run while it goes on: two bars on a terminal, calm
//! lines elsewhere. Everything goes to stderr.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use ingest_core::RunId;
use job_queue::{BatchEvent, Depth, Fullness, Ledger};

use crate::report::{
    command_line::{cancel_command, resume_command},
    format::{bytes, duration, grouped},
    hold::HoldNews,
    log_lines::{BATCHES_SHOWN_SINGLY, batch_line, closing, delivered_line, opening, rejected},
    pace::{RunPace, whole},
    run_status::RunStatus,
};

/// Characters of a file's name in a list.
pub(crate) const FILE_MAX: usize = 200;

pub(crate) enum Display {
    Bars(Bars),
    Lines(Mutex<Lines>),
    /// Of a server, which has other things to say too: each line names the run.
    Log(RunId),
}

pub(crate) struct Bars {
    all: MultiProgress,
    read: ProgressBar,
    delivered: ProgressBar,
    pace: Mutex<Clocked>,
}

pub(crate) struct Lines {
    pace: Clocked,
    last_batch: Option<Instant>,
}

/// How fast the run goes, by this process' clock.
struct Clocked {
    since: Instant,
    pace: RunPace,
}

impl Clocked {
    fn start() -> Self {
        Self { since: Instant::now(), pace: RunPace::default() }
    }

    fn note(&mut self, ledger: &Ledger) {
        self.pace.note(ledger, self.since.elapsed());
    }

    fn rows_per_second(&self) -> u64 {
        self.pace.delivered.per_second().map_or(0, whole)
    }

    /// As it goes on behind a rate.
    fn left(&self, ledger: &Ledger) -> String {
        let left = self.pace.time_left(ledger);
        left.map(|left| format!(", {} left", duration(left))).unwrap_or_default()
    }
}

impl Display {
    /// Bars on a terminal, lines elsewhere. Also sends this process' log to
    /// where it does not tear the bars.
    pub(crate) fn start() -> Self {
        if !io::stderr().is_terminal() || service::writes_json() {
            service::init_logging(io::stderr);
            return Self::Lines(Mutex::new(Lines { pace: Clocked::start(), last_batch: None }));
        }
        let all = MultiProgress::new();
        let above = all.clone();
        service::init_logging(move || AboveBars(above.clone()));
        Self::Bars(Bars::new(all))
    }

    /// The run begins, or goes on.
    pub(crate) fn started(&self, ledger: &Ledger, has_lines_left: bool) {
        match self {
            Self::Bars(bars) => bars.read.set_length(ledger.file_bytes),
            Self::Lines(lines) => lock(lines).pace.note(ledger),
            Self::Log(_) => {}
        }
        if ledger.has_ended() {
            return self.print(&already_ended(ledger, has_lines_left));
        }
        opening(ledger).iter().for_each(|line| self.print(line));
        let begin = match ledger.batches_fed {
            0 => String::new(),
            batches => {
                let rows = grouped(ledger.resume_point.record);
                format!(" goes on after batch #{batches} ({rows} rows)")
            }
        };
        match self {
            Self::Log(_) if begin.is_empty() => {}
            Self::Log(_) => self.print(begin.trim_start()),
            _ => self.print(&format!("run {}{begin}", ledger.run)),
        }
    }

    /// Reading waits, for the queue is full; or, `of_all`, those of all runs are.
    pub(crate) fn backpressure_begins(&self, full: Fullness, of_all: bool) {
        let Depth { jobs, bytes: size } = full.own;
        let (what, full) = match of_all {
            true => ("the queues of all runs are", bytes(full.all_bytes)),
            false => ("the queue is", format!("{} batches, {}", grouped(jobs), bytes(size))),
        };
        match self {
            Self::Bars(bars) => bars.read.set_message(format!("pausing: {what} full ({full})")),
            _ => self.print(&format!("reading pauses: {what} full ({full})")),
        }
    }

    /// Reading goes on after a pause.
    pub(crate) fn backpressure_ends(&self, depth: Depth, paused: Duration) {
        match self {
            Self::Bars(bars) => bars.read.set_message(""),
            _ => self.print(&format!(
                "reading goes on after {}: {} batches are queued",
                duration(paused),
                grouped(depth.jobs)
            )),
        }
    }

    /// A person has paused or resumed the run.
    pub(crate) fn paused_by_hand(&self, ledger: &Ledger) {
        let run = &ledger.run;
        match ledger.paused {
            true => self.print(&format!("paused by hand; go on with: {}", resume_command(run))),
            false => self.print("resumed; the run goes on"),
        }
    }

    /// The run is held, still, or not any more.
    pub(crate) fn held(&self, ledger: &Ledger, news: HoldNews) {
        let since = match news {
            HoldNews::Begins => "held".to_owned(),
            HoldNews::Lasts(lasts) => format!("still held, for {} now", duration(lasts)),
            HoldNews::Ends if ledger.has_ended() => return,
            HoldNews::Ends => return self.print("the run is not held any more; it goes on"),
        };
        let reason = ledger.held.as_ref().map_or("", |held| &held.reason);
        let (resume, cancel) = (resume_command(&ledger.run), cancel_command(&ledger.run));
        self.print(&format!(
            "the run is {since}: {reason}; when that is put right, in another terminal go on at once \
             with: {resume}; or end it with: {cancel}"
        ));
    }

    /// No live consumer delivers the run, or one does again.
    pub(crate) fn waits_for(&self, what: Option<&str>) {
        self.print(what.unwrap_or("a consumer is there; delivery goes on"));
    }

    /// Progress of the run.
    pub(crate) fn progress(&self, ledger: &Ledger, batches: &[BatchEvent], bytes_read: u64) {
        match self {
            Self::Bars(bars) => {
                bars.read.set_position(bytes_read);
                bars.delivered.set_length(ledger.read);
                bars.delivered.set_position(ledger.delivered() + ledger.rejected);
                let mut pace = lock(&bars.pace);
                pace.note(ledger);
                bars.delivered.set_message(format!(
                    "{} rows/s{}{}",
                    grouped(pace.rows_per_second()),
                    pace.left(ledger),
                    rejected(ledger)
                ));
            }
            Self::Lines(lines) => show_batches(&mut lock(lines), ledger, batches),
            Self::Log(_) => {}
        }
    }

    /// A server has many runs, and shows single batches to those who ask for them.
    pub(crate) fn shows_batches(&self) -> bool {
        !matches!(self, Self::Log(_))
    }

    /// Leaves the bars as they are.
    pub(crate) fn end(&self) {
        if let Self::Bars(bars) = self {
            bars.read.abandon();
            bars.delivered.abandon();
        }
    }

    /// The last line of a run that is complete.
    pub(crate) fn completed(&self, ledger: &Ledger) {
        let took = ledger.finished_at_ms.map(|end| end.saturating_sub(ledger.started_at_ms));
        let end = tracing::error_span!("end", duration_ms = took);
        end.in_scope(|| closing(ledger).iter().for_each(|line| self.print(line)));
    }

    /// A line for a person.
    pub(crate) fn print(&self, line: &str) {
        match self {
            Self::Bars(bars) => bars.all.suspend(|| service::say(line)),
            Self::Lines(_) => service::say(line),
            Self::Log(run) => tracing::info!("run {run}: {line}"),
        }
    }
}

impl Bars {
    fn new(all: MultiProgress) -> Self {
        let read = "read      {bar:30} {binary_bytes:>11} of {binary_total_bytes:11} {read_rate:>14}  {msg}";
        let delivered = "delivered {bar:30} {human_pos:>11} of {human_len:11} {msg}";
        let bar = |template: &str| all.add(ProgressBar::new(0).with_style(style(template)));
        Self { read: bar(read), delivered: bar(delivered), pace: Mutex::new(Clocked::start()), all }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well formed").with_key(
        "read_rate",
        |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A rate that cannot be written is left out of a bar; that is all.
            let _ = write!(out, "{}/s", bytes(whole(state.per_sec())));
        },
    )
}

/// Of a run that has nothing to load, to who starts or resumes it.
fn already_ended(ledger: &Ledger, has_lines_left: bool) -> String {
    let what = match has_lines_left {
        true => "its rejected rows or ids that are in no file yet are written now; ",
        false => "",
    };
    format!(
        "run {} has ended already ({}), and nothing is loaded; {what}to load the file again, start it \
         with another --run-id",
        ledger.run,
        RunStatus::of(ledger)
    )
}

fn show_batches(lines: &mut Lines, ledger: &Ledger, batches: &[BatchEvent]) {
    lines.pace.note(ledger);
    for batch in batches.iter().filter(|batch| batch.ordinal <= BATCHES_SHOWN_SINGLY) {
        say_of(batch, &batch_line(batch));
        lines.last_batch = Some(Instant::now());
    }
    let Some(last) = batches.last().filter(|batch| batch.ordinal > BATCHES_SHOWN_SINGLY) else {
        return;
    };
    let ended = ledger.has_ended();
    let is_early = lines.last_batch.is_some_and(|at| at.elapsed() < Duration::from_secs(1));
    if is_early && !ended {
        return;
    }
    lines.last_batch = Some(Instant::now());
    let pace = (lines.pace.rows_per_second(), lines.pace.left(ledger));
    let rate = format!(", {} rows/s{}", grouped(pace.0), pace.1);
    say_of(last, &delivered_line(last, ledger, &rate));
}

/// Where logs are JSON, the line has the number of its batch.
fn say_of(batch: &BatchEvent, line: &str) {
    tracing::error_span!("batch", batch = batch.sequence).in_scope(|| service::say(line));
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes log lines above the bars.
pub(crate) struct AboveBars(pub(crate) MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
