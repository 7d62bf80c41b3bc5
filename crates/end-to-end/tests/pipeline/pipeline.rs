//! The whole product on services of its own.

use std::collections::BTreeMap;

use blob_store::{BlobArgs, BlobStore, Overwrite};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{Azurite, RedisServer, free_port};

use crate::processes::{Ended, Program, wait_until};

pub(crate) const FILE: &str = "big-data-import.csv";

/// Redis, Azurite and a simulated Salesforce, and the settings to use them.
pub(crate) struct Pipeline {
    pub(crate) redis: RedisServer,
    pub(crate) azurite: Azurite,
    pub(crate) salesforce_url: String,
    settings: Vec<(String, String)>,
    folder: TempDir,
    _salesforce: Program,
}

impl Pipeline {
    pub(crate) fn start() -> Self {
        Self::with_salesforce(&[])
    }

    /// With faults of Salesforce, as flags of the simulator.
    pub(crate) fn with_salesforce(flags: &[&str]) -> Self {
        Self::on(RedisServer::start(), flags)
    }

    /// The same with a Redis that was started before.
    pub(crate) fn on(redis: RedisServer, flags: &[&str]) -> Self {
        tls::provide();
        let folder = tempfile::tempdir().unwrap();
        let azurite = Azurite::start(&[]);
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments = vec!["--listen", &address];
        arguments.extend(flags);
        let salesforce = Program::start("salesforce-simulator", folder.path(), &[], &arguments);
        let salesforce_url = format!("http://{address}");
        wait_until("Salesforce answers", || {
            reqwest::blocking::get(format!("{salesforce_url}/__sim/healthz")).is_ok()
        });
        let mapping = folder.path().join("lead.sdl");
        std::fs::copy(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/mappings/lead.sdl"),
            &mapping,
        )
        .unwrap();
        let settings = [
            ("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string()),
            ("REDIS_URL", redis.url()),
            ("QUEUE_LEASE", "3s".to_owned()),
            ("SALESFORCE_LOGIN_URL", salesforce_url.clone()),
            ("SALESFORCE_CLIENT_ID", "batch-sync".to_owned()),
            ("SALESFORCE_CLIENT_SECRET", "local-only-secret".to_owned()),
            ("SALESFORCE_OBJECT", "Lead".to_owned()),
            ("SALESFORCE_EXTERNAL_ID", "External_Id__c".to_owned()),
            ("MAPPING_FILE", mapping.to_str().unwrap().to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
        Self { redis, azurite, salesforce_url, settings, folder, _salesforce: salesforce }
    }

    /// Changes a setting of the programs started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Maps columns to fields otherwise, for consumers started from now on.
    pub(crate) fn set_mapping(&mut self, sdl: &str) {
        let path = self.folder.path().join("other.sdl");
        std::fs::write(&path, sdl).unwrap();
        self.set("MAPPING_FILE", path.to_str().unwrap());
    }

    pub(crate) fn program(&self, name: &'static str, arguments: &[&str]) -> Program {
        self.program_with(name, &[], arguments)
    }

    /// A program with settings of its own beside those of all others.
    pub(crate) fn program_with(
        &self,
        name: &'static str,
        own: &[(&str, String)],
        arguments: &[&str],
    ) -> Program {
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        // What these start is not checked before, but for scenes that say how to sign in: others show
        // what consumers do.
        let starts = ["sync", "replay", "resume", "serve"];
        let is_blind =
            name == "producer" && arguments.first().is_some_and(|first| starts.contains(first));
        let general = self.settings.iter().filter(|(name, _)| !is_blind || !is_sign_in(name));
        let settings: Vec<_> = general.cloned().chain(own).collect();
        Program::start(name, self.folder.path(), &settings, arguments)
    }

    /// Where a file of this name lies beside the programs, with this content.
    pub(crate) fn local_file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn consumer(&self) -> Program {
        self.program("consumer", &[])
    }

    /// A consumer that knows of no load but those of runs.
    pub(crate) fn consumer_without_load(&self) -> Program {
        self.program_with("consumer", &no_load(), &[])
    }

    /// Where programs run, and leave what they say.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Leaves the programs' output where it is when this is dropped, and says where.
    pub(crate) fn keep_logs(&mut self) -> &std::path::Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Changes what goes wrong at Salesforce.
    pub(crate) fn set_faults(&self, faults: &Value) {
        self.tell_salesforce("faults", faults);
    }

    /// What goes wrong at Salesforce now.
    pub(crate) fn faults(&self) -> Value {
        self.ask_salesforce("faults")
    }

    pub(crate) fn tell_salesforce(&self, what: &str, body: &Value) {
        let client = reqwest::blocking::Client::new();
        let url = format!("{}/__sim/{what}", self.salesforce_url);
        let answer = client.post(url).body(body.to_string()).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    }

    /// How often each fault came to pass at Salesforce, and the rest of its state.
    pub(crate) fn salesforce_state(&self) -> Value {
        self.ask_salesforce("state")
    }

    /// The last calls, oldest first.
    pub(crate) fn salesforce_requests(&self) -> Value {
        self.ask_salesforce("requests")
    }

    fn ask_salesforce(&self, what: &str) -> Value {
        let url = format!("{}/__sim/{what}", self.salesforce_url);
        serde_json::from_str(&reqwest::blocking::get(url).unwrap().text().unwrap()).unwrap()
    }

    /// Generates [`FILE`] with seed 7.
    pub(crate) fn generate(&self, rows: u64, more: &[&str]) {
        let rows = rows.to_string();
        let mut arguments = vec!["--file", FILE, "--rows", &rows, "--seed", "7"];
        arguments.extend(more);
        let ended = self.program("generate-upload", &arguments).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    pub(crate) fn sync(&self, arguments: &[&str]) -> Program {
        let mut all = vec!["sync", "--file", FILE];
        all.extend(arguments);
        self.program("producer", &all)
    }

    /// The report of a run.
    pub(crate) fn report(&self, run: &str) -> Report {
        let ended = self.program("producer", &["show", run, "--json"]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        Report::of(&ended)
    }

    /// Puts `content` into the container.
    pub(crate) fn put(&self, name: &str, content: impl Into<Bytes>) {
        let content = content.into();
        block_on(async {
            let store = self.store();
            store.create_container().await.unwrap();
            let mut writer = store.write(name, Overwrite::Replace).await.unwrap();
            writer.write(content).await.unwrap();
            writer.commit().await.unwrap();
        });
    }

    pub(crate) fn get(&self, name: &str) -> Bytes {
        block_on(async {
            let store = self.store();
            let blob = store.properties(name).await.unwrap();
            let chunks = store.read(name, &blob.etag, blob.bytes, 0, Default::default());
            let content: BytesMut = chunks.map_ok(BytesMut::from).try_concat().await.unwrap();
            content.freeze()
        })
    }

    pub(crate) fn store(&self) -> BlobStore {
        BlobStore::connect(&BlobArgs {
            azure_storage_connection_string: Some(self.azurite.connection_string().into()),
            azure_storage_account_url: None,
            azure_container: "high-volume-ingest".to_owned(),
            azure_allow_http: false,
        })
        .unwrap()
    }

    /// The settings with which a producer signs in, beside those that all programs have.
    pub(crate) fn sign_in(&self) -> Vec<(&'static str, String)> {
        let value = |name: &str| {
            let known = self.settings.iter().find(|(known, _)| known == name);
            known.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        SIGN_IN.map(|name| (name, value(name))).into()
    }

    /// What Salesforce holds: by external id, the other fields and how often it
    /// was written.
    pub(crate) fn leads(&self) -> BTreeMap<String, Value> {
        let url = format!("{}/__sim/rows/Lead", self.salesforce_url);
        let text = reqwest::blocking::get(url).unwrap().text().unwrap();
        text.lines()
            .map(|line| {
                let lead: Value = serde_json::from_str(line).unwrap();
                (lead["External_Id__c"].as_str().unwrap().to_owned(), lead)
            })
            .collect()
    }

    /// Rows of all parts of the rejects file of a run: the record's cells as they came, then
    /// record number, code and message.
    pub(crate) fn rejects(&self, run: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for name in self.names_of_parts(run) {
            let content = self.get(&name);
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&content[..]);
            let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
            rows.extend(reader.byte_records().map(|row| row.unwrap().iter().map(text).collect()));
        }
        rows
    }

    /// Lines of each part of it.
    pub(crate) fn rejects_parts(&self, run: &str) -> Vec<Vec<String>> {
        self.names_of_parts(run).iter().map(|name| self.rejects_lines(name)).collect()
    }

    /// Lines of one of its parts, without the header.
    pub(crate) fn rejects_lines(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8(self.get(name).into()).unwrap();
        text.split_inclusive('\n').skip(1).map(str::to_owned).collect()
    }

    fn names_of_parts(&self, run: &str) -> Vec<String> {
        let is_there = |name: &String| block_on(self.store().properties(name)).is_ok();
        let others = (2..).map(|part| format!("rejects/{run}.{part}.csv"));
        [format!("rejects/{run}.csv")].into_iter().chain(others).take_while(is_there).collect()
    }

    pub(crate) fn wait_until_rows_arrive(&self, rows: usize) {
        wait_until("rows arrive", || self.leads().len() > rows);
    }
}

const SIGN_IN: [&str; 2] = ["SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"];

fn is_sign_in(name: &str) -> bool {
    SIGN_IN.contains(&name)
}

/// Settings of a program that names no load. An empty variable counts as not set.
pub(crate) fn no_load() -> [(&'static str, String); 4] {
    ["SALESFORCE_OBJECT", "SALESFORCE_OPERATION", "SALESFORCE_EXTERNAL_ID", "MAPPING_FILE"]
        .map(|name| (name, String::new()))
}

/// A run's report as JSON.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    pub(crate) fn of(ended: &Ended) -> Self {
        Self(
            serde_json::from_str(&ended.stdout)
                .unwrap_or_else(|error| panic!("{error}: {ended:?}")),
        )
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {}", self.0))
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("no text {field} in {}", self.0))
    }

    pub(crate) fn list(&self, field: &str) -> Vec<String> {
        serde_json::from_value(self.0[field].clone())
            .unwrap_or_else(|error| panic!("{error}: no {field} in {}", self.0))
    }

    pub(crate) fn by_code(&self, code: &str) -> u64 {
        self.0["rejectedByCode"][code].as_u64().unwrap_or_default()
    }

    /// Rows read are rows delivered and rows rejected.
    pub(crate) fn assert_it_adds_up(&self, rows: u64) {
        let figures = ["read", "delivered", "rejected", "unfinished"].map(|name| self.number(name));
        let [read, delivered, rejected, unfinished] = figures;
        assert_eq!((read, delivered + rejected, unfinished), (rows, rows, 0), "{self:?}");
        assert_eq!(self.number("batchesFed"), self.number("batchesSettled"), "{self:?}");
        assert_eq!(self.text("status"), "completed");
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}
