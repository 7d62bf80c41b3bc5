//! Programs that die at each step of the way of a row, and are started again.

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::{Ended, Program, wait_until},
};

const ROWS: u64 = 6_000;

/// SIGABRT: no exit code of its own.
fn assert_died(ended: &Ended, point: &str) {
    assert_eq!(ended.code, None, "{point} was not reached: {ended:?}");
}

fn pipeline() -> Pipeline {
    let mut pipeline = Pipeline::start();
    // Several pushes, with pauses between them.
    pipeline.set("BATCH_ROWS", "100");
    pipeline.set("QUEUE_DEPTH_HIGH", "10");
    pipeline.set("QUEUE_LEASE", "1s");
    pipeline.generate(ROWS, &["--bad-rows", "30"]);
    pipeline
}

fn with_failpoint(
    pipeline: &mut Pipeline,
    setting: &str,
    start: impl Fn(&Pipeline) -> Program,
) -> Program {
    pipeline.set("FAILPOINTS", setting);
    let program = start(pipeline);
    pipeline.set("FAILPOINTS", "");
    program
}

fn assert_all_is_there(pipeline: &Pipeline, run: &str, ended: &Ended) {
    assert_eq!(ended.code, Some(3), "{run}: {ended:?}");
    Report::of(ended).assert_it_adds_up(ROWS);
    pipeline.assert_every_row_is_where_it_belongs(run, FILE);
}

#[test]
fn a_producer_may_die_at_any_step() {
    let mut pipeline = pipeline();
    let _consumer = pipeline.consumer();
    let steps = [
        "run-entered=return",
        "chunk-read=return",
        "batches-made=return",
        "batches-made=3*off->return",
        "announced=return",
        "announced=2*off->return",
        "pushed=return",
        "pushed=2*off->return",
        "checkpointed=return",
        "checkpointed=2*off->return",
        "all-fed=return",
        "lines-appended=return",
        "lines-forgotten=return",
    ];

    for (number, step) in steps.into_iter().enumerate() {
        let run = format!("step-{number}");
        let start = |pipeline: &Pipeline| pipeline.sync(&["--run-id", &run, "--json"]);
        assert_died(&with_failpoint(&mut pipeline, step, start).end(), step);

        let ended = start(&pipeline).end();

        assert_all_is_there(&pipeline, &run, &ended);
    }
}

#[test]
fn a_producer_may_die_while_it_reads_beside_a_push() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_LEASE", "1s");
    // Some pushes, each of as many bytes as one may have.
    pipeline.generate(40_000, &["--bad-rows", "3"]);
    let _consumer = pipeline.consumer();
    let steps = [
        "read-beside-a-push=return",
        "read-beside-a-push=70*off->return",
        "announced=1*off->return",
        "pushed=1*off->return",
        "checkpointed=1*off->return",
    ];

    for (number, step) in steps.into_iter().enumerate() {
        let run = format!("step-{number}");
        let start = |pipeline: &Pipeline| pipeline.sync(&["--run-id", &run, "--json"]);
        assert_died(&with_failpoint(&mut pipeline, step, start).end(), step);

        let ended = start(&pipeline).end();

        assert_eq!(ended.code, Some(3), "{run}: {ended:?}");
        Report::of(&ended).assert_it_adds_up(40_000);
        pipeline.assert_every_row_is_where_it_belongs(&run, FILE);
    }
}

#[test]
fn a_consumer_may_die_at_any_step() {
    let mut pipeline = pipeline();
    let steps = [
        "claimed=return",
        "claimed=5*off->return",
        "answered=return",
        "answered=9*off->return",
        "before-end-of-claim=return",
        "before-end-of-claim=7*off->return",
        "after-end-of-claim=return",
        "after-end-of-claim=7*off->return",
    ];

    for (number, step) in steps.into_iter().enumerate() {
        let run = format!("step-{number}");
        let mut dying = with_failpoint(&mut pipeline, step, Pipeline::consumer);
        let sync = pipeline.sync(&["--run-id", &run, "--json"]);
        wait_until("the consumer has died", || !dying.is_running());
        assert_died(&dying.end(), step);
        let consumer = pipeline.consumer();

        let ended = sync.end();

        assert_all_is_there(&pipeline, &run, &ended);
        drop(consumer);
    }
}
