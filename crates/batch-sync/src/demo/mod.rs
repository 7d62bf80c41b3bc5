//! The demonstration: everything that a load needs on this machine, for some seconds.

mod needs;
mod parts;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
};

use clap::Args;
use tokio_util::sync::CancellationToken;

use self::{needs::Needs, parts::Parts};

/// The file that is made, and the run that loads it.
const FILE: &str = "big-data-import.csv";
const RUN: &str = "demo";

/// The smallest usual batches: enough of them that both consumers have some at any time.
const BATCH_ROWS: &str = "100";

/// Which column of the made-up file fills which field.
const MAPPING: &str = include_str!("../../../../deploy/mappings/lead.sdl");

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    batch-sync demo\n  \
    batch-sync demo --rows 1000000\n  \
    REDIS_SERVER=/opt/redis/redis-server batch-sync demo\n\n\
    Needs redis-server and azurite-blob; says how to get what is missing. Reads no settings of yours, uses free ports and \
    a folder of its own, and leaves nothing.")]
pub struct Demo {
    /// Rows of the file.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
}

impl Demo {
    /// Loads a made-up file into a local Salesforce, and verifies it.
    ///
    /// # Errors
    ///
    /// When something does not start, or a step does not do what it should. What is missing on this
    /// machine is no error but the exit code 2.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
        let needs = match Needs::find() {
            Ok(needs) => needs,
            Err(missing) => return Ok(service::failed(&missing.into(), service::USAGE)),
        };
        let folder = tempfile::Builder::new().prefix("batch-sync-demo-").tempdir()?;
        let mut parts = Parts::new(folder.path())?;
        let shown = shutdown.run_until_cancelled(Box::pin(self.show(&needs, &mut parts))).await;
        let ended = match shown {
            None => Ok(service::interrupted()),
            Some(Ok(())) => Ok(ExitCode::SUCCESS),
            Some(Err(error)) => Err(error.context(parts.last_words())),
        };
        parts.stop().await;
        ended
    }

    async fn show(&self, needs: &Needs, parts: &mut Parts) -> anyhow::Result<()> {
        service::say("== Redis, Azurite (a local Azure Blob Storage), and a local Salesforce");
        let redis = parts.start_redis(&needs.redis_server).await?;
        let azure = parts.start_azurite(&needs.azurite).await?;
        let salesforce = parts.start_simulator().await?;
        write_settings(parts.folder(), &redis, &azure, &salesforce)?;

        let rows = self.rows.to_string();
        service::say(&format!("== A file of {rows} rows in the container"));
        parts.run(&["generate", "--rows", &rows, "--file", FILE, "--awkward"]).await?;

        service::say("== Blob -> producer -> Redis -> two consumers -> Salesforce");
        for name in ["consumer-1", "consumer-2"] {
            parts.start_consumer(name).await?;
        }
        parts.run(&["sync", "--file", FILE, "--run-id", RUN]).await?;

        service::say("== The file, the ledger and Salesforce, compared");
        parts.run(&["verify", RUN]).await?;
        parts.run(&["consume", "count", RUN]).await?;
        service::say(
            "Done. Next: a file of your own, with settings in a file .env (batch-sync sync --help); \
             docs/try.md (your own file, without an org) and docs/first-load.md (a real org) go step by \
             step",
        );
        Ok(())
    }
}

/// The programs that run in this folder read these, and nothing of yours: a trial must not write to a
/// real Salesforce.
fn write_settings(folder: &Path, redis: &str, azure: &str, salesforce: &str) -> io::Result<()> {
    let mapping = folder.join("lead.sdl");
    fs::write(&mapping, MAPPING)?;
    let settings = [
        ("AZURE_STORAGE_CONNECTION_STRING", azure),
        ("AZURE_CONTAINER", "demo"),
        ("REDIS_URL", redis),
        ("SALESFORCE_LOGIN_URL", salesforce),
        ("SALESFORCE_CLIENT_ID", salesforce_simulator::Config::CLIENT_ID),
        ("SALESFORCE_CLIENT_SECRET", salesforce_simulator::Config::CLIENT_SECRET),
        ("SALESFORCE_OBJECT", "Lead"),
        ("SALESFORCE_EXTERNAL_ID", "External_Id__c"),
        ("MAPPING_FILE", "lead.sdl"),
        ("BATCH_ROWS", BATCH_ROWS),
    ];
    let lines = settings.map(|(name, value)| format!("{name}={value}\n"));
    // As a person keeps secrets.
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(".env"))?;
    file.write_all(lines.concat().as_bytes())
}
