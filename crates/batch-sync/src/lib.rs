//! `batch-sync`: the programs `producer`, `consumer`, `generate-upload` and `salesforce-simulator` as
//! one, for a PATH.
//!
//! It has no work of its own but the demonstration and the check of an org: each command is that of a library, with its
//! arguments, settings and exit codes.

mod cli;
mod demo;
mod one_program;
mod org_check;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory, error::ErrorKind};
use consumer::Task;
use tokio_util::sync::CancellationToken;

use self::{
    cli::{Cli, Command},
    one_program::OneProgram,
};
pub use self::{demo::Demo, org_check::OrgCheck};

/// What is to be done, with arguments that fit together.
#[derive(Debug)]
pub enum Work {
    /// A command of `producer`.
    Producer(producer::Command),
    /// What `consumer` does.
    Consumer(Task),
    /// What `generate-upload` does.
    Generate(generate_upload::Config),
    /// What `salesforce-simulator` does.
    Simulate(Box<salesforce_simulator::SimulatorArgs>),
    /// An org beside the simulator.
    OrgCheck(Box<OrgCheck>),
    /// All of it, on this machine.
    Demo(Demo),
}

/// Reads the command line, and lets messages name the commands of this program. Wrong usage ends the
/// process with code 2.
pub fn parse() -> Work {
    ingest_core::commands::name_commands_of_one_program();
    let work = meant(service::parse::<OneProgram>().0);
    // The producer's commands choose for themselves where logs go.
    if !matches!(work, Work::Producer(_)) {
        service::init_logging(std::io::stderr);
    }
    work
}

fn meant(cli: Cli) -> Work {
    match cli.command {
        Command::Producer(command) => Work::Producer(command),
        Command::Consume(consumer) => Work::Consumer(consumer.meant().unwrap_or_else(|error| {
            service::refuse(&OneProgram::command().error(ErrorKind::ValueValidation, error))
        })),
        Command::Generate(config) => Work::Generate(config),
        Command::Simulate(args) => Work::Simulate(args),
        Command::OrgCheck(check) => Work::OrgCheck(check),
        Command::Demo(demo) => Work::Demo(demo),
    }
}

/// Does it, until it is done or safely stopped by `shutdown`.
///
/// # Errors
///
/// Those of the library whose command it is.
pub async fn run(work: Work, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match work {
        Work::Producer(command) => Box::pin(producer::run(command, shutdown)).await,
        // On a thread of the runtime: from here each call would wake another thread, and that one this.
        Work::Consumer(task) => tokio::spawn(consumer::run_as_program(task, shutdown)).await?,
        Work::Generate(config) => generate_upload::run(config, shutdown).await,
        Work::Simulate(args) => salesforce_simulator::run(*args, shutdown).await,
        Work::OrgCheck(check) => check.run(shutdown).await,
        Work::Demo(demo) => demo.run(shutdown).await,
    }
}
