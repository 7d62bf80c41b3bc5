//! The questions about ingest jobs (Bulk API 2.0).

use std::time::Duration;

use salesforce::{IngestJob, IngestOrder, Refusal, ResultFile};
use tokio::time::{Instant, sleep};

use super::{
    facts::{Asked, Facts, code_of, of, of_refusal, of_state},
    object::OBJECT,
    scene::Scene,
};

const BETWEEN_POLLS: Duration = Duration::from_millis(500);

/// A job of a few rows takes seconds, and on a busy org minutes.
const JOB_MAX: Duration = Duration::from_secs(15 * 60);

/// A result file of a few rows is short.
const RESULT_BYTES_MAX: usize = 1 << 20;

/// What the columns of most jobs are.
const HEADER: &str = "Key__c,Required__c,Text__c\n";

/// Good rows, one that is too long, and the good ones again.
pub(super) async fn upsert(scene: &Scene) -> Asked<Facts> {
    let line = |name: &str, text: &str| format!("{},here,{text}\n", scene.key(name));
    let rows = line("job-1", "a") + &line("job-2", "b") + &line("job-3", &"x".repeat(21));
    let mut facts = load(scene, "upsert", &format!("{HEADER}{rows}")).await?;
    facts.extend(load(scene, "upsert", &format!("{HEADER}{}", line("job-1", "c"))).await?);
    Ok(facts)
}

pub(super) async fn repeated_key(scene: &Scene) -> Asked<Facts> {
    let key = scene.key("job-twice");
    load(scene, "upsert", &format!("{HEADER}{key},here,a\n{key},here,b\n")).await
}

pub(super) async fn unknown_field(scene: &Scene) -> Asked<Facts> {
    let key = scene.key("job-unknown");
    load(scene, "upsert", &format!("Key__c,Required__c,Nowhere__c\n{key},here,a\n")).await
}

pub(super) async fn short_row(scene: &Scene) -> Asked<Facts> {
    let (one, other) = (scene.key("job-whole"), scene.key("job-short"));
    load(scene, "upsert", &format!("{HEADER}{one},here,a\n{other},here\n")).await
}

/// `#N/A` empties a field, an empty cell leaves it as it is: which of them is taken for a missing
/// required value says that.
pub(super) async fn null(scene: &Scene) -> Asked<Facts> {
    let line = |name: &str, required: &str| format!("{},{required},a\n", scene.key(name));
    let rows = line("job-null", "#N/A") + &line("job-empty", "");
    load(scene, "upsert", &format!("{HEADER}{rows}")).await
}

pub(super) async fn upload_twice(scene: &Scene) -> Asked<Facts> {
    let job = scene.client.create_ingest_job(&order("upsert")).await?;
    let rows = format!("{HEADER}{},here,a\n", scene.key("job-upload"));
    let rows = scene.client.pack_ingest_rows(rows.into_bytes());
    let mut facts = Facts::new();
    for _ in 0..2 {
        let uploaded = scene.client.upload_ingest_rows(&job.id, &rows).await;
        facts.push(of(uploaded, |()| "uploaded".to_owned())?);
    }
    let aborted = scene.client.abort_ingest_job(&job.id).await;
    facts.push(of(aborted, |job| of_state(job.state))?);
    remove(scene, &job.id).await?;
    Ok(facts)
}

pub(super) async fn without_rows(scene: &Scene) -> Asked<Facts> {
    load(scene, "upsert", HEADER).await
}

pub(super) async fn abort(scene: &Scene) -> Asked<Facts> {
    let job = scene.client.create_ingest_job(&order("upsert")).await?;
    let mut facts = vec![of_state(job.state)];
    let aborted = scene.client.abort_ingest_job(&job.id).await;
    facts.push(of(aborted, |job| of_state(job.state))?);
    let closed = scene.client.close_ingest_job(&job.id).await;
    facts.push(of(closed, |job| of_state(job.state))?);
    remove(scene, &job.id).await?;
    Ok(facts)
}

