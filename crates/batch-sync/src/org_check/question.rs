//! What is asked: each question is a call or a few, and leaves the records it needs itself.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    facts::{Asked, Facts, of},
    jobs,
    scene::Scene,
};

/// One question. Those after it do not depend on what it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Question {
    Fields,
    Limits,
    Create,
    UpdateAgain,
    KeyInOtherCase,
    KeyWithBlanks,
    KeyMissing,
    RepeatedKey,
    TooLong,
    NotInPicklist,
    RequiredMissing,
    RequiredEmpty,
    WrongNumber,
    WrongDate,
    WrongBoolean,
    UnknownField,
    NullBoolean,
    NullNumber,
    KeyTaken,
    NoRecords,
    TooManyRecords,
    UpdateById,
    UpdateDeleted,
    DeleteTwice,
    DeleteNothing,
    CreateAgainAfterDelete,
    AtTheSameTime,
    JobUpsert,
    JobRepeatedKey,
    JobUnknownField,
    JobShortRow,
    JobNull,
    JobUploadTwice,
    JobWithoutRows,
    JobAbort,
    JobDelete,
}

impl Question {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Fields => "what a describe says of the fields",
            Self::Limits => "whether the user may read the limits of the org",
            Self::Create => "two new rows",
            Self::UpdateAgain => "the same rows again",
            Self::KeyInOtherCase => "a key in other case",
            Self::KeyWithBlanks => "a key with blanks around it",
            Self::KeyMissing => "an upsert without a key, and with an empty one",
            Self::RepeatedKey => "a key twice in one call",
            Self::TooLong => "a text that is too long, beside a good row",
            Self::NotInPicklist => "a value that a restricted picklist has not",
            Self::RequiredMissing => "a required field that is left out",
            Self::RequiredEmpty => "a required field that is empty",
            Self::WrongNumber => "a text for a number, beside a good row",
            Self::WrongDate => "31.12.2026 for a date, beside a good row",
            Self::WrongBoolean => "a text for a boolean, beside a good row",
            Self::UnknownField => "a field that is not there, beside a good row",
            Self::NullBoolean => "null for a boolean",
            Self::NullNumber => "null for a number",
            Self::KeyTaken => "an insert with a key that is taken",
            Self::NoRecords => "a call without records",
            Self::TooManyRecords => "a call with 201 records",
            Self::UpdateById => "an update by id",
            Self::UpdateDeleted => "an update of a deleted record",
            Self::DeleteTwice => "a delete, and the same again",
            Self::DeleteNothing => "a delete of what is no id",
            Self::CreateAgainAfterDelete => "an upsert with the key of a deleted record",
            Self::AtTheSameTime => "two calls at once with the same 100 rows (by chance)",
            Self::JobUpsert => "an ingest job with good and bad rows",
            Self::JobRepeatedKey => "a key twice in an ingest job",
            Self::JobUnknownField => "a column that is no field in an ingest job",
            Self::JobShortRow => "a row with a cell too few in an ingest job",
            Self::JobNull => "#N/A and an empty cell in an ingest job",
            Self::JobUploadTwice => "a second upload to an ingest job",
            Self::JobWithoutRows => "an ingest job with a header alone",
            Self::JobAbort => "an ingest job that is aborted, and then closed",
            Self::JobDelete => "a delete by an ingest job",
        }
    }

    /// Whether two answers may differ without saying anything of the two.
    pub(crate) fn is_by_chance(self) -> bool {
        self == Self::AtTheSameTime
    }

    /// Asks one side.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(crate) async fn ask(self, scene: &Scene) -> Asked<Facts> {
        match self {
            Self::Fields => scene.fields().await,
            Self::Limits => {
                let answer = scene.client.limits().await;
                let words = |limits: Option<_>| match limits {
                    Some(_) => "yes".to_owned(),
                    None => "no".to_owned(),
                };
                Ok(vec![of(answer, words)?])
            }
            Self::Create => scene.upsert(&[scene.row("new-1"), scene.row("new-2")]).await,
            Self::UpdateAgain => twice(scene, "again").await,
            Self::KeyInOtherCase => {
                scene.upsert(&[scene.row("case")]).await?;
                let key = scene.key("case").to_uppercase();
                scene.upsert(&[scene.row_with("case", "Key__c", key)]).await
            }
            Self::KeyWithBlanks => {
                scene.upsert(&[scene.row("blank")]).await?;
                let key = format!(" {} ", scene.key("blank"));
                scene.upsert(&[scene.row_with("blank", "Key__c", key)]).await
            }
            Self::KeyMissing => {
                let without = json!({ "Required__c": "here" });
                let mut facts = scene.upsert(&[without]).await?;
                facts.extend(scene.upsert(&[scene.row_with("none", "Key__c", "")]).await?);
                Ok(facts)
            }
            Self::RepeatedKey => scene.upsert(&[scene.row("twice"), scene.row("twice")]).await,
            Self::TooLong => beside_good(scene, "long", "Text__c", "x".repeat(21)).await,
            Self::NotInPicklist => beside_good(scene, "kind", "Kind__c", "Three").await,
            Self::RequiredMissing => {
                scene.insert(&[json!({ "Key__c": scene.key("required") })]).await
            }
            Self::RequiredEmpty => beside_good(scene, "empty", "Required__c", "").await,
            Self::WrongNumber => beside_good(scene, "number", "Number__c", "abc").await,
            Self::WrongDate => beside_good(scene, "date", "Date__c", "31.12.2026").await,
            Self::WrongBoolean => beside_good(scene, "flag", "Flag__c", "perhaps").await,
            Self::UnknownField => beside_good(scene, "unknown", "Nowhere__c", "x").await,
            Self::NullBoolean => beside_good(scene, "no-flag", "Flag__c", Value::Null).await,
            Self::NullNumber => beside_good(scene, "no-number", "Number__c", Value::Null).await,
            Self::KeyTaken => {
                scene.upsert(&[scene.row("taken")]).await?;
                scene.insert(&[scene.row("taken")]).await
            }
            Self::NoRecords => scene.upsert(&[]).await,
            Self::TooManyRecords => {
                let rows: Vec<Value> =
                    (0..201).map(|number| scene.row(&format!("many-{number}"))).collect();
                let facts = scene.upsert(&rows).await?;
                Ok(facts.into_iter().take(1).collect())
            }
            Self::UpdateById => {
                let id = id_of_new(scene, "by-id").await?;
                scene.update(&[json!({ "Id": id, "Text__c": "changed" })]).await
            }
            Self::UpdateDeleted => {
                let id = id_of_new(scene, "gone").await?;
                scene.delete(std::slice::from_ref(&id)).await?;
                scene.update(&[json!({ "Id": id, "Text__c": "changed" })]).await
            }
            Self::DeleteTwice => {
                let id = id_of_new(scene, "delete").await?;
                let mut facts = scene.delete(std::slice::from_ref(&id)).await?;
                facts.extend(scene.delete(&[id]).await?);
                Ok(facts)
            }
            Self::DeleteNothing => scene.delete(&["nothing".to_owned()]).await,
            Self::CreateAgainAfterDelete => {
                let id = id_of_new(scene, "reborn").await?;
                scene.delete(&[id]).await?;
                scene.upsert(&[scene.row("reborn")]).await
            }
            Self::AtTheSameTime => at_the_same_time(scene).await,
            Self::JobUpsert => jobs::upsert(scene).await,
            Self::JobRepeatedKey => jobs::repeated_key(scene).await,
            Self::JobUnknownField => jobs::unknown_field(scene).await,
            Self::JobShortRow => jobs::short_row(scene).await,
            Self::JobNull => jobs::null(scene).await,
            Self::JobUploadTwice => jobs::upload_twice(scene).await,
            Self::JobWithoutRows => jobs::without_rows(scene).await,
            Self::JobAbort => jobs::abort(scene).await,
            Self::JobDelete => jobs::delete(scene).await,
        }
    }
}

