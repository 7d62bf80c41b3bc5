//! Looks at the org's objects: before the first batch of a run, and when something does not fit.

use std::{collections::BTreeMap, sync::Arc};

use ingest_core::{BatchJob, Header};
use tokio::{sync::MutexGuard, time::Instant};
use tracing::warn;

use super::{Deliverer, Delivery, End};
use crate::{
    mapping::Plan,
    plans::{OfRun, Sight, Unplannable, report},
    salesforce::Refusal,
    verdict::{Blocker, Operation, RequestVerdict, Then, Trouble, judge_request},
};

/// Why there is no plan for a batch.
pub(super) enum Unplanned {
    /// No row of its run can be delivered.
    Misfit(Unplannable),
    /// Nobody can deliver its run for now.
    Held(Blocker),
    End(End),
}

/// What a look came to.
pub(crate) enum Looked {
    /// Nothing has changed, or it was looked a moment ago.
    Same,
    /// Rows are written another way from now on.
    Changed(Arc<Plan>),
    /// The run is held, or the consumer stops.
    End(End),
}

const AS_BEFORE: &str = "the object is not as it was; let the integration user see and edit the field (field-level \
     security), or change the mapping, and start the consumer again";

impl Deliverer {
    /// The plan for a batch. For the first one of its run it is made of what the org says now.
    pub(super) async fn plan(&self, delivery: &Delivery<'_>) -> Result<Arc<Plan>, Unplanned> {
        let (job, of_run) = (delivery.job(), &delivery.of_run);
        let mut sight = sight(delivery, of_run).await.map_err(Unplanned::End)?;
        if of_run.is_out_of_date() {
            sight.forget();
        }
        if let Some(misfit) = sight.misfit(job) {
            return Err(Unplanned::Misfit(misfit));
        }
        let known = sight.plan(job).cloned();
        let plan = match known {
            Some(plan) => plan,
            None => {
                // Boxed, for it is rare, and each delivery has room for it.
                let made = Box::pin(self.make_plan(delivery, !sight.had_plan())).await;
                match made.and_then(|made| sight.take_in(job, made).map_err(Unplanned::Misfit)) {
                    Ok(plan) => plan,
                    Err(Unplanned::Misfit(misfit)) => {
                        let unplanned = self.hold_or_fail(job, &sight, misfit).await;
                        if let Unplanned::Misfit(misfit) = &unplanned {
                            sight.keep_misfit(job, misfit);
                        }
                        return Err(unplanned);
                    }
                    Err(other) => return Err(other),
                }
            }
        };
        delivery.set_generation(sight.generation());
        Ok(plan)
    }

    /// Looks at the org once more, for something that was met after `since`: one look for all who
    /// met it, and not all the time.
    pub(crate) async fn look_again(&self, delivery: &Delivery<'_>, since: Instant) -> Looked {
        let job = delivery.job();
        let mut sight = match sight(delivery, &delivery.of_run).await {
            Ok(sight) => sight,
            Err(end) => return Looked::End(end),
        };
        if sight.generation() == delivery.generation() {
            if !sight.may_look(since) {
                return Looked::Same;
            }
            let made = Box::pin(self.make_plan(delivery, false)).await;
            let taken = made.and_then(|made| sight.take_in(job, made).map_err(Unplanned::Misfit));
            let blocker = match taken {
                Ok(_) => None,
                Err(Unplanned::Misfit(misfit)) => Some(as_before(&misfit)),
                Err(Unplanned::Held(blocker)) => Some(blocker),
                Err(Unplanned::End(end)) => return Looked::End(end),
            };
            if let Some(blocker) = blocker {
                // Before the next one looks: it would see the same.
                delivery.hold_run(blocker);
                return Looked::End(End::Interrupted);
            }
        }
        match sight.plan(job).cloned() {
            Some(plan) if sight.generation() != delivery.generation() => {
                delivery.set_generation(sight.generation());
                Looked::Changed(plan)
            }
            _ => Looked::Same,
        }
    }

