//! Many small runs beside a large one: each ends within a bound that does not depend on the large
//! one's size, and what is done to one of them changes no other. `RUNS=100 ROWS=2000000` makes more
//! of them, and a larger one.

use std::{io::Write as _, time::Instant};

use serde_json::{Value, json};

use crate::{
    kinds::{CONTACTS, Kind, LEADS},
    pipeline::{Pipeline, no_load},
    processes::{setting, wait_until},
    records::sheet,
    server::{SERVE, Server},
};

const SMALL_ROWS: u64 = 1_000;
/// Of a run by Collections.
const BATCH_ROWS: u64 = 200;

/// A run that was started over HTTP.
struct Run {
    id: String,
    file: String,
}

/// A server for each of two kinds, and no consumer yet.
struct Office {
    pipeline: Pipeline,
    leads: Server,
    contacts: Server,
}

impl Office {
    fn open() -> Self {
        let pipeline = Pipeline::with_salesforce(&["--latency-ms=50"]);
        let server = |kind: Kind| Server::of(kind.program(&pipeline, "producer", &SERVE));
        let (leads, contacts) = (server(LEADS), server(CONTACTS));
        Self { pipeline, leads, contacts }
    }

    /// Starts a run of a file of its own, whose keys begin with its name.
    fn start(&self, server: &Server, name: &str, rows: u64) -> Run {
        let file = format!("{name}.csv");
        self.pipeline.put(&file, sheet(&format!("{name}-"), rows, 0));
        Run { id: server.start_run(&file), file }
    }

    /// Any server answers for any run.
    fn report(&self, run: &Run) -> Value {
        self.leads.report(&run.id)
    }

    fn number(&self, run: &Run, field: &str) -> u64 {
        self.report(run)[field].as_u64().unwrap()
    }

    fn is(&self, run: &Run, status: &str) -> bool {
        self.leads.status(&run.id) == status
    }

    /// Records of the object with the keys of a run.
    fn stored(&self, kind: &Kind, run: &Run) -> u64 {
        let (field, prefix) = (kind.external_id, run.file.replace(".csv", "-"));
        let is_of_run =
            |record: &Value| record[field].as_str().is_some_and(|key| key.starts_with(&prefix));
        self.pipeline.records(kind.object).iter().filter(|record| is_of_run(record)).count() as u64
    }

    /// Salesforce is full for the rows of one run, or for none.
    fn is_full_for(&self, name: Option<&str>) {
        let full = |name: &str| {
            json!({
                "keyPrefix": format!("{name}-"), "statusCode": "STORAGE_LIMIT_EXCEEDED",
                "message": "storage limit exceeded",
            })
        };
        self.pipeline.set_faults(&json!({"rowErrors": Vec::from_iter(name.map(full))}));
    }

    /// All rows of small runs are new records with their values, at the first try.
    fn assert_went_well(&self, kind: &Kind, runs: &[Run]) {
        let files: Vec<&str> = runs.iter().map(|run| run.file.as_str()).collect();
        let is_meant = |key: &str| key.starts_with("small") || key.starts_with("paused-");
        self.pipeline.assert_holds_of_some(kind, &files, is_meant);
        for run in runs {
            let report = self.report(run);
            let figures = ["created", "rejected", "unfinished", "retried", "apiCalls"];
            let figures = figures.map(|name| report[name].as_u64().unwrap());
            assert_eq!(figures, [SMALL_ROWS, 0, 0, 0, SMALL_ROWS / BATCH_ROWS], "{report}");
        }
    }
}

