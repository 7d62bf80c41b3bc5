//! What is kept in Redis with a batch while an ingest job carries its rows.

use serde::{Deserialize, Serialize};

use ingest_core::is_record_id;

/// What whoever gets the batch next has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
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

impl Note {
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
        serde_json::from_str(text).ok().filter(|note: &Self| is_record_id(&note.job))
    }

    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).expect("an id and numbers become JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_names_a_job() {
        let note = Note::new("750S10000000001IAA", "t1");
        let note = Note { closing: true, api_calls: 7, ..note };

        let read = Note::read(&note.write());

        assert!(note.is_for("t1") && !note.is_for("t2") && !note.is_for(""));
        assert_eq!(read, Some(note));
        let least = Note::read(r#"{"job":"750S1000000000A"}"#);
        assert_eq!(least, Some(Note::new("750S1000000000A", "")));
        for text in ["", "750S10000000001IAA", r#"{"job":"../../limits"}"#] {
            assert_eq!(Note::read(text), None, "{text}");
        }
    }
}
