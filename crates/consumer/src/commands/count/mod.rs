//! `consumer count`: as many records in Salesforce as the ledger of a run says?

mod asking;
mod comparison;
mod report;
mod subject;
mod together;

use std::{io::Write, process::ExitCode};

use job_queue::Queue;
use salesforce::Client;
use tokio::time::Instant;

use self::{asking::Asking, report::Report, subject::Subject, together::Mixed};
use super::preflight::{WaitLimit, away, sign_in};
use crate::{config::CountConfig, error::ConsumerError};

/// How often the records are counted while other runs begin or continue.
const COUNTS: u32 = 3;

/// Counts the records of a run, and prints what that proves.
pub(crate) async fn count(config: &CountConfig) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&config.queue).await?;
    let asked_at = Instant::now();
    let mut subject = Subject::read(&queue, &config.run).await?;
    if let Err(mixed) = subject.sum() {
        return print(config, &subject.not_countable(mixed));
    }
    let client = Client::new(config.connection.clone())?;
    let user = sign_in_as_consumers(&client, config, &queue).await?;
    let mut asking = Asking {
        client,
        queue,
        config,
        object: subject.load.object.clone(),
        user,
        redis_ms: subject.ledger.now_ms,
        asked_at,
        clock_ahead_ms: 0,
    };
    for _ in 0..COUNTS {
        let sum = match subject.sum() {
            Ok(sum) => sum,
            Err(mixed) => return print(config, &subject.not_countable(mixed)),
        };
        let answer = asking.count(&sum, subject.measure()).await;
        asking.tell_usage().await?;
        let since = Subject::read(&asking.queue, &config.run).await?;
        if since.is_as(&subject.load, &sum) {
            return print(config, &subject.report(&sum, answer?, asking.clock_ahead_ms));
        }
        // Asked otherwise it would be another count.
        if since.load != subject.load {
            break;
        }
        subject = since;
    }
    print(config, &subject.not_countable(Mixed::changing()))
}

/// Signs in to the org of the queue, to which the run was delivered. The answer is the id of the user.
async fn sign_in_as_consumers(
    client: &Client,
    config: &CountConfig,
    queue: &Queue,
) -> anyhow::Result<String> {
    let signed_in = sign_in(client, WaitLimit::Seconds).await?.org;
    let of_queue = queue.org().await?;
    if let Some(of_run) = of_queue.filter(|org| *org != signed_in) {
        let run = config.run.clone();
        return Err(ConsumerError::OtherOrg { run, of_run, signed_in }.into());
    }
    let user = WaitLimit::Seconds.ask(|| client.user_id()).await?.map_err(away)?;
    Ok(user.ok_or(ConsumerError::NoUser)?)
}

fn print(config: &CountConfig, report: &Report) -> anyhow::Result<ExitCode> {
    service::unless_closed(write(report, config.json))?;
    Ok(if report.proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = service::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.text())?;
    }
    Ok(out.flush()?)
}
