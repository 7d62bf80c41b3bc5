//! Plans of the runs that are delivered here, and what else is known of each of them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use ingest_core::{BatchJob, Dialect, IngestError, RunId};
use job_queue::LoadText;
use service::few;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use tracing::{error, warn};

use load::{HeaderMismatch, Load, Mapping, Misfit, Plan, Reason};

/// What is known of the runs that are delivered here.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<Vec<KnownRun>>);

/// A run, and the load that it has.
#[derive(Debug)]
struct KnownRun {
    run: RunId,
    load_id: Arc<str>,
    /// Nothing when the load cannot be read here.
    plans: Option<Arc<RunPlans>>,
}

/// Runs that take turns. Of one that is forgotten the object is read once more.
const RUNS_MAX: usize = 256;

/// What the deliveries of one run share.
#[derive(Debug)]
pub(crate) struct RunPlans {
    /// What the run does with its file.
    pub(crate) load: Arc<Load>,
    /// Held by the delivery that reads the org, while the others wait.
    pub(crate) view: AsyncMutex<ObjectView>,
    is_out_of_date: AtomicBool,
    /// Rows that were stored.
    stored: AtomicU64,
    /// Why a row was rejected that was all alone in its call, and what was stored then.
    alone: Mutex<Option<(Reason, u64)>>,
    /// Rows that may be lost with one call.
    risk: AtomicUsize,
}

/// What the org said of the objects of a run.
#[derive(Debug, Default)]
pub(crate) struct ObjectView {
    known: Option<Known>,
    /// What was known before that.
    before: Option<Arc<Plan>>,
    /// Why no row of the run could be delivered.
    mismatch: Option<Mismatch>,
    generation: u64,
}

#[derive(Clone, Debug)]
struct Known {
    header: Bytes,
    dialect: Dialect,
    plan: Arc<Plan>,
    read: Instant,
    /// How often it was read again because something did not fit.
    refreshes: u32,
}

#[derive(Clone, Debug)]
struct Mismatch {
    header: Bytes,
    dialect: Dialect,
    words: String,
    found: Instant,
}

/// For batches that were claimed before their run had failed. Who resumes it later has changed
/// something, and the object is read again.
const MISMATCH_KNOWN_FOR: Duration = Duration::from_secs(5);

/// Between two refreshes because something does not fit: where rows do not fit, it is mostly them.
/// Twice as long from one to the next.
const BETWEEN_REFRESHES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Why no row of a run can be delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// The first line of the file, kept with the run, cannot be read with the run's delimiter and
    /// quote. Start the file again with the right CSV_ settings.
    #[error("the header cannot be used: {0}")]
    Unreadable(IngestError),
    /// The columns of the file are other ones than the load expects: mostly another file, or a
    /// mapping for another export.
    #[error("the file does not fit the mapping: {0}")]
    Header(HeaderMismatch),
    #[error(transparent)]
    Misfit(Misfit),
    /// The name is mistyped, the consumer is signed in to another org, or the user has no access to
    /// the object.
    #[error(
        "salesforce has no object {object}; start the run again with a load of another object, or give \
         the integration user access to it and resume the run"
    )]
    NoSuchObject { object: String },
    /// A field was deleted, renamed or hidden in the org after the run began. If rows were loaded
    /// on, it would stay empty in them without anybody noticing; restore it, or cancel the run.
    #[error("nothing fills the field {} any more, which was filled until now", few(fields, ", "))]
    Lost { fields: Vec<String> },
    /// What was said of the same header a moment ago.
    #[error("{0}")]
    Known(String),
}