    /// A header that never fitted fails its run; what does not fit any more holds it, for it may
    /// fit again.
    async fn hold_or_fail(&self, job: &BatchJob, sight: &Sight, misfit: Unplannable) -> Unplanned {
        let is_of_the_file = matches!(misfit, Unplannable::Header(_) | Unplannable::Misfit(_));
        if is_of_the_file && !sight.had_plan() && !self.run_has_written(job).await {
            return Unplanned::Misfit(misfit);
        }
        Unplanned::Held(as_before(&misfit))
    }

    async fn make_plan(&self, delivery: &Delivery<'_>, is_news: bool) -> Result<Plan, Unplanned> {
        let job = delivery.job();
        let misfit = Unplanned::Misfit;
        let header = Header::parse(job.header.clone(), job.dialect);
        let header = header.map_err(Unplannable::Header).map_err(misfit)?;
        let blueprint = &self.plans.blueprint;
        let describe = || self.client.describe(&blueprint.object);
        let describe = self.ask_org(delivery, describe).await?;
        let mut parents = BTreeMap::new();
        for object in blueprint.parents(&describe, Some(&header)) {
            match self.ask_org(delivery, || self.client.describe(&object)).await {
                Ok(parent) => drop(parents.insert(object, parent)),
                // What the user may not look at is left to Salesforce, which says of each row what
                // is wrong with it.
                Err(Unplanned::Held(blocker)) if is_news => {
                    warn!(error = %blocker, "the object {object}, to which rows refer, is not compared");
                }
                Err(Unplanned::Held(_)) => (),
                Err(other) => return Err(other),
            }
        }
        let mapping = blueprint.mapping(describe, parents).map_err(Unplannable::Object);
        let mapping = mapping.map_err(misfit)?;
        let plan =
            mapping.plan(header, BTreeMap::new()).map_err(Unplannable::Misfit).map_err(misfit)?;
        if is_news {
            report(job, &mapping, &plan);
        }
        Ok(plan)
    }

    /// Asks until Salesforce answers. Asking changes nothing there.
    async fn ask_org<T, F>(
        &self,
        delivery: &Delivery<'_>,
        request: impl Fn() -> F,
    ) -> Result<T, Unplanned>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let mut failures = 0;
        loop {
            let (leave, slot) = self.leave(delivery).await.map_err(Unplanned::End)?;
            let Some(answer) = self.stopping.give_up.run_until_cancelled(request()).await else {
                return Err(Unplanned::End(End::Interrupted));
            };
            drop(slot);
            let refusal = match answer {
                Ok(told) => {
                    self.gate.told(leave.pass);
                    return Ok(told);
                }
                Err(refusal) => refusal,
            };
            failures += 1;
            let trouble = match judge_request(&refusal, Operation::Upsert) {
                RequestVerdict::Wait(trouble) => trouble,
                RequestVerdict::Repeat { tries, then: Then::Hold(advice) } if failures >= tries => {
                    return Err(Unplanned::Held(Blocker { what: refusal.to_string(), advice }));
                }
                RequestVerdict::Repeat { .. } => Trouble::NoAnswer,
                RequestVerdict::Hold(blocker) => return Err(Unplanned::Held(blocker)),
                RequestVerdict::Stop(blocker) => {
                    self.stopping.stop_because(blocker);
                    return Err(Unplanned::End(End::Interrupted));
                }
                RequestVerdict::Doubt(advice) => {
                    return Err(Unplanned::Held(Blocker { what: refusal.to_string(), advice }));
                }
                RequestVerdict::Halve(_)
                | RequestVerdict::OutcomeUnknown
                | RequestVerdict::Unsaid(_) => {
                    let advice = "the object cannot be looked at; check what the integration user \
                                  may do";
                    return Err(Unplanned::Held(Blocker { what: refusal.to_string(), advice }));
                }
            };
            if trouble == Trouble::Throttled {
                self.window.refused(leave.generation);
            }
            self.wait(delivery, leave, trouble, &refusal).await;
        }
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

async fn sight<'a>(
    delivery: &Delivery<'_>,
    of_run: &'a OfRun,
) -> Result<MutexGuard<'a, Sight>, End> {
    let looked = delivery.wait_for(of_run.sight.lock());
    delivery.stop().run_until_cancelled(looked).await.ok_or(End::Interrupted)
}

fn as_before(misfit: &Unplannable) -> Blocker {
    Blocker { what: misfit.to_string(), advice: AS_BEFORE }
}
