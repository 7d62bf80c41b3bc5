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
    /// What it loads for: the org that has it, and the load of its rows.
    #[serde(default)]
    pub(crate) purpose: String,
}

impl Checkpoint {
    pub(crate) fn new(job: &str, purpose: &str) -> Self {
        Self { job: job.to_owned(), closing: false, api_calls: 0, purpose: purpose.to_owned() }
    }

    /// Whether what becomes of the job's rows is what is to become of them. The queue may have been taken
    /// over for another org since, or the run got another load.
    pub(crate) fn is_for(&self, purpose: &str) -> bool {
        self.purpose == purpose
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
        let checkpoint = Checkpoint::new("750S10000000001IAA", "o/1");
        let checkpoint = Checkpoint { closing: true, api_calls: 7, ..checkpoint };

        let read = Checkpoint::read(&checkpoint.write());

        assert!(checkpoint.is_for("o/1"));
        assert!(["p/1", "o/2", ""].iter().all(|other| !checkpoint.is_for(other)));
        assert_eq!(read, Some(checkpoint));
        let least = Checkpoint::read(r#"{"job":"750S1000000000A"}"#);
        assert_eq!(least, Some(Checkpoint::new("750S1000000000A", "")));
        for text in ["", "750S10000000001IAA", r#"{"job":"../../limits"}"#] {
            assert_eq!(Checkpoint::read(text), None, "{text}");
        }
    }
}
