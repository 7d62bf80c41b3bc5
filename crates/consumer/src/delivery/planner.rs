//! Reads the org's objects: before the first batch of a run, and when something does not fit.

use std::{collections::BTreeMap, sync::Arc};

use ingest_core::{BatchJob, Header};
use job_queue::{Claimed, Queue};
use tokio::{sync::MutexGuard, time::Instant};
use tracing::warn;

use load::{Describe, Operation, Plan};
use salesforce::Refusal;

use super::{
    batch::Delivery,
    sender::{CallError, Interruption, Refused, Retries, Sender},
};
use crate::{
    plan::{
        Described, DescribedObjects, KNOWN_FOR, ObjectView, PlanCache, PlanError, RunPlans, report,
    },
    retry::{Blocker, CallVerdict, classify_call, may_be_a_schema_change},
};

/// Reads the org's objects and makes plans of what it says.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) sender: Arc<Sender>,
    pub(crate) queue: Queue,
    /// Id of the org that is signed in to.
    pub(crate) org: String,
    pub(crate) cache: PlanCache,
    pub(crate) objects: DescribedObjects,
}

/// Why there is no plan for a batch.
pub(super) enum Unplanned {
    /// No row of its run can be delivered.
    Impossible(PlanError),
    /// No consumer can deliver its run for now.
    Held(Blocker),
    Interrupted(Interruption),
}

/// What another reading of the object came to.
pub(crate) enum Refreshed {
    /// Nothing has changed, or it was read a moment ago.
    Unchanged,
    /// Rows are written another way from now on.
    Changed(Arc<Plan>),
    /// The run is held, or the consumer stops.
    Interrupted(Interruption),
}

/// A plan, and when what it is made of was read.
struct Made {
    plan: Plan,
    read: Instant,
}

const OBJECT_CHANGED: &str = "the object is not as it was; let the integration user see and edit the field (field-level \
     security), or cancel the run and start it again with a load that fits";

impl Planner {
    /// What the rows of a batch are for: this org, and the load of their run. What was done for another
    /// org, or by another load, says nothing of them.
    pub(crate) fn purpose(&self, claimed: &Claimed) -> String {
        format!("{}/{}", self.org, claimed.load().id)
    }

    /// The plan for a batch. For the first one of its run it is made of what the org says now, or has
    /// said a moment ago.
    pub(super) async fn plan(&self, delivery: &Delivery<'_>) -> Result<Arc<Plan>, Unplanned> {
        let (job, run_plans) = (delivery.job(), &delivery.run_plans);
        let mut view = view(delivery, run_plans).await.map_err(Unplanned::Interrupted)?;
        if run_plans.is_out_of_date() {
            view.forget();
        }
        if let Some(error) = view.known_error(job) {
            return Err(Unplanned::Impossible(error));
        }
        let known = view.plan(job).cloned();
        let plan = match known {
            Some(plan) => plan,
            None => {
                // Boxed, for it is rare, and each delivery has room for it.
                let made = Box::pin(self.make_plan(delivery, &view)).await;
                match made.and_then(|made| made.apply_to(&mut view, job)) {
                    Ok(plan) => plan,
                    Err(Unplanned::Impossible(error)) => {
                        let unplanned = self.hold_or_fail(job, &view, error).await;
                        if let Unplanned::Impossible(error) = &unplanned {
                            view.keep_error(job, error);
                        }
                        return Err(unplanned);
                    }
                    Err(other) => return Err(other),
                }
            }
        };
        delivery.set_plan(view.generation(), &plan);
        Ok(plan)
    }

