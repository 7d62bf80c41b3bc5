//! The product beside its physical neighbours: what is left of its speed under faults, what it costs
//! in processor and memory, and how much of a plain download it is. docs/performance.md explains the
//! figures; `make bench` runs them all, `make bench ONLY=latency` one scene.
//!
//! Every run goes through real services and its records are compared with the file.
#![allow(clippy::unwrap_used, reason = "a benchmark may crash")]
#![allow(clippy::cast_precision_loss, reason = "figures of some digits")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod bare;
mod figure;
#[path = "../../tests/pipeline/judge.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod judge;
#[path = "../../tests/pipeline/kinds.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod kinds;
mod neighbour;
#[path = "../../tests/pipeline/pipeline.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pipeline;
#[path = "../../tests/pipeline/processes.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod processes;
#[path = "../../tests/pipeline/records.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod records;
mod scenes;
mod stage;

use figure::Figure;

/// Measures something.
type Scene = fn() -> Vec<Figure>;

/// What can be measured alone, in the order of all.
const SCENES: [(&str, Scene); 7] = [
    ("reading", scenes::reading),
    ("processor", scenes::processor),
    ("neighbour", neighbour::beside_node),
    ("faults", scenes::faults),
    ("latency", scenes::latency),
    ("memory", scenes::memory),
    ("size", scenes::size),
];

fn main() {
    // cargo hands over flags of its own.
    let only: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let file = processes::path_setting("BENCH_FIGURES");
    let known = |word: &String| SCENES.iter().any(|(name, _)| name == word);
    assert!(only.iter().all(known), "there are the scenes {:?}", SCENES.map(|(name, _)| name));
    for (name, scene) in SCENES {
        if only.is_empty() || only.iter().any(|word| word == name) {
            println!("\n{name}");
            scene().iter().for_each(|figure| figure.report(file.as_ref()));
        }
    }
}
