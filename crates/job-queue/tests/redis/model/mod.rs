//! Whatever happens to runs, and in whatever order: Redis holds what a small model of the queue
//! says, after each step. `MODEL_CASES` asks for more cases than are run by default, `MODEL_SEED`
//! for those of one seed; a failure prints the seed and every step.

mod expected;
mod inspection;
mod steps;

use std::time::Instant;

use crate::support::Fixture;
use steps::{Player, STEPS};

const CASES: u64 = 30;

/// A run of cases begins no new one after this.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(12);

#[expect(clippy::print_stdout, reason = "the seed, when it fails")]
#[tokio::test]
async fn runs_are_what_the_model_says_after_any_steps_and_leave_nothing_behind() {
    let setting = |name: &str| setting(name)?.parse::<u64>().ok();
    let cases = setting("MODEL_CASES");
    let first_seed = setting("MODEL_SEED").unwrap_or(1);
    let fixture = Fixture::with_lease(std::time::Duration::from_secs(3_600)).await;
    let mut player = Player::new(fixture).await;
    let begun = Instant::now();
    let mut played = 0;
    let asked = cases.unwrap_or(CASES);
    for seed in (first_seed..).take(usize::try_from(asked).unwrap()) {
        if cases.is_none() && begun.elapsed() > LONGEST {
            break;
        }
        player.play(seed, 60).await;
        played += 1;
    }
    println!(
        "{played} cases from seed {first_seed} on; steps taken: {:?}",
        STEPS.iter().zip(player.taken()).collect::<Vec<_>>()
    );
    assert!(played >= asked.min(5), "only {played} cases in {:?}", begun.elapsed());
}

#[expect(clippy::disallowed_methods, reason = "a test is told by variables what to do more")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
