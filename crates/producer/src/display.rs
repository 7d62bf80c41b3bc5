//! What a person sees of a run while it goes on: two bars on a terminal, calm
//! lines elsewhere. Everything goes to stderr.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use job_queue::{BatchEvent, Depth, Ledger};

use crate::{
    figures::{bytes, duration, grouped, per_second},
    totals::Witness,
};

/// How many batches get a line of their own before lines come once a second.
const BATCHES_SHOWN_SINGLY: u64 = 10;

pub(crate) enum Display {
    Bars(Bars),
    Lines(Mutex<Lines>),
    /// Of a server, which has other things to say too.
    Log(Box<Witness>),
}

pub(crate) struct Bars {
    all: MultiProgress,
    read: ProgressBar,
    delivered: ProgressBar,
}

pub(crate) struct Lines {
    since: Instant,
    /// Rows that were delivered before.
    before: u64,
    last_batch: Option<Instant>,
}

impl Display {
    /// Bars on a terminal, lines elsewhere. Also sends this process' log to
    /// where it does not tear the bars.
    pub(crate) fn start() -> Self {
        if !io::stderr().is_terminal() {
            service::init_logging(io::stderr);
            return Self::Lines(Mutex::new(Lines {
                since: Instant::now(),
                before: 0,
                last_batch: None,
            }));
        }
        let all = MultiProgress::new();
        let above = all.clone();
        service::init_logging(move || AboveBars(above.clone()));
        Self::Bars(Bars::new(all))
    }

    /// The run begins, or goes on.
    pub(crate) fn started(&self, ledger: &Ledger) {
        match self {
            Self::Bars(bars) => bars.read.set_length(ledger.file_bytes),
            Self::Lines(lines) => lock(lines).before = ledger.delivered(),
            Self::Log(witness) => witness.begins_with(ledger),
        }
        self.say("Worker started job: full-import");
        self.say(&format!("Downloading stream from Azure: {}...", ledger.file));
        match ledger.batches_fed {
            0 => self.say(&format!("run {}", ledger.run)),
            batches => self.say(&format!(
                "run {} goes on after batch #{batches} ({} rows)",
                ledger.run,
                grouped(ledger.resume_point.record)
            )),
        }
    }

    /// Reading waits, for the queue is full.
    pub(crate) fn reading_pauses(&self, depth: Depth) {
        let full = format!("{} batches, {}", grouped(depth.jobs), bytes(depth.bytes));
        match self {
            Self::Bars(bars) => bars.read.set_message(format!("pausing: queue full ({full})")),
            _ => self.say(&format!("reading pauses: the queue is full ({full})")),
        }
    }

    /// Reading goes on after a pause.
    pub(crate) fn reading_goes_on(&self, depth: Depth, paused: Duration) {
        match self {
            Self::Bars(bars) => bars.read.set_message(""),
            _ => self.say(&format!(
                "reading goes on after {}: {} batches are queued",
                duration(paused),
                grouped(depth.jobs)
            )),
        }
    }

    /// A person has paused the run, or has resumed it.
    pub(crate) fn paused_by_hand(&self, ledger: &Ledger) {
        let run = &ledger.run;
        match ledger.paused {
            true => self.say(&format!("paused by hand; go on with: producer resume {run}")),
            false => self.say("resumed; the run goes on"),
        }
    }

    /// There is nobody to deliver.
    pub(crate) fn no_consumer(&self) {
        self.say("no consumer is running, so nothing is delivered yet; start one: make consumer");
    }

    /// There is somebody again.
    pub(crate) fn consumer_is_there(&self) {
        self.say("a consumer is there; delivery goes on");
    }

    /// How the run stands.
    pub(crate) fn progress(&self, ledger: &Ledger, batches: &[BatchEvent], bytes_read: u64) {
        match self {
            Self::Bars(bars) => {
                bars.read.set_position(bytes_read);
                bars.delivered.set_length(ledger.read);
                bars.delivered.set_position(ledger.delivered() + ledger.rejected);
                bars.delivered.set_message(rejected(ledger));
            }
            Self::Lines(lines) => show_batches(&mut lock(lines), ledger, batches),
            Self::Log(witness) => witness.sees(ledger),
        }
    }

    /// The bars have done their work.
    pub(crate) fn end(&self) {
        if let Self::Bars(bars) = self {
            bars.read.abandon();
            bars.delivered.abandon();
        }
    }

    /// The last line of a run that is complete.
    pub(crate) fn completed(&self, ledger: &Ledger) {
        self.say(&format!("Job Completed! Total Rows Processed: {}", ledger.read));
    }

    /// A line for a person.
    pub(crate) fn say(&self, line: &str) {
        match self {
            Self::Bars(bars) => bars.all.suspend(|| print_line(line)),
            Self::Lines(_) => print_line(line),
            Self::Log(_) => tracing::info!("{line}"),
        }
    }
}

impl Bars {
    fn new(all: MultiProgress) -> Self {
        let read = "read      {bar:30} {binary_bytes:>11} of {binary_total_bytes:11} {read_rate:>14}  {msg}";
        let delivered = "delivered {bar:30} {human_pos:>11} of {human_len:11} {row_rate:>14}{msg}";
        let bar = |template: &str| all.add(ProgressBar::new(0).with_style(style(template)));
        Self { read: bar(read), delivered: bar(delivered), all }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is well formed")
        .with_key("read_rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A rate that cannot be written is left out of a bar; that is all.
            let _ = write!(out, "{}/s", bytes(whole(state.per_sec())));
        })
        .with_key("row_rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{} rows/s", grouped(whole(state.per_sec())));
        })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is a rounded figure and not negative"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

fn show_batches(lines: &mut Lines, ledger: &Ledger, batches: &[BatchEvent]) {
    for batch in batches.iter().filter(|batch| batch.ordinal <= BATCHES_SHOWN_SINGLY) {
        print_line(&batch_line(batch));
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
    let took = lines.since.elapsed();
    print_line(&format!(
        "{} {} of {} rows delivered, {} rows/s{}",
        batch_line(last),
        grouped(ledger.delivered()),
        grouped(ledger.read),
        grouped(per_second(ledger.delivered() - lines.before, took)),
        rejected(ledger),
    ));
}

fn batch_line(batch: &BatchEvent) -> String {
    format!("Batch #{} processed: {} records.", batch.ordinal, batch.records)
}

fn rejected(ledger: &Ledger) -> String {
    match ledger.rejected {
        0 => String::new(),
        rows => format!(", {} rejected", grouped(rows)),
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn print_line(line: &str) {
    // A closed stderr must not end a load.
    let _closed = writeln!(io::stderr().lock(), "{line}");
}

/// Writes log lines above the bars.
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
