//! The command line: every command with its help.

use clap::{Parser, Subcommand};

use crate::cli::{
    check_args::{CheckArgs, DescribeArgs},
    health_args::ServerHealthArgs,
    import_dataloader_args::ImportDataloaderArgs,
    plan_args::PlanArgs,
    run_args::{
        CancelArgs, FilesArgs, IdsArgs, ListLoadsArgs, PauseArgs, RejectsArgs, ReplayArgs,
        ResumeArgs, RunsArgs, ShowArgs, VerifyArgs, WatchArgs,
    },
    serve_args::ServeArgs,
    sync_args::SyncArgs,
    upload_args::UploadArgs,
};

/// The command line of `producer`.
#[derive(Debug, Parser)]
#[command(
    name = "producer",
    version,
    about = "Reads a CSV blob and puts its rows on the queue that the consumers deliver to Salesforce.",
    after_help = "Exit codes: 0 done, 1 failed, 2 a person must act (wrong usage or settings, access refused), \
                  3 done with rejected rows, 130 or 143 interrupted (resume with the same run id)."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `producer` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a file: read it, queue it, and follow the run to its end.
    #[command(after_help = "Examples:\n  \
        producer sync --file big-data-import.csv\n  \
        producer sync --file big-data-import.csv --run-id nightly-7      again: goes on with that run\n  \
        producer sync --file exports/accounts.csv.gz --no-wait\n  \
        producer sync --file big-data-import.csv --max-rejects 1%\n  \
        producer sync --file people.csv --load contacts                  as that load of LOADS_FILE\n  \
        producer sync --file contacts.csv --object Contact --external-id ErpKey__c")]
    Sync(Box<SyncArgs>),
    /// List what runs may load, and say what is wrong with it.
    ///
    /// The loads of `LOADS_FILE`, and `default`, which the environment says.
    #[command(after_help = "Examples:\n  \
        producer loads\n  \
        producer loads --loads-file deploy/loads.toml      checks a file\n  \
        producer loads --json | jq '.[].name'")]
    Loads(ListLoadsArgs),
    /// Print the loads of a Data Loader configuration as a file of loads.
    ///
    /// Comments name what has no counterpart, what is set in the environment, and what to do instead.
    /// Passwords and other secrets are named and not shown. Mapping files (.sdl) are used as they are:
    /// put them beside the file of loads. `producer loads --loads-file FILE` checks the result.
    #[command(
        name = "import-dataloader",
        after_help = "Examples:\n  \
        producer import-dataloader conf/process-conf.xml > loads.toml\n  \
        producer import-dataloader conf/process-conf.xml opportunityUpsertProcess"
    )]
    ImportDataloader(ImportDataloaderArgs),
    /// Upload a file to the container.
    ///
    /// Goes on where an upload of the same file was interrupted: what is staged is not sent again. The
    /// file becomes visible when all of it is there. An existing one is not replaced without --force.
    #[command(after_help = "Examples:\n  \
        producer upload big-data-import.csv\n  \
        producer upload export.csv --as exports/accounts.csv --force\n  \
        zcat accounts.csv.gz | producer upload - --as accounts.csv")]
    Upload(UploadArgs),
    /// List the files in the container.
    #[command(after_help = "Examples:\n  \
        producer files\n  \
        producer files --prefix exports/\n  \
        producer files --json | jq '.[] | select(.bytes > 1e9) | .name'")]
    Files(FilesArgs),
    /// List the newest runs.
    #[command(after_help = "Examples:\n  \
        producer runs                            the newest 20\n  \
        producer runs --newest 100\n  \
        producer runs --json | jq '.[] | select(.status == \"interrupted\") | .run'")]
    Runs(RunsArgs),
    /// Show one run: its report so far.
    #[command(after_help = "Examples:\n  \
        producer show 20261123-145735-pmao\n  \
        producer show 20261123-145735-pmao --json | jq .rejectedByCode")]
    Show(ShowArgs),
    /// Verify a run: count its file again and compare it with the ledger.
    ///
    /// Ends with exit code 0 when every row of the file has one outcome, else with 1.
    #[command(after_help = "Examples:\n  \
        producer verify nightly-7          names the batches that have no outcome, if any\n  \
        producer verify nightly-7 --json")]
    Verify(VerifyArgs),
    /// Print the rejected rows of a run unchanged, each with its reason.
    ///
    /// To view or edit them in a spreadsheet, use --for-spreadsheet: it escapes cells that would run as
    /// formulas with a leading ', which a replay removes again.
    #[command(after_help = "Examples:\n  \
        producer rejects nightly-7 > rejects.csv\n  \
        producer rejects nightly-7 --for-spreadsheet > mended.csv    to open, edit, upload and replay")]
    Rejects(RejectsArgs),
    /// Print which record each delivered row of a run is: key, Id, and whether it was created.
    ///
    /// Of a run whose load says so: --ids, or `ids = true` in a file of loads.
    #[command(after_help = "Examples:\n  \
        producer ids nightly-7 > ids.csv\n  \
        producer ids nightly-7 | grep -c ',created$'")]
    Ids(IdsArgs),
    /// Estimate what loading a file takes by either API, and suggest settings.
    ///
    /// Reads the beginning of the file, and loads nothing. The org's remaining quota is known once a
    /// consumer has been started.
    #[command(after_help = "Examples:\n  \
        producer plan --file big-data-import.csv            estimated from its first megabytes\n  \
        producer plan --file big-data-import.csv --count    reads all of it\n  \
        producer plan --file big-data-import.csv --json")]
    Plan(Box<PlanArgs>),
    /// Check a file before it is loaded: what would be rejected, and why.
    ///
    /// Sends nothing and queues nothing. Reads all of the file, and writes its rows as a consumer writes them for Salesforce. Ends with
    /// exit code 0 when no row would be rejected, with 3 when some would, and with 1 when the run would
    /// fail, as it does when the mapping does not fit. What only Salesforce can say is not checked.
    #[command(after_help = "Examples:\n  \
        producer check --file contacts.csv --load contacts\n  \
        producer check --file contacts.csv --object Contact --external-id ErpKey__c\n  \
        producer check --file contacts.csv --rejects rejected.csv     writes these rows\n  \
        producer check --file contacts.csv --offline contact.json     without an org\n  \
        producer check --file contacts.csv --json | jq .rejectedByCode")]
    Check(Box<CheckArgs>),
    /// Show what objects are like in Salesforce, or save it for checks without an org.
    ///
    /// On a terminal: a table of the fields, with their types and the keys by which rows find records. The
    /// file has the fields of these objects, and of those that their rows can refer to, as the integration
    /// user sees them; no record.
    #[command(after_help = "Examples:\n  \
        producer describe --object Contact\n  \
        producer describe --object Contact --out contact.json\n  \
        producer describe --object Account --object Contact > objects.json")]
    Describe(Box<DescribeArgs>),
    /// Show all runs, the queue and the consumers, live, in this terminal.
    #[command(after_help = "Examples:\n  \
        producer watch      keys: up and down, enter for one run, p pause, r resume, c cancel, q quit")]
    Watch(WatchArgs),
    /// Pause a run until it is resumed: nothing more of it is read or delivered.
    #[command(after_help = "Examples:\n  \
        producer pause 20261123-145735-pmao\n  \
        producer pause nightly-7 --json")]
    Pause(PauseArgs),
    /// Resume a run that is paused, interrupted or failed.
    ///
    /// A running `producer serve` takes the run. Without one, the run is loaded here, in the
    /// foreground, as with `producer sync --run-id`.
    #[command(after_help = "Examples:\n  \
        producer resume 20261123-145735-pmao\n  \
        producer resume nightly-7 --max-rejects 5%      a higher limit, for one that it had passed")]
    Resume(Box<ResumeArgs>),
    /// Cancel a run for good: its queued batches are removed and count as cancelled.
    #[command(after_help = "Examples:\n  \
        producer cancel 20261123-145735-pmao           asks first, on a terminal\n  \
        producer cancel 20261123-145735-pmao --yes")]
    Cancel(CancelArgs),
    /// Load the rejected rows of a run again, as a new run.
    ///
    /// Fix the cause first: in Salesforce, or in a copy of the rejects file.
    #[command(after_help = "Examples:\n  \
        producer replay 20261123-145735-pmao                              all rejected rows\n  \
        producer replay nightly-7 --run-id nightly-7b                     again: goes on with that run\n  \
        producer replay 20261123-145735-pmao --code STORAGE_LIMIT_EXCEEDED --code UNABLE_TO_LOCK_ROW\n  \
        producer replay 20261123-145735-pmao --file rejects/mended.csv    as edited in a spreadsheet\n  \
        producer replay 20261123-145735-pmao --load contacts              as that load is now")]
    Replay(Box<ReplayArgs>),
    /// Serve the HTTP API and the page, and import the runs that are started there.
    #[command(after_help = "Start a run:\n  \
        curl -X POST http://localhost:3001/api/sync/start -H 'Content-Type: application/json' \\\n       \
        -d '{\"fileName\": \"big-data-import.csv\"}'\n\n\
        Examples:\n  \
        producer serve                                       the page: http://127.0.0.1:3001/batch-sync\n  \
        producer serve --http-listen 127.0.0.1:0             any free port; it is printed\n  \
        API_TOKEN_FILE=/run/secrets/api producer serve --http-listen 0.0.0.0:3001")]
    Serve(Box<ServeArgs>),
    /// Ask a running `producer serve` whether it is ready, for health checks of containers.
    ///
    /// Ends with exit code 0 when it is, and else with 1 and the reason.
    #[command(after_help = "Examples:\n  \
        producer health                                 as HTTP_LISTEN says, or http://127.0.0.1:3001\n  \
        producer health --live                          whether it runs, ready or not\n  \
        producer health http://127.0.0.1:9090           another address, such as METRICS_LISTEN")]
    Health(ServerHealthArgs),
}