async fn twice(scene: &Scene, name: &str) -> Asked<Facts> {
    let mut facts = scene.upsert(&[scene.row(name)]).await?;
    facts.extend(scene.upsert(&[scene.row(name)]).await?);
    Ok(facts)
}

/// Whether a wrong row takes a good one down.
async fn beside_good(
    scene: &Scene,
    name: &str,
    field: &str,
    value: impl Into<Value>,
) -> Asked<Facts> {
    let good = scene.row(&format!("{name}-good"));
    scene.upsert(&[good, scene.row_with(name, field, value)]).await
}

async fn id_of_new(scene: &Scene, name: &str) -> Asked<String> {
    scene.upsert(&[scene.row(name)]).await?;
    Ok(scene.ids_of(&[name]).await?.remove(0))
}

/// Whether rows that two calls write at once are refused with `UNABLE_TO_LOCK_ROW`, or wait.
async fn at_the_same_time(scene: &Scene) -> Asked<Facts> {
    let rows: Vec<Value> = (0..100).map(|number| scene.row(&format!("lock-{number}"))).collect();
    scene.upsert(&rows).await?;
    let mut facts = Facts::new();
    for _ in 0..3 {
        let (one, other) = tokio::join!(scene.upsert(&rows), scene.upsert(&rows));
        facts.extend(one?);
        facts.extend(other?);
        sleep(Duration::from_millis(100)).await;
    }
    facts.sort();
    facts.dedup();
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_question_has_words_of_its_own() {
        let all = Question::value_variants();
        let words: BTreeSet<&str> = all.iter().map(|question| question.words()).collect();

        assert_eq!(words.len(), all.len());
    }
}
