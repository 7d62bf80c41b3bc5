//! Rejected rows of a run as the source of a new one.

use ingest_core::{RejectCode, RunId, commands::producer};
use job_queue::{Ledger, Output, RunLoad};

use crate::import::{
    error::{OutputError, ReadError, SyncError},
    known_loads::KnownLoads,
    load_choice::LoadWish,
    output_file::OutputFile,
    read_settings::ReadSettings,
    run_request::RunRequest,
    run_store::RunStore,
};

/// Which rows are to be loaded again.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// The run that rejected them.
    pub(crate) of: RunId,
    /// Only rows with one of these codes; all when there is none.
    pub(crate) codes: Vec<String>,
    /// The rejects file as a person edited it, instead of the one that the run left.
    pub(crate) edited: Option<String>,
    /// The caller's name for the new run; an existing replay of that name is resumed.
    pub(crate) run: Option<RunId>,
    /// How an edited file is read, and how rows are cut into batches.
    pub(crate) settings: ReadSettings,
    /// Whether their encoding was said of the edited file, and not of all files.
    pub(crate) says_encoding: bool,
    /// What they become; by default what they were to become in that run.
    pub(crate) load: LoadWish,
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// More rows may still be rejected, and a replay takes all of them.
    #[error(
        "run {run} is still under way; its rejected rows can be replayed when it has ended: \
         {} show {run}",
        producer()
    )]
    UnderWay { run: RunId },
    /// Each row of the run was delivered.
    #[error("run {run} has no rejected rows; there is nothing to replay")]
    NothingRejected { run: RunId },
    /// `--code` is mistyped, or is a code of another run.
    #[error("run {run} rejected no row with code {}; its codes are {}", .codes.join(" or "), some_of(.known))]
    NoSuchCode { run: RunId, codes: Vec<String>, known: Vec<String> },
    /// `--run-id` names a run that exists, and it is no replay of these rows.
    #[error("run {run} is there already, and loads {what}; give another --run-id")]
    OtherRun { run: RunId, what: String },
}

/// A run may have a thousand codes.
const CODES_NAMED_MAX: usize = 20;

fn some_of(codes: &[String]) -> String {
    let (named, others) = codes.split_at(codes.len().min(CODES_NAMED_MAX));
    match others.len() {
        0 => named.join(", "),
        others => format!("{} and {others} more", named.join(", ")),
    }
}

/// What is replayed.
pub(crate) struct Replayed {
    pub(crate) request: RunRequest,
    /// What a person should know before; empty when there is nothing to say.
    pub(crate) advice: String,
}

impl Replay {
    /// The request for the new run. Writes what is missing in the rejects file first.
    pub(crate) async fn request(
        self,
        runs: &RunStore,
        loads: &KnownLoads,
    ) -> Result<Replayed, ReplayError> {
        let source = runs.find_ledger(&self.of).await?;
        let settings = self.check(&source, runs)?;
        if let Some(run) = &self.run
            && let Some(there) = runs.queue.ledger(run).await.map_err(SyncError::from)?
        {
            self.check_is_this(&there)?;
        }
        let (file, is_as_written) = find_rejects(runs, &source, &settings, self.edited).await?;
        let codes = self.codes.clone();
        let settings = match is_as_written {
            true => self.settings.for_rejects_of(&settings, codes),
            false => self.settings.for_copy_of(&settings, codes, self.says_encoding),
        };
        let mut advice = advice(&source, &self.codes);
        let newest = runs.queue.runs(NEWEST_LOOKED_AT).await.map_err(SyncError::from)?;
        advice.extend(earlier(&newest, &self.of, self.run.as_ref()));
        let replay_of = Some(self.of);
        let text = source.load_text;
        let of_run = source.load.map(|summary| RunLoad { summary, text });
        let load = loads.said_of_rejects(of_run, &self.load).map_err(SyncError::from)?;
        let run = self.run;
        let request = RunRequest { run, replay_of, ..RunRequest::new(file, settings, load) };
        Ok(Replayed { request, advice: advice.join("\n") })
    }