pub(super) async fn delete(scene: &Scene) -> Asked<Facts> {
    scene.upsert(&[scene.row("job-delete")]).await?;
    let id = scene.ids_of(&["job-delete"]).await?.remove(0);
    let mut facts = load(scene, "delete", &format!("Id\n{id}\n")).await?;
    facts.extend(load(scene, "delete", &format!("Id\n{id}\n")).await?);
    Ok(facts)
}

fn order(operation: &'static str) -> IngestOrder {
    IngestOrder {
        object: OBJECT.to_owned(),
        operation,
        external_id_field_name: (operation == "upsert").then(|| "Key__c".to_owned()),
        assignment_rule_id: None,
        content_type: "CSV",
        line_ending: "LF",
        column_delimiter: "COMMA",
    }
}

/// Sees a job through, and tells its states, its counts and what became of its rows.
async fn load(scene: &Scene, operation: &'static str, csv: &str) -> Asked<Facts> {
    let job = scene.client.create_ingest_job(&order(operation)).await?;
    let mut facts = vec![of_state(job.state)];
    let rows = scene.client.pack_ingest_rows(csv.as_bytes().to_vec());
    if let Err(refusal) = scene.client.upload_ingest_rows(&job.id, &rows).await {
        facts.push(of_refusal(refusal)?);
    }
    match scene.client.close_ingest_job(&job.id).await {
        Ok(closed) => facts.push(of_state(closed.state)),
        Err(refusal) => {
            facts.push(of_refusal(refusal)?);
            remove(scene, &job.id).await?;
            return Ok(facts);
        }
    }
    let ended = end_of(scene, &job.id).await?;
    let code = ended.error_message.as_deref().map(code_of).filter(|code| !code.is_empty());
    facts.push(format!(
        "{}{} ({} processed, {} failed)",
        of_state(ended.state),
        code.map(|code| format!(" {code}")).unwrap_or_default(),
        ended.number_records_processed,
        ended.number_records_failed
    ));
    for file in [ResultFile::Successful, ResultFile::Failed, ResultFile::Unprocessed] {
        facts.extend(results(scene, &job.id, file).await?);
    }
    remove(scene, &job.id).await?;
    Ok(facts)
}

async fn end_of(scene: &Scene, job: &str) -> Asked<IngestJob> {
    let give_up = Instant::now() + JOB_MAX;
    loop {
        let now = scene.client.ingest_job(job).await?;
        if now.has_ended() {
            return Ok(now);
        }
        if Instant::now() > give_up {
            let cause = format!("an ingest job was not done after {} s", JOB_MAX.as_secs());
            return Err(Refusal::OutcomeUnknown { cause });
        }
        sleep(BETWEEN_POLLS).await;
    }
}

/// What a result file says of each row, sorted: the order of rows is not promised.
async fn results(scene: &Scene, job: &str, file: ResultFile) -> Asked<Facts> {
    let mut body = match scene.client.ingest_results(job, file).await {
        Ok(body) => body,
        Err(refusal) => return Ok(vec![format!("{file:?}: {}", of_refusal(refusal)?)]),
    };
    let mut bytes = Vec::new();
    while let Some(piece) = body.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > RESULT_BYTES_MAX {
            return Ok(vec![format!("{file:?}: more than a megabyte")]);
        }
    }
    let mut facts: Facts = Facts::new();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = reader.headers().cloned().unwrap_or_default();
    let place = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    for record in reader.records().filter_map(Result::ok) {
        let cell = |name: &str| place(name).and_then(|place| record.get(place));
        facts.push(match file {
            ResultFile::Successful => format!("created {}", cell("sf__Created").unwrap_or("?")),
            ResultFile::Failed => code_of(cell("sf__Error").unwrap_or("?")).to_owned(),
            ResultFile::Unprocessed => "not processed".to_owned(),
        });
    }
    facts.sort();
    Ok(facts)
}

/// One that Salesforce keeps is removed by it after a week.
async fn remove(scene: &Scene, job: &str) -> Asked<()> {
    match scene.client.delete_ingest_job(job).await {
        Ok(()) | Err(Refusal::Answered(_)) => Ok(()),
        Err(other) => Err(other),
    }
}
