//! One of the two sides: a client, and the records that the check made there.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use salesforce::{Client, Destination, KeyQuery, Literal, Payload, Refusal, RowResult};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    facts::{Asked, Facts, of_refusal, of_row},
    object::OBJECT,
};

/// Rows of one call.
const ROWS_MAX: usize = 200;

/// Keys of one query: its URL is some thousand characters long then.
const KEYS_MAX: usize = 50;

/// Where questions are asked.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) client: Client,
    /// What the keys of this check begin with: those of another one are not touched.
    prefix: String,
    made: Mutex<Made>,
}

/// By what the records of this check are found again.
#[derive(Debug, Default)]
struct Made {
    keys: BTreeSet<String>,
    /// Of rows that are stored, also of those without a key.
    ids: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Described {
    fields: Vec<DescribedField>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribedField {
    name: String,
    #[serde(rename = "type")]
    field_type: String,
    length: u64,
    unique: bool,
    external_id: bool,
    createable: bool,
    updateable: bool,
    nillable: bool,
}

impl Scene {
    pub(crate) fn new(client: Client) -> Self {
        let prefix = service::unique_name("check");
        Self { client, prefix, made: Mutex::default() }
    }

    /// A key of this check.
    pub(crate) fn key(&self, name: &str) -> String {
        let key = format!("{}-{name}", self.prefix);
        self.made().keys.insert(key.clone());
        key
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().expect("nothing panics while it holds them")
    }

    /// A row that is right.
    pub(crate) fn row(&self, name: &str) -> Value {
        json!({ "Key__c": self.key(name), "Required__c": "here", "Text__c": name })
    }

    /// A row with another value in a field.
    pub(crate) fn row_with(&self, name: &str, field: &str, value: impl Into<Value>) -> Value {
        let mut row = self.row(name);
        row[field] = value.into();
        row
    }

    /// # Errors
    ///
    /// When the user does not see the object, or there is no answer.
    pub(crate) async fn has_object(&self) -> Asked<()> {
        self.client.describe::<Described>(OBJECT).await.map(drop)
    }

    /// What the user may do with the fields of our own.
    pub(crate) async fn fields(&self) -> Asked<Facts> {
        let described: Described = self.client.describe(OBJECT).await?;
        let mut facts: Facts = described
            .fields
            .into_iter()
            .filter(|field| field.name.ends_with("__c"))
            .map(|field| {
                let flags = [
                    ("unique", field.unique),
                    ("externalId", field.external_id),
                    ("createable", field.createable),
                    ("updateable", field.updateable),
                    ("nillable", field.nillable),
                ];
                let flags = flags.into_iter().filter_map(|(name, is)| is.then_some(name));
                let flags = flags.collect::<Vec<_>>().join(" ");
                format!("{} {}({}) {flags}", field.name, field.field_type, field.length)
            })
            .collect();
        facts.sort();
        Ok(facts)
    }

    pub(crate) async fn upsert(&self, rows: &[Value]) -> Asked<Facts> {
        self.write(&Destination::upsert(OBJECT, "Key__c"), rows).await
    }

    pub(crate) async fn insert(&self, rows: &[Value]) -> Asked<Facts> {
        self.write(&Destination::insert(), rows).await
    }

    pub(crate) async fn update(&self, rows: &[Value]) -> Asked<Facts> {
        self.write(&Destination::update(), rows).await
    }

    pub(crate) async fn delete(&self, ids: &[String]) -> Asked<Facts> {
        self.results(&Destination::delete(), Payload::Ids(ids.join(",")), ids.len()).await
    }

    async fn write(&self, destination: &Destination, rows: &[Value]) -> Asked<Facts> {
        let records: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut record = json!({ "attributes": { "type": OBJECT } });
                for (field, value) in row.as_object().into_iter().flatten() {
                    record[field] = value.clone();
                }
                record
            })
            .collect();
        let body = json!({ "allOrNone": false, "records": records }).to_string();
        self.results(destination, Payload::Records(body.into()), rows.len()).await
    }

    async fn results(
        &self,
        destination: &Destination,
        payload: Payload,
        rows: usize,
    ) -> Asked<Facts> {
        match self.client.write(destination, payload, rows).await {
            Ok(results) => {
                self.remember(&results);
                Ok(results.iter().map(of_row).collect())
            }
            Err(refusal) => Ok(vec![of_refusal(refusal)?]),
        }
    }

    fn remember(&self, results: &[RowResult]) {
        let stored = results.iter().filter(|row| row.success).filter_map(|row| row.id);
        self.made().ids.extend(stored.map(|id| id.as_str().to_owned()));
    }

    /// The ids of the records with these keys, in their order; empty where there is none.
    pub(crate) async fn ids_of(&self, names: &[&str]) -> Asked<Vec<String>> {
        let mut ids = Vec::new();
        for name in names {
            let key = self.key(name);
            let mut query = KeyQuery::new(OBJECT, "Key__c", 1, 4_000);
            query.push(Literal::Text(&key));
            let found = self.client.find(&query).await?;
            ids.push(found.records.into_iter().next().map(|one| one.id).unwrap_or_default());
        }
        Ok(ids)
    }

    /// Deletes every record that the check made. One that is gone already is right.
    ///
    /// # Errors
    ///
    /// When one is left.
    pub(crate) async fn clean_up(&self) -> anyhow::Result<()> {
        let Made { keys, mut ids } = std::mem::take(&mut *self.made());
        let keys: Vec<String> = keys.into_iter().collect();
        for keys in keys.chunks(KEYS_MAX) {
            let mut query = KeyQuery::new(OBJECT, "Key__c", KEYS_MAX, usize::MAX);
            for key in keys {
                query.push(Literal::Text(key));
            }
            let found = self.client.find(&query).await.map_err(words)?;
            ids.extend(found.records.into_iter().map(|record| record.id));
        }
        let ids: Vec<String> = ids.into_iter().collect();
        for ids in ids.chunks(ROWS_MAX) {
            let facts = self.delete(ids).await.map_err(words)?;
            let is_gone =
                |fact: &&String| *fact == "stored" || fact.starts_with("ENTITY_IS_DELETED");
            if let Some(other) = facts.iter().find(|fact| !is_gone(fact)) {
                anyhow::bail!("a record could not be deleted: {other}");
            }
        }
        Ok(())
    }
}

fn words(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{refusal}")
}
