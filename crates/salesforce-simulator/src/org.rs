//! Everything the simulated org consists of, shared by all connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    bulk::Jobs,
    config::Config,
    cursors::Cursors,
    faults::{Fault, FaultSource},
    record::Strictness,
    schema::{FieldChange, ObjectNumber, Schema},
    sessions::Sessions,
    store::{Digest, Listing, Store},
    traffic::Traffic,
};

/// More would not be faster: one at a time gets at the rows.
const BULK_LANES: usize = 4;

/// One simulated org.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) faults: FaultSource,
    pub(crate) traffic: Traffic,
    pub(crate) cursors: Mutex<Cursors>,
    pub(crate) jobs: Jobs,
    /// Batches of jobs that are worked off at once.
    pub(crate) bulk_lanes: Semaphore,
    /// Objects and fields as they are now. What was before a change is never freed: there are a
    /// few changes in the life of a simulator, and each call keeps to what it began with.
    objects: RwLock<&'static Objects>,
    first_objects: &'static Objects,
    /// Woken after every request, and after every step of a job.
    pub(crate) answered: Notify,
    /// Cancelled when the simulator is to end: nothing waits any longer.
    pub(crate) stop: CancellationToken,
}

#[derive(Debug)]
struct Objects {
    schema: Schema,
    /// Since when they are so, in whole seconds.
    since: Timestamp,
}

/// What the org holds and what happened to it, since its start or its last
/// reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Since the start, in milliseconds.
    pub uptime_ms: u64,
    /// Start of all random faults.
    pub seed: u64,
    /// Requests, those to the control API left out.
    pub requests: u64,
    /// Those that were answered, by status.
    pub requests_by_status: BTreeMap<u16, u64>,
    /// Those whose connection was closed instead.
    pub requests_unanswered: u64,
    /// Calls of the data API under way.
    pub calls_in_flight: u64,
    /// The most at any moment, refused ones included.
    pub calls_in_flight_max: u64,
    /// Calls that count against the daily limit.
    pub api_calls: u64,
    /// The daily limit.
    pub daily_limit: u64,
    /// Batches of ingest jobs, which have a daily limit of their own.
    pub bulk_batches: u64,
    /// Ingest jobs, by state.
    pub jobs: BTreeMap<String, u64>,
    /// Tokens given out.
    pub logins: u64,
    /// How often each fault struck.
    pub faults: BTreeMap<Fault, u64>,
    /// By name of the object.
    pub objects: BTreeMap<String, ObjectState>,
}

/// Counts of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectState {
    /// Rows stored at this moment.
    pub rows: u64,
    /// Rows that were created.
    pub created: u64,
    /// Times that a stored row was written again.
    pub updated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
    /// Records that were refused, by the code of their first error.
    pub rejected: BTreeMap<String, u64>,
}

impl Objects {
    fn since(schema: Schema, since: Timestamp) -> &'static Self {
        Box::leak(Box::new(Self { schema, since }))
    }
}

fn this_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).expect("now is in range")
}

impl Org {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let sessions = Sessions::new(&config.org_id);
        let first_objects = Objects::since(config.schema.clone(), this_second());
        if let Some(token) = &config.access_token {
            sessions.admit(token.expose_secret().to_owned());
        }
        if let Some(token) = &config.refresh_token {
            sessions.admit_refresh(token.expose_secret().to_owned());
        }
        Arc::new(Self {
            store: Store::new(&config.schema),
            sessions,
            faults: FaultSource::new(config.faults.clone(), config.seed),
            traffic: Traffic::new(config.request_log_max, config.daily_limit),
            cursors: Mutex::default(),
            jobs: Jobs::default(),
            bulk_lanes: Semaphore::new(BULK_LANES),
            objects: RwLock::new(first_objects),
            first_objects,
            answered: Notify::new(),
            stop: CancellationToken::new(),
            config,
        })
    }

    /// A new token, for one who has logged in.
    pub(crate) fn open_session(&self) -> String {
        self.traffic.count_login();
        if self.config.logins_count {
            self.traffic.spend_api_call();
        }
        self.sessions.open()
    }

    pub(crate) fn schema(&self) -> &'static Schema {
        &self.objects().schema
    }

    /// Since when objects and fields are as they are, in whole seconds.
    pub(crate) fn since(&self) -> Timestamp {
        self.objects().since
    }

    fn objects(&self) -> &'static Objects {
        *self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a field; the answer is whether it is there.
    pub(crate) fn change_field(&self, change: &FieldChange) -> bool {
        let Some(schema) = self.schema().changed_by(change) else { return false };
        // A client that read them within this second is to hear of it.
        self.set_objects(Objects::since(schema, this_second() + SignedDuration::from_secs(1)));
        true
    }

    fn set_objects(&self, objects: &'static Objects) {
        *self.objects.write().unwrap_or_else(PoisonError::into_inner) = objects;
    }

    pub(crate) fn strictness(&self) -> Strictness {
        Strictness {
            type_errors: self.config.type_errors,
            unknown_fields: self.config.unknown_fields,
            boolean_nulls: self.config.boolean_nulls,
        }
    }

    /// Forgets rows, counts and logs, and goes back to the first faults and fields. Tokens
    /// stay valid.
    pub(crate) fn reset(&self) {
        // First: a job under way would store rows afterwards.
        self.jobs.reset();
        self.set_objects(self.first_objects);
        self.store.reset(self.schema());
        self.traffic.reset(self.config.daily_limit);
        self.faults.reset(self.config.faults.clone());
        self.answered.notify_waiters();
    }

    pub(crate) fn state(&self) -> State {
        let traffic = self.traffic.counts();
        let names = self.schema().objects().map(|(_, object)| object.name.clone());
        let objects = names.zip(self.store.counts()).map(|(name, counts)| {
            let state = ObjectState {
                rows: counts.rows,
                created: counts.created,
                updated: counts.updated,
                deleted: counts.deleted,
                rejected: counts.rejected,
            };
            (name, state)
        });
        let jobs = self.jobs.counts().into_iter();
        State {
            uptime_ms: u64::try_from(self.traffic.uptime().as_millis()).unwrap_or(u64::MAX),
            seed: self.config.seed,
            requests: traffic.requests,
            requests_by_status: traffic.by_status,
            requests_unanswered: traffic.unanswered,
            calls_in_flight: traffic.calls_in_flight as u64,
            calls_in_flight_max: traffic.calls_in_flight_max as u64,
            api_calls: traffic.api_calls,
            daily_limit: self.traffic.usage().max,
            bulk_batches: traffic.bulk_batches,
            jobs: jobs.map(|(state, count)| (format!("{state:?}"), count)).collect(),
            logins: traffic.logins,
            faults: self.faults.counts(),
            objects: objects.collect(),
        }
    }

    /// All rows of an object, sorted; off the runtime's threads.
    pub(crate) async fn listing(&self, number: ObjectNumber) -> Listing {
        let object = self.schema().object(number).clone();
        let rows = self.store.rows(number);
        tokio::task::spawn_blocking(move || Listing::sorted(object, rows))
            .await
            .expect("sorting does not panic")
    }

    /// Count and hash of an object's rows; off the runtime's threads.
    pub(crate) async fn digest(&self, number: ObjectNumber) -> Digest {
        let object = self.schema().object(number).clone();
        let rows = self.store.rows(number);
        tokio::task::spawn_blocking(move || Digest::of(&object, &rows))
            .await
            .expect("hashing does not panic")
    }
}
