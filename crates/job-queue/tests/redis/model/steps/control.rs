//! What a person does to a run.

use job_queue::{Control, RunState};

use super::Player;
use crate::support::id;

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

    pub(super) async fn hold(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let times = self.fixture.queue.hold_run(&id(run.name), "because", None).await.unwrap();
        assert_eq!(times > 0, run.is_under_way());
        run.held |= run.is_under_way();
    }

    pub(super) async fn resume(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.resume_run(&id(run.name)).await.unwrap();
        let expected = match run.state {
            _ if run.paused || run.held => Control::Done,
            RunState::Feeding | RunState::Draining | RunState::Failed => Control::Already,
            state => Control::Refused(state),
        };
        assert_eq!(answer, expected);
        (run.paused, run.held) = (false, false);
    }

    pub(super) async fn cancel(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.cancel_run(&id(run.name)).await.unwrap();
        match run.state {
            RunState::Cancelling | RunState::Cancelled => assert_eq!(answer, Control::Already),
            RunState::Feeding | RunState::Draining | RunState::Failed => {
                assert_eq!(answer, Control::Done);
                (run.state, run.paused, run.held) = (RunState::Cancelling, false, false);
                run.end_if_it_is_over();
            }
            state => {
                assert_eq!(answer, Control::Refused(state));
                return;
            }
        }
        self.note_what_is_left_out(at).await;
    }

    pub(super) async fn fail(&mut self, at: usize) {
        let run = &mut self.runs[at];
        self.fixture.queue.fail_run(&id(run.name), "because").await.unwrap();
        if run.is_under_way() {
            run.end(RunState::Failed);
        }
    }
}
