//! The settings of `consumer count`.

use clap::Args;
use ingest_core::RunId;
use job_queue::QueueArgs;

use super::{ApiReserve, InvalidSettings, SalesforceArgs};
use salesforce::Connection;

/// What is left to the org's other clients.
#[derive(Clone, Debug, Args)]
pub struct ApiReserveArgs {
    /// The share of the daily API calls that is reserved for other clients of the org, such as 10%, or a
    /// number of calls. When only these are left, deliveries wait.
    #[arg(long, env = "SALESFORCE_API_RESERVE", default_value = "10%", value_name = "SHARE")]
    pub salesforce_api_reserve: ApiReserve,
}

/// Arguments of `consumer count`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CountArgs {
    /// Id of the run.
    run: RunId,

    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reserve: ApiReserveArgs,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    salesforce: SalesforceArgs,
}

/// What is counted, and where. Object and operation are the run's.
#[derive(Clone, Debug)]
pub struct CountConfig {
    pub(crate) run: RunId,
    pub(crate) json: bool,
    pub(crate) reserve: ApiReserve,
    pub(crate) queue: QueueArgs,
    pub(crate) connection: Connection,
}

impl CountArgs {
    /// Takes the arguments as they are meant.
    pub(super) fn meant(self) -> Result<CountConfig, InvalidSettings> {
        Ok(CountConfig {
            run: self.run,
            json: self.json,
            reserve: self.reserve.salesforce_api_reserve,
            queue: self.queue,
            connection: self.salesforce.connection.connection()?,
        })
    }
}
