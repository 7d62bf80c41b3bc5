//! Reads the org's objects: before the first batch of a run, and when something does not fit.

use std::{collections::BTreeMap, sync::Arc};

use ingest_core::{BatchJob, Header};
use job_queue::Queue;
use tokio::{sync::MutexGuard, time::Instant};
use tracing::warn;

use load::{Operation, Plan};
use salesforce::Refusal;

use super::{
    batch::Delivery,
    sender::{CallError, Interruption, Refused, Retries, Sender},
};
use crate::{
    plan::{ObjectView, PlanCache, PlanError, RunPlans, report},
    retry::{Blocker, CallVerdict, classify_call, may_be_a_schema_change},
};

/// Reads the org's objects and makes plans of what it says.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) sender: Arc<Sender>,
    pub(crate) queue: Queue,
    pub(crate) cache: PlanCache,
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

const OBJECT_CHANGED: &str = "the object is not as it was; let the integration user see and edit the field (field-level \
     security), or change the mapping, and start the consumer again";

impl Planner {
    /// The plan for a batch. For the first one of its run it is made of what the org says now.
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
                let made = Box::pin(self.make_plan(delivery, !view.had_plan())).await;
                match made.and_then(|made| view.apply(job, made).map_err(Unplanned::Impossible)) {
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
            let made = Box::pin(self.make_plan(delivery, false)).await;
            let applied =
                made.and_then(|made| view.apply(job, made).map_err(Unplanned::Impossible));
            let blocker = match applied {
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

    /// A header that never fitted fails its run; what does not fit any more holds it, for it may
    /// fit again.
    async fn hold_or_fail(&self, job: &BatchJob, view: &ObjectView, error: PlanError) -> Unplanned {
        let is_of_the_file = matches!(error, PlanError::Unreadable(_) | PlanError::Header(_));
        if is_of_the_file && !view.had_plan() && !self.run_has_written(job).await {
            return Unplanned::Impossible(error);
        }
        Unplanned::Held(no_longer_fits(&error))
    }

    async fn make_plan(&self, delivery: &Delivery<'_>, is_first: bool) -> Result<Plan, Unplanned> {
        let job = delivery.job();
        let error = Unplanned::Impossible;
        let header = Header::parse(job.header.clone(), job.dialect);
        let header = header.map_err(PlanError::Unreadable).map_err(error)?;
        let load = delivery.load();
        let describe = || self.sender.client.describe(&load.object);
        let describe = self.ask(delivery, describe).await?;
        let mut parents = BTreeMap::new();
        for object in load.parents(&describe, Some(&header)) {
            match self.ask(delivery, || self.sender.client.describe(&object)).await {
                Ok(parent) => drop(parents.insert(object, parent)),
                // What the user may not read is left to Salesforce, which says of each row what
                // is wrong with it.
                Err(Unplanned::Held(blocker)) if is_first => {
                    warn!(error = %blocker, "the object {object}, to which rows refer, is not compared");
                }
                Err(Unplanned::Held(_)) => (),
                Err(other) => return Err(other),
            }
        }
        let mapping = load.mapping(describe, parents).map_err(PlanError::Misfit);
        let mapping = mapping.map_err(error)?;
        let plan =
            mapping.plan(header, BTreeMap::new()).map_err(PlanError::Header).map_err(error)?;
        if is_first {
            report(job, &mapping, &plan);
        }
        Ok(plan)
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
        let called = self.sender.call(delivery, classify, Retries::Unlimited, || (), request).await;
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
