//! Settings: as typed (clap) and as meant.

mod api_reserve;
mod count;
mod header;
mod invalid;
mod salesforce;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use clap::{Args, Parser, Subcommand};
use job_queue::QueueArgs;
use load::Load;
use service::HealthArgs;

use self::count::CountArgs;

pub use self::{
    api_reserve::ApiReserve,
    count::{ApiReserveArgs, CountConfig},
    header::HeaderArgs,
    invalid::InvalidSettings,
    salesforce::{SalesforceArgs, SalesforceConfig},
};

/// The command line of the program.
#[derive(Debug, Parser)]
#[command(
    name = "consumer",
    version,
    about = "Takes batches from the queue and delivers their rows to Salesforce, until SIGTERM",
    after_help = "Examples:\n  \
        consumer --metrics-listen 127.0.0.1:9090      with health and metrics on that address\n  \
        consumer check                                signs in, and delivers nothing",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) consumer: ConsumerArgs,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
    #[command(flatten)]
    pub(crate) salesforce: SalesforceArgs,
}

/// What it can do beside delivering.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in, compare the default load with the object's fields, print both, and deliver nothing.
    ///
    /// Without a default load (`SALESFORCE_OBJECT`) it checks the sign-in alone.
    #[command(after_help = "Examples:\n  \
        consumer check\n  \
        consumer check --header 'Number,Name,Born'      with the columns of a file")]
    Check {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        header: HeaderArgs,
        #[command(flatten)]
        salesforce: Box<SalesforceArgs>,
    },
    /// Ask Salesforce how many records a run created, changed or deleted, and compare that with its
    /// ledger.
    ///
    /// Sign in as the user as whom the rows were delivered. Costs a few calls of the day, more when
    /// other runs begin or end meanwhile. Ends with exit code 0 when the count proves each delivered
    /// row of a completed run, else with 1.
    #[command(after_help = "Examples:\n  \
        consumer count nightly-7          one line says what the figures mean\n  \
        consumer count nightly-7 --json   the same for programs")]
    Count(Box<CountArgs>),
    /// Ask a running consumer whether it is ready, for health checks of containers.
    ///
    /// Ends with exit code 0 when it is, and else with 1 and the reason.
    #[command(after_help = "Examples:\n  \
        consumer health                          as METRICS_LISTEN says\n  \
        consumer health --live                   whether it runs, ready or not\n  \
        consumer health http://127.0.0.1:9090    another address")]
    Health {
        #[command(flatten)]
        health: HealthArgs,
        /// Where the consumer serves `/livez` and `/readyz`, whose health it is.
        #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
        metrics_listen: Option<SocketAddr>,
    },
}

/// How this consumer works.
#[derive(Clone, Debug, Args)]
pub struct ConsumerArgs {
    /// Batches that this consumer delivers at the same time, at most. It claims as many as it may make calls
    /// at the same time, and some more, as far as there is memory for them.
    #[arg(long, env = "CONSUMER_CONCURRENCY", default_value = "256", value_name = "BATCHES")]
    pub concurrency: NonZeroU32,

    /// Calls at the same time that all consumers of the org make together, at most. The limit adapts to
    /// what Salesforce takes.
    #[arg(long, env = "SALESFORCE_CONCURRENCY_MAX", default_value = "10", value_name = "CALLS")]
    pub salesforce_concurrency_max: NonZeroU32,

    /// What is left to others.
    #[command(flatten)]
    pub reserve: ApiReserveArgs,

    /// How often to check whether API quota is available again, while deliveries wait for it.
    #[arg(long, env = "SALESFORCE_LIMIT_CHECK", default_value = "5m", value_name = "DURATION", value_parser = service::parse_timeout)]
    pub salesforce_limit_check: Duration,

    /// How often a row is sent again that Salesforce could not take at the moment, such as one
    /// that was locked. Then it is rejected with its last errors.
    #[arg(long, env = "CONSUMER_ROW_RETRIES", default_value_t = 5, value_name = "TIMES")]
    pub row_retries: u32,

    /// Delivery attempts before all rows of a batch are rejected as poison, with the code
    /// `POISON_BATCH`: attempts during which the consumer died. One that dies while a batch waits, as
    /// for the daily limit, does not count.
    #[arg(long, env = "CONSUMER_DELIVERIES_MAX", default_value = "5", value_name = "TIMES")]
    pub deliveries_max: NonZeroU32,

    /// Take the queue over for the org that is signed in to, though it belongs to another one: for one
    /// start, after a refresh gave a sandbox another id. All rows that are queued go to the new org.
    #[arg(long, env = "ADOPT_ORG", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub adopt_org: bool,

    /// Where `/livez`, `/readyz` and `/metrics` are served, such as 127.0.0.1:9090. Not set:
    /// nowhere.
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// How long calls in flight may take to end after SIGTERM, such as 25s. Keep it
    /// below the time after which the process is killed.
    #[arg(long, env = "CONSUMER_SHUTDOWN_GRACE", default_value = "25s", value_name = "DURATION", value_parser = service::parse_duration)]
    pub shutdown_grace: Duration,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Task {
    /// Deliver batches until shutdown.
    Deliver(Box<Config>),
    /// Compare the settings with the org, and print both.
    Check {
        /// Where the rows would go.
        salesforce: Box<SalesforceConfig>,
        /// What is compared; without one the sign-in is checked alone.
        load: Option<Box<Load>>,
        /// As JSON.
        json: bool,
        /// The header line of a file, and how it is read.
        header: HeaderArgs,
    },
    /// Compare a run with the records in Salesforce.
    Count(Box<CountConfig>),
    /// Ask a running consumer how it is.
    Health {
        /// What to ask.
        health: HealthArgs,
        /// Where it listens.
        metrics_listen: Option<SocketAddr>,
    },
}

/// Settings that fit together.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) consumer: ConsumerArgs,
    pub(crate) queue: QueueArgs,
    pub(crate) salesforce: SalesforceConfig,
}

impl Cli {
    /// Takes the command line as it is meant.
    ///
    /// # Errors
    ///
    /// When settings are missing, or do not fit together.
    pub fn meant(self) -> Result<Task, InvalidSettings> {
        match self.command {
            Some(Command::Check { json, header, salesforce }) => {
                let mut salesforce = Box::new(salesforce.meant()?);
                let load = salesforce.load.take().map(Box::new);
                if load.is_none() && header.header.is_some() {
                    return Err(InvalidSettings::NoLoadToCheck);
                }
                Ok(Task::Check { salesforce, load, json, header })
            }
            Some(Command::Count(args)) => Ok(Task::Count(Box::new(args.meant()?))),
            Some(Command::Health { health, metrics_listen }) => {
                Ok(Task::Health { health, metrics_listen })
            }
            None => Ok(Task::Deliver(Box::new(Config {
                consumer: self.consumer,
                queue: self.queue,
                salesforce: self.salesforce.meant()?,
            }))),
        }
    }
}
