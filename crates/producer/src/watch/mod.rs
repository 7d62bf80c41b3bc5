//! `producer watch`: all runs, live, in the terminal.
//!
//! ```text
//! queue ──look──▶ Model ──draw──▶ Screen
//! keys ──press──▶   │ ──RunCommand──▶ queue
//! ```

mod bars;
mod draw;
mod model;
mod one_run;
mod screen;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::{Duration, Instant},
};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::StreamExt;
use ingest_core::{RunId, commands::producer};
use job_queue::{Queue, QueueError};
use tokio::{sync::mpsc, time::interval};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    cli::{invalid_setting::InvalidSetting, run_args::WatchArgs},
    import::{backpressure::Watermarks, control::RunCommand},
    report::waiting::Live,
    watch::{
        model::{Action, Model, Snapshot},
        screen::Screen,
    },
};

/// How often the queue and the runs are polled.
const LOOK: Duration = Duration::from_millis(500);

/// How long Redis may take before the screen says that it is silent.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many runs are listed.
const RUNS: usize = 50;

/// What the screen waits for.
enum News {
    Look(Result<Snapshot, QueueError>),
    /// What became of a command.
    Note(String),
}

/// Shows everything until a key or a signal ends it.
pub(crate) async fn watch(
    args: WatchArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    needs_a_terminal()?;
    let watermarks = Watermarks::new(&args.watermarks)?;
    // No log: a line of it would tear the screen.
    let connecting = Box::pin(Queue::connect(&args.queue));
    let Some(queue) = shutdown.run_until_cancelled(connecting).await else {
        return Ok(service::interrupted());
    };
    let queue = queue?;
    let mut screen = Screen::take()?;
    let (tell, mut news) = mpsc::channel(4);
    let looking = AbortOnDropHandle::new(tokio::spawn(look_again(queue.clone(), tell.clone())));
    let mut watcher = Watcher { queue, model: Model::new(watermarks), tell };
    let end = watcher.run(&mut screen, &mut news, &shutdown).await;
    drop((screen, looking));
    end
}

/// `watch` draws over the whole terminal: without one there is nothing to do.
fn needs_a_terminal() -> Result<(), InvalidSetting> {
    if io::stdout().is_terminal() && io::stdin().is_terminal() {
        return Ok(());
    }
    Err(InvalidSetting(format!(
        "{0} watch needs a terminal; `{0} runs` prints the runs once, and with --json for programs",
        producer()
    )))
}

async fn look_again(queue: Queue, tell: mpsc::Sender<News>) {
    loop {
        let look = look(&queue).await;
        let is_last = look.is_err();
        if tell.send(News::Look(look)).await.is_err() || is_last {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(queue: &Queue) -> Result<Snapshot, QueueError> {
    Ok(Snapshot {
        runs: queue.runs(RUNS).await?,
        depth: queue.depth().await?,
        live: Live::of(queue).await?,
        outage: queue.outage().await?,
    })
}

struct Watcher {
    queue: Queue,
    model: Model,
    tell: mpsc::Sender<News>,
}

impl Watcher {
    async fn run(
        &mut self,
        screen: &mut Screen,
        news: &mut mpsc::Receiver<News>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let mut answered = started;
        let mut keys = EventStream::new();
        let mut clock = interval(LOOK);
        loop {
            screen.show(&self.model)?;
            tokio::select! {
                () = shutdown.cancelled() => return Ok(service::interrupted()),
                event = keys.next() => match event.transpose()? {
                    Some(event) => match self.apply(&event) {
                        Action::Quit => return Ok(ExitCode::SUCCESS),
                        Action::Interrupt => return Ok(service::interrupted()),
                        Action::Do(command, run) => self.execute(command, run),
                        Action::Draw => {}
                    },
                    // The terminal is gone.
                    None => return Ok(ExitCode::SUCCESS),
                },
                Some(heard) = news.recv() => match heard {
                    News::Look(snapshot) => {
                        answered = Instant::now();
                        self.model.look(snapshot?, started.elapsed());
                    }
                    News::Note(note) => self.model.note = Some(note),
                },
                _ = clock.tick() => {
                    let silent = answered.elapsed();
                    self.model.silent_for = (silent > TIMEOUT).then_some(silent);
                }
            }
        }
    }

    fn apply(&mut self, event: &Event) -> Action {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.model.press(*key),
            _resized_or_else => Action::Draw,
        }
    }

    /// In the background: cancelling a run with a full queue takes its time.
    fn execute(&self, command: RunCommand, run: RunId) {
        let (queue, tell) = (self.queue.clone(), self.tell.clone());
        tokio::spawn(async move {
            let note = match command.execute(&queue, &run).await {
                Ok(outcome) => command.message(&run, outcome),
                Err(error) => service::with_causes(&error),
            };
            let _ended_meanwhile = tell.send(News::Note(note)).await;
        });
    }
}