    /// Reads the object once more, for something that was met after `since`: once for all deliveries
    /// that met it, and not all the time.
    pub(crate) async fn refresh(&self, delivery: &Delivery<'_>, since: Instant) -> Refreshed {
        let job = delivery.job();
        let mut view = match view(delivery, &delivery.run_plans).await {
            Ok(view) => view,
            Err(interruption) => return Refreshed::Interrupted(interruption),
        };
        if view.generation() == delivery.generation() {
            if !view.may_refresh(since) {
                return Refreshed::Unchanged;
            }
            let made = Box::pin(self.read_and_plan(delivery, since, false)).await;
            let blocker = match made.and_then(|made| made.apply_to(&mut view, job)) {
                Ok(_) => None,
                Err(Unplanned::Impossible(error)) => Some(no_longer_fits(&error)),
                Err(Unplanned::Held(blocker)) => Some(blocker),
                Err(Unplanned::Interrupted(interruption)) => {
                    return Refreshed::Interrupted(interruption);
                }
            };
            if let Some(blocker) = blocker {
                // Before the next delivery reads it: it would see the same.
                delivery.hold_run(blocker);
                return Refreshed::Interrupted(Interruption::Stopped);
            }
        }
        match view.plan(job).cloned() {
            Some(plan) if view.generation() != delivery.generation() => {
                delivery.set_plan(view.generation(), &plan);
                Refreshed::Changed(plan)
            }
            _ => Refreshed::Unchanged,
        }
    }

    /// A file or a load that never fitted fails its run; what does not fit any more holds it, for it may
    /// fit again.
    async fn hold_or_fail(&self, job: &BatchJob, view: &ObjectView, error: PlanError) -> Unplanned {
        let has_fitted = match &error {
            PlanError::NoSuchObject { object } => self.objects.has_been(object),
            _ => false,
        };
        if !has_fitted && !view.had_plan() && !self.run_has_written(job).await {
            return Unplanned::Impossible(error);
        }
        Unplanned::Held(no_longer_fits(&error))
    }

    /// Makes a plan for a run that has none, or none any more. For its first one, what was read of the
    /// object a moment ago will do; what does not fit may have changed since.
    async fn make_plan(
        &self,
        delivery: &Delivery<'_>,
        view: &ObjectView,
    ) -> Result<Made, Unplanned> {
        let (now, is_first) = (Instant::now(), !view.had_plan());
        let lately = now.checked_sub(KNOWN_FOR).filter(|_| is_first);
        let is_known = |since: &Instant| self.objects.since(&delivery.load().object, *since);
        if let Some(lately) = lately.filter(|since| is_known(since).is_some()) {
            match self.read_and_plan(delivery, lately, is_first).await {
                Err(Unplanned::Impossible(_)) => (),
                made => return made,
            }
        }
        self.read_and_plan(delivery, now, is_first).await
    }

    /// Makes a plan of what was read since then, or is read now.
    async fn read_and_plan(
        &self,
        delivery: &Delivery<'_>,
        since: Instant,
        is_first: bool,
    ) -> Result<Made, Unplanned> {
        let job = delivery.job();
        let error = Unplanned::Impossible;
        let header = Header::parse(job.header.clone(), job.dialect);
        let header = header.map_err(PlanError::Unreadable).map_err(error)?;
        let load = delivery.load();
        let Some(object) = self.describe(delivery, &load.object, since).await? else {
            return Err(error(PlanError::NoSuchObject { object: load.object.clone() }));
        };
        let (mut parents, mut read) = (BTreeMap::new(), object.asked);
        for name in load.parents(&object.describe, Some(&header)) {
            match self.describe(delivery, &name, since).await {
                Ok(Some(parent)) => {
                    read = read.min(parent.asked);
                    parents.insert(name, Describe::clone(&parent.describe));
                }
                // What the user may not read is left to Salesforce, which says of each row what
                // is wrong with it.
                Ok(None) if is_first => {
                    warn!("there is no object {name}, to which rows refer; it is not compared");
                }
                Ok(None) => (),
                Err(Unplanned::Held(blocker)) if is_first => {
                    warn!(error = %blocker, "the object {name}, to which rows refer, is not compared");
                }
                Err(Unplanned::Held(_)) => (),
                Err(other) => return Err(other),
            }
        }
        let describe = Describe::clone(&object.describe);
        let mapping = load.mapping(describe, parents).map_err(PlanError::Misfit);
        let mapping = mapping.map_err(error)?;
        let plan =
            mapping.plan(header, BTreeMap::new()).map_err(PlanError::Header).map_err(error)?;
        if is_first {
            report(job, &mapping, &plan);
        }
        Ok(Made { plan, read })
    }

