//! What a person types to call the programs. Messages name commands, and a command that the reader's
//! machine does not have is no help.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the reader has all programs as one, `batch-sync`. Set once, at the start of a process.
static ONE_PROGRAM: AtomicBool = AtomicBool::new(false);

/// From now on messages name the commands of `batch-sync`, which has all programs in it.
pub fn name_commands_of_one_program() {
    ONE_PROGRAM.store(true, Ordering::Relaxed);
}

/// What comes before `sync`, `resume` and the other commands of the producer.
pub fn producer() -> &'static str {
    named("producer", "batch-sync")
}

/// What starts a consumer, and comes before `check` and `count`.
pub fn consumer() -> &'static str {
    named("consumer", "batch-sync consume")
}

fn named(alone: &'static str, within: &'static str) -> &'static str {
    match ONE_PROGRAM.load(Ordering::Relaxed) {
        true => within,
        false => alone,
    }
}