    /// Whether a run of the wanted name is the replay that is asked for, so that it can go on.
    fn check_is_this(&self, there: &Ledger) -> Result<(), ReplayError> {
        let what = match &there.replay_of {
            None => there.file.clone(),
            Some(other) if *other != self.of => format!("rejected rows of run {other}"),
            Some(_) if ReadSettings::of(there)?.takes_rejects_with(&self.codes) => return Ok(()),
            Some(of) => format!("rows of run {of} with other codes"),
        };
        Err(ReplayError::OtherRun { run: there.run.clone(), what })
    }

    /// Whether there is something to replay. Gives how the source was read.
    fn check(&self, source: &Ledger, runs: &RunStore) -> Result<ReadSettings, ReplayError> {
        let run = self.of.clone();
        if source.container != runs.store.container() {
            let (container, of) = (runs.store.container().to_owned(), source.container.clone());
            return Err(SyncError::OtherContainer { run, container, of }.into());
        }
        if !source.has_ended() {
            return Err(ReplayError::UnderWay { run });
        }
        if source.rejected == 0 {
            return Err(ReplayError::NothingRejected { run });
        }
        let known = &source.rejected_by_code;
        if !self.codes.is_empty() && !self.codes.iter().any(|code| known.contains_key(code)) {
            let (codes, known) = (self.codes.clone(), known.keys().cloned().collect());
            return Err(ReplayError::NoSuchCode { run, codes, known });
        }
        Ok(ReadSettings::of(source)?)
    }
}

/// The file with the rejected rows: the one that a person named, or else all of them in one. A run
/// that nobody followed to its end has some in Redis still. Gives its name, and whether it is as the
/// run wrote it.
async fn find_rejects(
    runs: &RunStore,
    source: &Ledger,
    settings: &ReadSettings,
    edited: Option<String>,
) -> Result<(String, bool), SyncError> {
    let file = OutputFile::rejects(&runs.store, source, settings);
    let failed = |error| SyncError::output(Output::Rejects, source, error);
    let name = match edited {
        Some(name) => name,
        None => file.join(&runs.queue).await.map_err(failed)?,
    };
    let is_as_written = file.is_as_written(&name).await.map_err(|error| match error {
        OutputError::Blob(error) => ReadError::from(error).into(),
        error => failed(error),
    })?;
    Ok((name, is_as_written))
}

/// Says which rows cannot be sent again, for their text is not in the file.
fn advice(source: &Ledger, codes: &[String]) -> Vec<String> {
    let lost: Vec<String> =
        [RejectCode::RecordTooLong.as_str(), RejectCode::UnclosedQuote.as_str()]
            .into_iter()
            .filter(|code| codes.is_empty() || codes.iter().any(|wanted| wanted == code))
            .filter_map(|code| Some((code, source.rejected_by_code.get(code)?)))
            .map(|(code, rows)| format!("{rows} {code}"))
            .collect();
    match lost.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "the rejects file does not hold the text of some rows ({}): they are rejected again; \
             mend them in {}",
            lost.join(", "),
            source.file
        )],
    }
}

/// Runs among which an earlier replay is looked for.
const NEWEST_LOOKED_AT: usize = 100;

/// What is said when rows of a run were replayed before, other than by the run that goes on now.
fn earlier(newest: &[Ledger], of: &RunId, now: Option<&RunId>) -> Option<String> {
    let is_earlier = |run: &&Ledger| run.replay_of.as_ref() == Some(of) && Some(&run.run) != now;
    let before = newest.iter().find(is_earlier)?;
    let (run, delivered) = (&before.run, service::grouped(before.delivered()));
    Some(format!(
        "rows of run {of} were replayed before, by run {run} ({delivered} of them delivered): what is \
         taken now is loaded again"
    ))
}