impl PlanCache {
    /// What is known of a run with this load; nothing, when a program that knows more wrote the load.
    pub(crate) fn of_run(&self, run: &RunId, load: &LoadText) -> Option<Arc<RunPlans>> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = runs.iter().position(|known| known.run == *run).map(|at| runs.remove(at));
        let known = before.filter(|known| known.load_id == load.id).unwrap_or_else(|| {
            let same = runs.iter().find(|known| known.load_id == load.id);
            let read = match same.and_then(|same| same.plans.as_ref()) {
                Some(same) => Some(Arc::clone(&same.load)),
                None => read_load(run, &load.text).map(Arc::new),
            };
            let plans = read.map(|load| Arc::new(RunPlans::new(load)));
            KnownRun { run: run.clone(), load_id: Arc::clone(&load.id), plans }
        });
        let plans = known.plans.clone();
        if runs.len() == RUNS_MAX {
            runs.remove(0);
        }
        runs.push(known);
        plans
    }
}

fn read_load(run: &RunId, text: &str) -> Option<Load> {
    let read = Load::from_json(text);
    read.inspect_err(|cause| {
        error!(
            run = %run,
            error = %cause,
            "the load of run {run} cannot be read; its batches are left to consumers that can"
        );
    })
    .ok()
}

impl RunPlans {
    fn new(load: Arc<Load>) -> Self {
        Self {
            load,
            view: AsyncMutex::default(),
            is_out_of_date: AtomicBool::new(false),
            stored: AtomicU64::new(0),
            alone: Mutex::default(),
            risk: AtomicUsize::new(usize::MAX),
        }
    }

    /// The run was held: its next delivery reads the object first.
    pub(crate) fn was_held(&self) {
        self.is_out_of_date.store(true, Relaxed);
    }

    /// Whether it was held since this was asked last.
    pub(crate) fn is_out_of_date(&self) -> bool {
        self.is_out_of_date.swap(false, Relaxed)
    }

    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Relaxed)
    }

    pub(crate) fn count_stored(&self, rows: u64) {
        self.stored.fetch_add(rows, Relaxed);
    }

    /// So many rows may go in one call: where calls were answered by an intermediary, and none of
    /// their rows may be sent again, few are risked until others get through.
    pub(crate) fn rows_at_once(&self) -> usize {
        self.risk.load(Relaxed)
    }

    /// From now on one row is risked. Gives whether that was so before.
    pub(crate) fn risk_one_row(&self) -> bool {
        self.risk.swap(1, Relaxed) == 1
    }

    /// A call got through: twice as many rows may go in the next one.
    pub(crate) fn risk_more(&self) {
        let more = |rows: usize| Some(rows.saturating_mul(2));
        let _always = self.risk.fetch_update(Relaxed, Relaxed, more);
    }

    /// A row is about to be rejected that was all alone in its call. Gives whether the last such
    /// row was refused in the same words, and none was stored since.
    pub(crate) fn is_refused_alike(&self, reason: &Reason) -> bool {
        let mut alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (reason.clone(), self.stored());
        alone.replace(now.clone()) == Some(now)
    }
}

impl ObjectView {
    /// Counts the plans that differed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The plan for the header of this batch, if it is known.
    pub(crate) fn plan(&self, job: &BatchJob) -> Option<&Arc<Plan>> {
        let known = self.known.as_ref();
        let of_header =
            known.filter(|known| known.header == job.header && known.dialect == job.dialect);
        of_header.map(|known| &known.plan)
    }

    /// Why the header of this batch does not fit, if that was found just now.
    pub(crate) fn known_error(&self, job: &BatchJob) -> Option<PlanError> {
        let mismatch = self.mismatch.as_ref();
        let known = mismatch.filter(|known| known.found.elapsed() < MISMATCH_KNOWN_FOR);
        let known =
            known.filter(|known| known.header == job.header && known.dialect == job.dialect);
        known.map(|known| PlanError::Known(known.words.clone()))
    }

    pub(crate) fn keep_error(&mut self, job: &BatchJob, error: &PlanError) {
        let (header, dialect, words) = (job.header.clone(), job.dialect, error.to_string());
        self.mismatch = Some(Mismatch { header, dialect, words, found: Instant::now() });
    }

    /// Whether there ever was a plan.
    pub(crate) fn had_plan(&self) -> bool {
        self.known.is_some() || self.before.is_some()
    }

