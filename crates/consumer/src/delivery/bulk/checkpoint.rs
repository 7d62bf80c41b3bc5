//! What is kept in Redis with a batch while an ingest job carries its rows.

use serde::{Deserialize, Serialize};

use ingest_core::is_record_id;

/// What the next consumer of the batch has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Id of the ingest job.
    pub(crate) job: String,
    /// Whether it may have been closed: then Salesforce may have loaded rows.
    #[serde(default)]
    pub(crate) closing: bool,
    /// Calls that were made for it so far.
    #[serde(default)]
    pub(crate) api_calls: u64,
    /// Id of the target that it loads for.
    #[serde(default)]
    pub(crate) target: String,
}

impl Checkpoint {
    pub(crate) fn new(job: &str, target: &str) -> Self {
        Self { job: job.to_owned(), closing: false, api_calls: 0, target: target.to_owned() }
    }

    /// Whether what becomes of the job's rows is what becomes of them for this target. A run may have
    /// been resumed with another one.
    pub(crate) fn is_for(&self, target: &str) -> bool {
        self.target == target
    }

    /// Reads what [`write`](Self::write) wrote; nothing, when it names no job.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|checkpoint: &Self| is_record_id(&checkpoint.job))
    }

    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).expect("an id and numbers become JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_written_and_names_a_job() {
        let checkpoint = Checkpoint::new("750S10000000001IAA", "t1");
        let checkpoint = Checkpoint { closing: true, api_calls: 7, ..checkpoint };

        let read = Checkpoint::read(&checkpoint.write());

        assert!(checkpoint.is_for("t1") && !checkpoint.is_for("t2") && !checkpoint.is_for(""));
        assert_eq!(read, Some(checkpoint));
        let least = Checkpoint::read(r#"{"job":"750S1000000000A"}"#);
        assert_eq!(least, Some(Checkpoint::new("750S1000000000A", "")));
        for text in ["", "750S10000000001IAA", r#"{"job":"../../limits"}"#] {
            assert_eq!(Checkpoint::read(text), None, "{text}");
        }
    }
}