    /// What the org has said of an object since then, or says now; nothing, when it says that there is
    /// none.
    async fn describe(
        &self,
        delivery: &Delivery<'_>,
        object: &str,
        since: Instant,
    ) -> Result<Option<Described>, Unplanned> {
        if let Some(known) = self.objects.since(object, since) {
            return Ok(Some(known));
        }
        let asked = Instant::now();
        let describe = async || match self.sender.client.describe(object).await {
            Err(Refusal::Answered(answer)) if answer.code.as_deref() == Some("NOT_FOUND") => {
                Ok(None)
            }
            described => described.map(Some),
        };
        let described = self.ask(delivery, describe).await?;
        Ok(described.map(|describe| self.objects.keep(object, describe, asked)))
    }

    /// Asks until Salesforce answers. Asking changes nothing there, so it is retried like an upsert.
    async fn ask<T, F>(
        &self,
        delivery: &Delivery<'_>,
        request: impl Fn() -> F,
    ) -> Result<T, Unplanned>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let classify = |refusal: &Refusal| classify_call(refusal, Operation::Upsert);
        let called =
            self.sender.call(delivery, classify, Retries::Unlimited, |_| (), request).await;
        let Refused { verdict, refusal, .. } = match called {
            Ok((started, answer)) => {
                self.sender.throttle.answered(started);
                return Ok(answer);
            }
            Err(CallError::Interrupted(interruption)) => {
                return Err(Unplanned::Interrupted(interruption));
            }
            Err(CallError::Refused(refused)) => refused,
        };
        let advice = match verdict {
            CallVerdict::Hold(blocker) => return Err(Unplanned::Held(blocker)),
            CallVerdict::Doubt(advice) => advice,
            _ => "the object cannot be read; check what the integration user may do",
        };
        Err(Unplanned::Held(Blocker { what: refusal.to_string(), advice }))
    }

    /// Holds a run for a refused call. When an object or a field may be gone, it is held with what the
    /// org says of them: Salesforce does not always say which.
    pub(crate) async fn hold_run(
        &self,
        delivery: &Delivery<'_>,
        since: Instant,
        refusal: &Refusal,
        blocker: Blocker,
    ) {
        if may_be_a_schema_change(refusal) {
            // Boxed, for it is rare, and each delivery has room for it.
            Box::pin(self.refresh(delivery, since)).await;
        }
        delivery.hold_run(blocker);
    }

    /// Whether anything of a run was stored. A ledger that cannot be read shows nothing.
    pub(super) async fn run_has_written(&self, job: &BatchJob) -> bool {
        if job.tally.delivered() > 0 {
            return true;
        }
        let ledger = self.queue.ledger(&job.run).await;
        ledger.is_ok_and(|ledger| ledger.is_some_and(|ledger| ledger.delivered() > 0))
    }
}

impl Made {
    fn apply_to(self, view: &mut ObjectView, job: &BatchJob) -> Result<Arc<Plan>, Unplanned> {
        view.apply(job, self.plan, self.read).map_err(Unplanned::Impossible)
    }
}

async fn view<'a>(
    delivery: &Delivery<'_>,
    run_plans: &'a RunPlans,
) -> Result<MutexGuard<'a, ObjectView>, Interruption> {
    let locked = delivery.wait_for(run_plans.view.lock());
    delivery.stop().run_until_cancelled(locked).await.ok_or(Interruption::Stopped)
}

fn no_longer_fits(error: &PlanError) -> Blocker {
    Blocker { what: error.to_string(), advice: OBJECT_CHANGED }
}