    pub(crate) fn forget(&mut self) {
        if let Some(known) = self.known.take() {
            self.before = Some(known.plan);
        }
    }

    /// Whether it is time to read the objects once more, for what was met after `since`.
    pub(crate) fn may_refresh(&self, since: Instant) -> bool {
        let (first, most) = BETWEEN_REFRESHES;
        self.known.as_ref().is_none_or(|known| {
            let doublings = known.refreshes.saturating_sub(1).min(16);
            let delay =
                if known.refreshes == 0 { Duration::ZERO } else { first * (1 << doublings) };
            known.read < since && known.read + delay.min(most) <= Instant::now()
        })
    }

    /// Applies a plan that is made of what was read at this time. The error is a field that no column
    /// fills any more.
    pub(crate) fn apply(
        &mut self,
        job: &BatchJob,
        plan: Plan,
        read: Instant,
    ) -> Result<Arc<Plan>, PlanError> {
        let refreshes = self.known.as_ref().map_or(0, |known| known.refreshes + 1);
        self.forget();
        let plan = match self.before.take() {
            Some(before) => {
                let fields = before.filled_beyond(&plan);
                if !fields.is_empty() {
                    self.before = Some(before);
                    return Err(PlanError::Lost { fields });
                }
                if before.sends_as(&plan) {
                    before
                } else {
                    self.generation += 1;
                    Arc::new(plan)
                }
            }
            None => Arc::new(plan),
        };
        let header = job.header.clone();
        self.known =
            Some(Known { header, dialect: job.dialect, plan: Arc::clone(&plan), read, refreshes });
        Ok(plan)
    }
}

/// Says what of a file is not sent.
pub(crate) fn report(job: &BatchJob, mapping: &Mapping, plan: &Plan) {
    let left_out = plan.left_out();
    if !left_out.is_empty() {
        warn!(
            run = %job.run,
            "run {}: these columns are not sent: {}",
            job.run,
            few(left_out, ", ")
        );
    }
    let assumed_dates = mapping.rules().assumed_dates(plan.targets().map(|(_, target)| target));
    if let Some(assumed) = assumed_dates.filter(|_| mapping.is_by_name()) {
        warn!(run = %job.run, "run {}: {assumed}", job.run);
    }
    let required = mapping.required_without(plan);
    if mapping.is_by_name() && !required.is_empty() {
        warn!(
            run = %job.run,
            "run {}: no column fills {}; rows that would create a record are rejected without it",
            job.run,
            few(required, ", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use load::LoadSettings;

    use super::*;

    fn text(id: &str, object: &str) -> LoadText {
        let settings = LoadSettings {
            object: Some(object.to_owned()),
            external_id: Some("Key__c".to_owned()),
            ..LoadSettings::default()
        };
        LoadText { id: id.into(), text: Load::new(&settings).unwrap().to_json().into() }
    }

    #[test]
    fn what_is_known_of_a_run_is_known_for_as_long_as_it_has_its_load() {
        let cache = PlanCache::default();
        let (a, b): (RunId, RunId) = ("a".parse().unwrap(), "b".parse().unwrap());

        let [first, again, other_run] = [(&a, "1"), (&a, "1"), (&b, "1")]
            .map(|(run, id)| cache.of_run(run, &text(id, "Lead")).unwrap());
        let other_load = cache.of_run(&a, &text("2", "Contact")).unwrap();

        assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other_run));
        assert!(Arc::ptr_eq(&first.load, &other_run.load), "a load is kept once");
        assert_eq!(other_load.load.object, "Contact");
    }

    #[test]
    fn a_load_of_a_later_version_is_left_to_others() {
        let newer = r#"{"version":2,"load":{"object":"Lead"}}"#;
        let newer = LoadText { id: "1".into(), text: newer.into() };
        let (cache, run) = (PlanCache::default(), "a".parse().unwrap());

        assert!(cache.of_run(&run, &newer).is_none() && cache.of_run(&run, &newer).is_none());
    }
}
