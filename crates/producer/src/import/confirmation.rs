//! Which runs somebody has to confirm before they start: those that cannot be undone.

use ingest_core::shown;
use job_queue::LoadSummary;
use load::Operation;

/// What is confirmed of a run that is to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// Nothing: what cannot be undone is to be asked.
    #[default]
    Nothing,
    /// Whatever it does.
    All,
    /// That it does what the load of this id says.
    Load(String),
}

/// An insert, a delete or a hard-delete cannot be undone, and nobody could be asked: there is no
/// terminal. See [Confirming what cannot be undone](loading.md#confirming-what-cannot-be-undone).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; confirm it with --yes", self.what())]
pub(crate) struct Unconfirmed {
    load: LoadSummary,
    file: String,
}

/// Characters of a file's name in a question.
const FILE_CHARACTERS_MAX: usize = 200;

impl Confirmed {
    /// Whether a run of this file may start with this load.
    pub(crate) fn check(&self, load: &LoadSummary, file: &str) -> Result<(), Box<Unconfirmed>> {
        let is_confirmed = match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Load(id) => *id == load.id,
        };
        match is_confirmed || consequence(&load.operation).is_none() {
            true => Ok(()),
            false => Err(Box::new(Unconfirmed { load: load.clone(), file: file.to_owned() })),
        }
    }
}

impl Unconfirmed {
    /// What it does, to what, from which file, and what cannot be undone.
    pub(crate) fn what(&self) -> String {
        let file = shown(&self.file, FILE_CHARACTERS_MAX);
        let consequence = consequence(&self.load.operation).unwrap_or_default();
        format!("{} from {file}: {consequence}", shown(&self.load.to_string(), FILE_CHARACTERS_MAX))
    }

    /// To somebody at a terminal.
    pub(crate) fn question(&self) -> String {
        format!("{}. Start?", self.what())
    }

    /// After a yes.
    pub(crate) fn confirmed(&self) -> Confirmed {
        Confirmed::Load(self.load.id.clone())
    }
}

/// What cannot be undone of an operation; nothing, when it can be repeated without harm.
fn consequence(operation: &str) -> Option<&'static str> {
    match Operation::named(operation) {
        Some(Operation::Upsert | Operation::Update) => None,
        Some(Operation::Insert) => Some(
            "each row becomes a new record; rows that were loaded before are there twice, and \
             nothing takes them out again",
        ),
        Some(Operation::Delete) => Some(
            "the record of each row is deleted, and what belongs to it; the recycle bin keeps them \
             for 15 days, as far as it has room",
        ),
        Some(Operation::HardDelete) => Some(
            "the record of each row is deleted for good, and what belongs to it; nobody can restore \
             them",
        ),
        None => Some("this version does not know what that does"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(operation: &str) -> LoadSummary {
        LoadSummary {
            id: "0123456789ab".to_owned(),
            name: "contacts".to_owned(),
            object: "Contact".to_owned(),
            operation: operation.to_owned(),
            external_id: Some("Key__c".to_owned()),
            mapping: String::new(),
        }
    }

    #[test]
    fn what_cannot_be_undone_does_not_start_unconfirmed() {
        for (operation, said) in [
            ("upsert", None),
            ("update", None),
            ("insert", Some("twice")),
            ("delete", Some("recycle bin")),
            ("hard-delete", Some("for good")),
            ("merge", Some("does not know")),
        ] {
            let asked = Confirmed::Nothing.check(&load(operation), "a\nb.csv").err();
            assert_eq!(asked.is_some(), said.is_some(), "{operation}");
            assert_eq!(Confirmed::All.check(&load(operation), "a.csv"), Ok(()));
            let Some((asked, said)) = asked.zip(said) else { continue };
            let question = asked.question();
            let begin = format!("{operation} Contact by Key__c (load contacts) from a\\nb.csv: ");
            assert!(question.starts_with(&begin) && question.contains(said), "{question}");
            assert!(asked.to_string().ends_with("; confirm it with --yes"));
        }
    }

    #[test]
    fn a_yes_is_for_the_load_that_was_asked_about() {
        let asked = Confirmed::Nothing.check(&load("delete"), "a.csv").unwrap_err();
        let other = LoadSummary { id: "ba9876543210".to_owned(), ..load("hard-delete") };

        assert_eq!(asked.confirmed().check(&load("delete"), "a.csv"), Ok(()));
        assert!(asked.confirmed().check(&other, "a.csv").is_err());
    }
}
