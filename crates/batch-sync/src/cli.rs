//! The command line: the commands of all programs, under one name.

use clap::{Parser, Subcommand};

use crate::{demo::Demo, org_check::OrgCheck};

/// The command line of `batch-sync`.
#[derive(Debug, Parser)]
#[command(
    name = "batch-sync",
    version,
    about = "Loads huge CSV files from Azure Blob Storage into Salesforce, through a Redis queue.",
    after_help = "Begin with: batch-sync demo\n\n\
                  Exit codes: 0 done, 1 failed, 2 a person must act (wrong usage or settings, access refused), \
                  3 done with rejected rows, 130 or 143 interrupted (resume with the same run id)."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Producer(producer::Command),
    /// Deliver batches from the queue to Salesforce, until SIGTERM; start as many as you like.
    Consume(Box<consumer::Cli>),
    /// Write a made-up CSV file of any size into the container.
    Generate(generate_upload::Config),
    /// Run a local stand-in for Salesforce, with faults on demand.
    Simulate(Box<salesforce_simulator::SimulatorArgs>),
    /// Compare your org with the simulator: the same calls to both, with rows that are deleted again.
    OrgCheck(Box<OrgCheck>),
    /// Load 100,000 rows into a local Salesforce, from nothing, and verify them.
    Demo(Demo),
}
