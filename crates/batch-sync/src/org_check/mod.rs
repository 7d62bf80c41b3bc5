//! Compares an org with the simulator: the same calls to both, and what each says.
//!
//! The simulator was written from documents. Where an org says something else, a load that went well
//! against the simulator may go wrong there: each difference is worth an issue.
//!
//! ```text
//! Question ─┬─▶ Scene (org) ────────▶ facts ─┐
//!           └─▶ Scene (simulator) ──▶ facts ─┴─▶ Comparison ──▶ table
//! ```

mod comparison;
mod facts;
mod jobs;
mod object;
mod question;
mod scene;

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, ValueEnum};
use salesforce::{Client, Connection, ConnectionArgs, Credentials, Refusal};
use salesforce_simulator::{Config, Schema, Simulator};
use tokio_util::sync::CancellationToken;

use self::{
    comparison::{Comparison, table},
    object::{OBJECT, SCHEMA},
    question::Question,
    scene::Scene,
};

/// How the org is reached, and what is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    batch-sync org-check                   a table to paste into an issue\n  \
    batch-sync org-check --only job-upsert --only job-abort\n  \
    batch-sync org-check --json | jq '.[] | select(.differs)'\n\n\
    Needs the object Batch_Sync_Check__c and the permission set of deploy/salesforce in the org. Makes about 150 API \
    calls, among them a dozen ingest jobs, writes about 120 records of that object, and deletes them. Exit code 1 says that something \
    differs.")]
pub struct OrgCheck {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Ask this alone, such as `job-upsert`; may be given several times.
    #[arg(long, value_name = "QUESTION", value_enum, hide_possible_values = true)]
    only: Vec<Question>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl OrgCheck {
    /// Asks both, and prints what differs.
    ///
    /// # Errors
    ///
    /// When the org cannot be reached, or does not let in. That the object is not there is no error but
    /// the exit code 2, as are settings that do not fit together.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
        let connection = match self.connection.connection() {
            Ok(connection) => connection,
            Err(error) => return Ok(service::failed(&error.into(), service::USAGE)),
        };
        let api_version = connection.api_version.clone();
        let org = Scene::new(Client::new(connection.clone())?);
        if let Err(refusal) = org.has_object().await {
            return refused(refusal);
        }
        let simulator = simulator().await?;
        let stand_in = Scene::new(Client::new(of_simulator(&simulator, connection))?);

        let asking = Box::pin(self.ask(&org, &stand_in));
        let asked = shutdown.run_until_cancelled(asking).await;
        // Also after a stop: nothing of it is to stay in the org.
        let cleaned = Box::pin(org.clean_up()).await;
        let Some(asked) = asked else { return Ok(service::interrupted()) };
        let comparisons = asked?;
        cleaned.context(
            "records of the check are left in the org; delete those of the object \
             Batch_Sync_Check__c by hand",
        )?;

        let mut stdout = service::stdout();
        match self.json {
            true => writeln!(stdout, "{}", serde_json::to_string_pretty(&comparisons)?)?,
            false => write!(stdout, "{}", table(&comparisons, &api_version))?,
        }
        Ok(match comparisons.iter().any(|comparison| comparison.differs) {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }

    async fn ask(&self, org: &Scene, stand_in: &Scene) -> anyhow::Result<Vec<Comparison>> {
        let mut comparisons = Vec::new();
        let all = Question::value_variants();
        let is_asked = |question: &&Question| self.only.is_empty() || self.only.contains(question);
        for &question in all.iter().filter(is_asked) {
            service::say(&format!("asking: {}", question.words()));
            let in_org =
                question.ask(org).await.map_err(|refusal| broken_off(question, &refusal))?;
            let in_simulator =
                question.ask(stand_in).await.map_err(|refusal| broken_off(question, &refusal))?;
            comparisons.push(Comparison::of(question, in_org, in_simulator));
        }
        Ok(comparisons)
    }
}

fn broken_off(question: Question, refusal: &Refusal) -> anyhow::Error {
    anyhow::anyhow!("there was no answer to {}: {refusal}", question.words())
}

async fn simulator() -> anyhow::Result<Simulator> {
    let schema = Schema::standard().with(SCHEMA)?;
    Ok(Simulator::start(Config { schema, ..Config::default() }).await?)
}

/// The same way of asking, but for where and as whom.
fn of_simulator(simulator: &Simulator, connection: Connection) -> Connection {
    let url = simulator.url().parse().expect("the simulator has a URL");
    let credentials =
        Credentials::Token { instance_url: url, access_token: simulator.issue_token().into() };
    Connection { credentials, timeout: Duration::from_secs(60), ..connection }
}

/// What a person can do who is not let in, or has not deployed the object.
fn refused(refusal: Refusal) -> anyhow::Result<ExitCode> {
    match refusal {
        Refusal::Answered(answer) if answer.status == 404 => {
            let error = anyhow::anyhow!(
                "the user sees no object {OBJECT}; deploy it from deploy/salesforce of the sources (sf project \
                 deploy start --metadata CustomObject:{OBJECT} --metadata PermissionSet:Batch_Sync_Check), \
                 and assign the permission set Batch_Sync_Check to the user"
            );
            Ok(service::failed(&error, service::USAGE))
        }
        Refusal::Login(error) => Ok(service::failed(&error.into(), service::USAGE)),
        other => Err(anyhow::anyhow!("{other}")),
    }
}
