//! What a person does to a run.

use job_queue::{Control, RunState};

use super::Player;
use crate::{model::expected::Place, support::id};

impl Player {
    pub(super) async fn pause(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.pause_run(&id(run.name)).await.unwrap();
        let expected = match run.state {
            RunState::Feeding | RunState::Draining if run.paused => Control::Already,
            RunState::Feeding | RunState::Draining => Control::Done,
            state => Control::Refused(state),
        };
        assert_eq!(answer, expected);
        run.paused |= answer == Control::Done;
    }

    pub(super) async fn resume(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.resume_run(&id(run.name)).await.unwrap();
        let expected = match run.state {
            _ if run.paused => Control::Done,
            RunState::Feeding | RunState::Draining | RunState::Failed => Control::Already,
            state => Control::Refused(state),
        };
        assert_eq!(answer, expected);
        run.paused = false;
    }

    pub(super) async fn cancel(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.cancel_run(&id(run.name)).await.unwrap();
        match run.state {
            RunState::Cancelling | RunState::Cancelled => assert_eq!(answer, Control::Already),
            RunState::Feeding | RunState::Draining => {
                assert_eq!(answer, Control::Done);
                (run.state, run.paused) = (RunState::Cancelling, false);
                run.end_if_all_is_settled();
            }
            state => {
                assert_eq!(answer, Control::Refused(state));
                return;
            }
        }
        let sequences = self.as_settled(at).await;
        let run = &mut self.runs[at];
        for sequence in sequences {
            if !matches!(run.batch(sequence).place, Place::Nowhere | Place::Leased) {
                run.leave_out(sequence);
            }
        }
        for held in self.held.iter_mut().filter(|held| held.run == at) {
            held.is_valid &= run.batch(held.sequence).place == Place::Leased;
        }
    }

    pub(super) async fn fail(&mut self, at: usize) {
        let run = &mut self.runs[at];
        self.fixture.queue.fail_run(&id(run.name), "because").await.unwrap();
        if run.is_under_way() {
            run.end(RunState::Failed);
        }
    }
}
