//! The program from start to end.

use std::{fs, process::ExitCode};

use tokio_util::sync::CancellationToken;

use crate::{args::SimulatorArgs, error::SimulatorError, org::State, simulator::Simulator};

/// Serves until `shutdown`, then says what it holds.
///
/// # Errors
///
/// When it cannot start, or cannot write the port file.
pub async fn run(args: SimulatorArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let port_file = args.port_file.clone();
    let simulator = Simulator::start(args.into_config()?).await?;
    let url = simulator.url();
    if let Some(path) = port_file {
        fs::write(&path, simulator.address().to_string())
            .map_err(|source| SimulatorError::File { path, source })?;
    }
    service::say(&format!(
        "simulated Salesforce on {url}; what it holds: {url}/__sim/state and {url}/__sim/rows/Lead"
    ));
    shutdown.cancelled().await;
    let state = simulator.state();
    simulator.shutdown().await;
    service::say(&summary(&state));
    Ok(ExitCode::SUCCESS)
}

fn summary(state: &State) -> String {
    let mut lines = vec![format!(
        "{} requests, {} logins, at most {} calls in flight, {} faults",
        state.requests,
        state.logins,
        state.calls_in_flight_max,
        state.faults.values().sum::<u64>(),
    )];
    for (name, object) in &state.objects {
        let rejected: u64 = object.rejected.values().sum();
        if object.created + object.updated + object.deleted + rejected > 0 {
            lines.push(format!(
                "{name}: {} rows ({} created, {} written again, {} deleted), {rejected} refused",
                object.rows, object.created, object.updated, object.deleted
            ));
        }
    }
    lines.join("\n")
}