#[test]
fn each_of_many_small_runs_ends_soon_beside_a_large_one_whatever_becomes_of_the_others() {
    let (runs, large_rows) = (setting("RUNS").unwrap_or(24), setting("ROWS").unwrap_or(400_000));
    let office = Office::open();
    let large = office.start(&office.leads, "large", large_rows);
    wait_until("the queue is full of it, or has all of it", || {
        office.is(&large, "waiting") || office.is(&large, "draining")
    });
    let mut small_leads = Vec::new();
    let mut small_contacts = Vec::new();
    for number in 0..runs {
        let name = format!("small{number}");
        match number % 3 {
            0 => small_contacts.push(office.start(&office.contacts, &name, SMALL_ROWS)),
            _ => small_leads.push(office.start(&office.leads, &name, SMALL_ROWS)),
        }
    }
    let paused = office.start(&office.leads, "paused", SMALL_ROWS);
    office.leads.tell(&paused.id, "pause");
    let cancelled = office.start(&office.leads, "cancelled", SMALL_ROWS);
    office.is_full_for(Some("held"));
    let held = office.start(&office.leads, "held", SMALL_ROWS);
    office.pipeline.put("misfit.csv", "Key,Email\nmisfit-1,a@example.com\n");
    let misfit = office.leads.start_run("misfit.csv");
    office.pipeline.put("nobodys.csv", sheet("nobodys-", SMALL_ROWS, 0));
    let no_wait = ["sync", "--file", "nobodys.csv", "--run-id", "nobodys", "--no-wait"];
    let ended = office.pipeline.program_with("producer", &no_load(), &no_wait).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = || small_leads.iter().chain(&small_contacts);
    wait_until("all are queued", || {
        all().chain([&cancelled, &held]).all(|run| office.is(run, "draining"))
    });

    let _consumers = [(); 3].map(|()| office.pipeline.consumer_without_load());
    let begun = Instant::now();
    office.leads.tell(&cancelled.id, "cancel");

    // In turn: the large run has a batch done for each of a small one, and what is done until that
    // is seen.
    let batches_at_most = small_leads.len() as u64 * SMALL_ROWS / BATCH_ROWS + 100;
    let mut large_batches = 0;
    wait_until("all small runs for leads have ended", || {
        large_batches = office.number(&large, "batchesSettled");
        let ended = small_leads.iter().filter(|run| office.is(run, "completed")).count();
        assert!(
            large_batches < batches_at_most,
            "{large_batches} batches of the large run are done, and {ended} small runs"
        );
        ended == small_leads.len()
    });
    let leads_took = begun.elapsed();
    wait_until("those for contacts too", || all().all(|run| office.is(run, "completed")));
    let _nobody_listens = writeln!(
        std::io::stderr(),
        "{runs} runs of {SMALL_ROWS} rows beside one of {large_rows}: those for leads took {:.1} s, \
         all {:.1} s; of the large one {large_batches} batches were done",
        leads_took.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );

    // Tried again by itself now and then, it is held again.
    wait_until("the run that met a full org is held", || office.is(&held, "held"));
    let why = office.report(&held)["held"]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("STORAGE_LIMIT_EXCEEDED"), "{why}");
    assert_eq!(office.stored(&LEADS, &held), 0);
    assert!(!office.is(&large, "held"), "of another run");
    office.is_full_for(None);
    office.leads.tell(&held.id, "resume");
    wait_until("it has ended when there is room", || office.is(&held, "completed"));
    let report = office.report(&held);
    let figures = ["created", "rejected", "unfinished"].map(|name| &report[name]);
    assert_eq!(json!(figures), json!([SMALL_ROWS, 0, 0]), "{report}");
    let is_of_held = |key: &str| key.starts_with("held-");
    office.pipeline.assert_holds_of_some(&LEADS, &[&held.file], is_of_held);

    assert_eq!((office.stored(&LEADS, &paused), office.is(&paused, "paused")), (0, true));
    office.leads.tell(&paused.id, "resume");
    wait_until("the resumed run has ended", || office.is(&paused, "completed"));
    assert!(
        office.number(&large, "batchesSettled") < large_rows / BATCH_ROWS,
        "it was no large one"
    );
    office.leads.tell(&large.id, "cancel");
    for run in [&cancelled, &large] {
        wait_until("a cancelled run has ended", || office.is(run, "cancelled"));
        let report = office.report(run);
        let of = |field: &str| report[field].as_u64().unwrap();
        assert_eq!(of("delivered") + of("cancelled"), of("read"), "{report}");
        assert_eq!(office.stored(&LEADS, run), of("delivered"), "{report}");
    }

    small_leads.push(paused);
    office.assert_went_well(&LEADS, &small_leads);
    office.assert_went_well(&CONTACTS, &small_contacts);
    let misfit = office.leads.report(&misfit);
    assert!([json!("failed"), json!("held")].contains(&misfit["status"]), "{misfit}");
    assert_eq!(misfit["delivered"], 0, "{misfit}");
    let nobodys = office.pipeline.shown("nobodys").unwrap();
    assert_eq!(
        (&nobodys["status"], &nobodys["unfinished"]),
        (&json!("draining"), &json!(SMALL_ROWS))
    );
    assert!(nobodys["waitingFor"].as_str().is_some_and(|why| why.contains("load")), "{nobodys}");
}
