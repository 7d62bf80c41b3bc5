//! A simulator inside this process.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::DropGuard;

use crate::{
    config::Config,
    error::SimulatorError,
    faults::{Faults, PlannedFault},
    http,
    org::{Org, State},
    schema::FieldChange,
    store::Digest,
    traffic::{LoggedRequest, Usage},
};

/// How long a shutdown waits for answers under way.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// A running stand-in for Salesforce. It ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    org: Arc<Org>,
    address: SocketAddr,
    server: JoinHandle<()>,
    _stop_on_drop: DropGuard,
}

impl Simulator {
    /// Starts to listen and to answer.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(config: Config) -> Result<Self, SimulatorError> {
        let asked = config.listen;
        let listening = |source| SimulatorError::Listen { address: asked, source };
        let listener = TcpListener::bind(asked).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let org = Org::new(config);
        let server = tokio::spawn(http::serve(listener, Arc::clone(&org)));
        let stop_on_drop = org.stop.clone().drop_guard();
        Ok(Self { org, address, server, _stop_on_drop: stop_on_drop })
    }

    /// Such as `http://127.0.0.1:41234`: login host and instance in one.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A valid access token, as from a login that is not counted.
    pub fn issue_token(&self) -> String {
        self.org.sessions.open()
    }

    /// What goes wrong at this moment.
    pub fn faults(&self) -> Faults {
        self.org.faults.faults()
    }

    /// Changes what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.org.faults.set(faults);
    }

    /// Adds a fault for calls to come.
    pub fn plan(&self, fault: PlannedFault) {
        let mut faults = self.faults();
        faults.planned.push(fault);
        self.set_faults(faults);
    }

    /// As if that many calls of the day had been made, of as many as there may be.
    pub fn set_api_calls(&self, used: u64, daily_limit: u64) {
        self.org.traffic.set_usage(Usage { used, max: daily_limit });
    }

    /// Changes a field, as an administrator does while loads run. The answer is whether it is there.
    pub fn change_field(&self, change: &FieldChange) -> bool {
        self.org.change_field(change)
    }

    /// Ends all access tokens.
    pub fn expire_tokens(&self) {
        self.org.sessions.close_all();
    }

    /// What it holds and what happened to it.
    pub fn state(&self) -> State {
        self.org.state()
    }

    /// Waits for a state; looks after every request.
    ///
    /// It waits for ever when the state never comes: put a time-out around it.
    pub async fn wait_for(&self, reached: impl Fn(&State) -> bool) -> State {
        loop {
            let answered = self.org.answered.notified();
            tokio::pin!(answered);
            // From here on no answer is missed, also while looking.
            answered.as_mut().enable();
            let state = self.org.state();
            if reached(&state) {
                return state;
            }
            answered.await;
        }
    }

    /// The rows of an object sorted by external id, each field as it was
    /// stored, with `Id` and `_writes`. Empty for an object that is not there.
    pub async fn rows(&self, object: &str) -> Vec<Value> {
        let Some((number, _)) = self.org.schema().find(object) else { return Vec::new() };
        let listing = self.org.listing(number).await;
        listing
            .lines()
            .map(|line| serde_json::from_str(&line).expect("rows are written as JSON"))
            .collect()
    }

    /// Count and hash of an object's rows; `None` for an object that is not
    /// there.
    pub async fn digest(&self, object: &str) -> Option<Digest> {
        let (number, _) = self.org.schema().find(object)?;
        Some(self.org.digest(number).await)
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.org.traffic.log()
    }

    /// Forgets rows, counts and logs, and goes back to the faults it was
    /// started with.
    pub fn reset(&self) {
        self.org.reset();
    }

    /// Stops listening and waits, for a few seconds at most, until answers under
    /// way are sent.
    pub async fn shutdown(self) {
        self.org.stop.cancel();
        let abort = self.server.abort_handle();
        if tokio::time::timeout(SHUTDOWN_PATIENCE, self.server).await.is_err() {
            abort.abort();
        }
    }
}
