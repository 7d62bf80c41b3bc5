//! A round, from its start to its verdict, with everything in between.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    fault::{Faults, Kind},
    harm::{Harm, Tally},
    judge::{Verdict, judge},
    org::Org,
    plan::{BATCH_ROWS, SEASON, faults, slow},
    stage::Stage,
    windows::{Cause, Creations},
};
use crate::processes::pause_for;

/// What came of a round.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) faults: Faults,
    pub(crate) verdicts: Vec<(String, Verdict)>,
    /// Rows that were inserted again, by why they may be.
    pub(crate) inserted_again: BTreeMap<Cause, u64>,
    /// How often an upsert may write a row again, in all.
    pub(crate) upserts_again_max: u64,
    pub(crate) ends: String,
    pub(crate) took: Duration,
}

pub(crate) fn play(stage: &mut Stage) -> Outcome {
    let started = Instant::now();
    let creations = Creations::watch(&stage.services.pipeline.salesforce_url);
    let weather = slow(&mut stage.rng);
    stage.services.pipeline.set_faults(&weather);
    stage.begin();
    // Nothing of the start is within Redis' last second any more.
    pause_for(1_100);
    for season in 0..stage.plan.seasons {
        if season > 0 {
            stage.recover();
        }
        harm(stage);
    }
    stage.note("all is to end");
    stage.let_them_end();
    // By whoever is still there.
    stage.look();
    stage.stop();
    verdict(stage, &creations, started)
}

fn harm(stage: &mut Stage) {
    let theme = stage.plan.theme;
    let mut next = Harm::first(theme);
    if next != Some(Harm::StallsInAWait) {
        let weather = faults(&mut stage.rng);
        stage.services.pipeline.set_faults(&weather);
    }
    let begun = Instant::now();
    loop {
        let harm = next.take().unwrap_or_else(|| Harm::draw(theme, &mut stage.rng));
        stage.note(format!("{harm:?}"));
        stage.suffer(harm);
        pause_for(stage.rng.u64(0..100));
        stage.revive();
        stage.look();
        stage.steer();
        if begun.elapsed() > Duration::from_millis(SEASON) || !stage.has_work() {
            return;
        }
        pause_for(stage.rng.u64(50..700));
    }
}

fn verdict(stage: &mut Stage, creations: &Creations, started: Instant) -> Outcome {
    let mut org = Org::of(&stage.services.pipeline);
    let mut verdicts = Vec::new();
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let has_forgotten = stage.windows.iter().any(|window| window.cause == Cause::Forgotten);
    for run in &stage.runs {
        let verdict = judge(&stage.services, run, has_forgotten, &mut org, &mut stage.faults);
        verdicts.push((run.id.clone(), verdict));
        let end = if run.is_given_up { "given up" } else { run.status() };
        *ends.entry(format!("{:?} {end}", run.plan.fate)).or_default() += 1;
    }
    for (load, key) in org.left() {
        stage.faults.add(load.object(), Kind::Stranger, key);
    }
    let again = verdicts.iter().flat_map(|(_, verdict)| verdict.inserted_again.clone()).collect();
    let (inserted_again, unexplained) = creations.explain(&stage.windows, again);
    for number in unexplained {
        stage.faults.add("inserts", Kind::StoredAgain, format!("after record {number}"));
    }
    let unanswered = unanswered(stage);
    let unknown: u64 = verdicts.iter().map(|(_, verdict)| verdict.unknown).sum();
    if unknown > unanswered * BATCH_ROWS {
        let detail = format!("{unknown} rows of unknown outcome, {unanswered} calls had none");
        stage.faults.add("inserts", Kind::RejectedInVain, detail);
    }
    let batches = stage.windows.iter().map(|window| window.batches).sum::<u64>() + unanswered;
    let upserts_again: u64 = verdicts.iter().map(|(_, verdict)| verdict.written_again).sum();
    if upserts_again > batches * BATCH_ROWS {
        let detail = format!("{upserts_again} rows, {batches} batches may be");
        stage.faults.add("upserts", Kind::StoredAgain, detail);
    }
    let ends: Vec<_> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    Outcome {
        tally: stage.tally.clone(),
        faults: stage.faults.clone(),
        verdicts,
        inserted_again,
        upserts_again_max: batches * BATCH_ROWS,
        ends: ends.join(", "),
        took: started.elapsed(),
    }
}

/// Calls whose rows the org may have stored, and whose answer nobody got or could use.
fn unanswered(stage: &Stage) -> u64 {
    let counts = stage.services.pipeline.salesforce_state();
    let faults = ["answerLost", "answerCut", "wrongCount", "reset", "badGateway"];
    faults.iter().filter_map(|name| counts["faults"][name].as_u64()).sum()
}
