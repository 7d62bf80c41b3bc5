//! What a run loads is part of the run: any consumer delivers it, and no consumer changes it.

use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::json;
use test_support::wait_at_most;

use crate::{
    kinds::{CONTACTS, Kind, LEADS},
    pipeline::{Pipeline, Report, no_load},
    processes::{Program, pause_for, wait_until},
    records::sheet,
};

const UPDATES: Kind = Kind {
    name: "updates",
    object: "Lead",
    operation: "update",
    external_id: "Id",
    mapping: "Id=Id\nName=LastName\nCompany=Company\n",
};

/// They look at the column `Id` only.
const DELETES: Kind = Kind { name: "deletes", operation: "delete", ..UPDATES };

/// The same columns fill other fields.
const SWAPPED_LEADS: Kind = Kind {
    name: "swapped-leads",
    mapping: "Key=External_Id__c\nCompany=LastName\nEmail=Email\nName=Company\n",
    ..LEADS
};

/// The file has not all of these columns.
const WIDER_LEADS: Kind = Kind {
    name: "wider-leads",
    mapping: "Key=External_Id__c\nName=LastName\nCompany=Company\nVendor=Title\n",
    ..LEADS
};

/// Rows of a sheet become accounts.
const ACCOUNTS: Kind = Kind {
    name: "accounts",
    object: "Account",
    operation: "upsert",
    external_id: "ErpKey__c",
    mapping: "Key=ErpKey__c\nName=Name\nCompany=AccountNumber\n",
};

/// Rows of a sheet become records of a custom object.
const GADGETS: Kind = Kind {
    name: "gadgets",
    object: "Gadget__c",
    operation: "upsert",
    external_id: "Key__c",
    mapping: "Key=Key__c\nName=Name\nEmail=Mail__c\n",
};

const GADGET_SCHEMA: &str =
    concat!("--schema=", env!("CARGO_MANIFEST_DIR"), "/tests/pipeline/gadget.json");

/// One file of loads for three objects, whose columns have the same names.
const LOADS: &str = r#"
[loads.accounts]
object = "Account"
external-id = "ErpKey__c"
files = ["accounts*.csv"]
columns = { Key = "ErpKey__c", Name = "Name", Company = "AccountNumber" }

[loads.contacts]
object = "Contact"
external-id = "LegacyId__c"
files = ["contacts*.csv"]
mapping = "contacts.sdl"
@API@

[loads.gadgets]
object = "Gadget__c"
external-id = "Key__c"
files = ["gadgets*.csv"]
columns = { Key = "Key__c", Name = "Name", Email = "Mail__c" }
"#;

/// A run that says nothing of what it loads.
fn sync_without_load(pipeline: &Pipeline, run: &str, file: &str) -> Program {
    let arguments = ["sync", "--file", file, "--run-id", run, "--json"];
    pipeline.program_with("producer", &no_load(), &arguments)
}

/// A run of a file that a pattern of the loads file fits.
fn sync_by_pattern(pipeline: &Pipeline, loads: &str, file: &str) -> Program {
    let arguments = ["sync", "--file", file, "--run-id", file, "--loads-file", loads, "--json"];
    pipeline.program_with("producer", &no_load(), &arguments)
}

/// Leads that are there, and a file with another name and company for each of them.
fn leads_and_their_changes(pipeline: &Pipeline, rows: u64) {
    pipeline.put("leads.csv", sheet("L", rows, 0));
    let consumer = LEADS.consumer(pipeline);
    let ended = LEADS.sync(pipeline, "leads", "leads.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    consumer.signal("TERM");
    consumer.end();
    let mut changes = "Id,Name,Company\n".to_owned();
    for (lead, number) in pipeline.records("Lead").iter().zip(1..) {
        writeln!(changes, "{},New name {number},New company", lead["Id"].as_str().unwrap())
            .unwrap();
    }
    pipeline.put("changes.csv", changes);
}

#[test]
fn three_objects_go_through_the_same_three_consumers_and_each_row_becomes_what_its_run_says() {
    for api in ["collections", "bulk"] {
        let mut pipeline = Pipeline::with_salesforce(&[GADGET_SCHEMA, "--latency-ms=30"]);
        pipeline.set("QUEUE_LEASE", "1s");
        pipeline.local_file("contacts.sdl", CONTACTS.mapping);
        // Both APIs at once: the contacts go by the other one.
        let other = if api == "bulk" { "collections" } else { "bulk" };
        let loads = format!(
            "[defaults]\napi = \"{api}\"\n{}",
            LOADS.replace("@API@", &format!("api = \"{other}\""))
        );
        let loads = pipeline.local_file("loads.toml", &loads);
        let objects = [(ACCOUNTS, "accounts"), (CONTACTS, "contacts"), (GADGETS, "gadgets")];
        let rows = 6_000;
        let mut syncs = Vec::new();
        for (_, name) in objects {
            let file = format!("{name}-1.csv");
            // Keys in common too: nothing but its run tells what a row is.
            pipeline.put(&file, sheet("K", rows, 0));
            syncs.push(sync_by_pattern(&pipeline, &loads, &file));
        }
        // Whatever their own settings say.
        let start = |nth: usize| match nth % 3 {
            0 => pipeline.consumer_without_load(),
            1 => LEADS.program(&pipeline, "consumer", &[]),
            _ => pipeline.consumer_without_load(),
        };
        let mut consumers: Vec<Program> = (0..3).map(start).collect();
        let stored = || -> usize {
            objects.iter().map(|(kind, _)| pipeline.records(kind.object).len()).sum()
        };
        let mut rng = Rng::with_seed(14);
        for round in 1..=4 {
            wait_at_most(60, "rows arrive", || stored() > round * 2_000);
            let victim = rng.usize(..3);
            std::mem::replace(&mut consumers[victim], start(victim)).kill();
        }

        for sync in syncs {
            let ended = sync.end();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            Report::of(&ended).assert_it_adds_up(rows);
        }
        for (kind, name) in objects {
            pipeline.assert_holds(&kind, &[&format!("{name}-1.csv")]);
        }
        assert_eq!(
            pipeline.records("Lead").len(),
            0,
            "a consumer's own load is for no run of another"
        );
    }
}

#[test]
fn a_run_meant_to_update_is_delivered_as_such_by_consumers_that_delete() {
    let pipeline = Pipeline::start();
    let rows = 1_000;
    leads_and_their_changes(&pipeline, rows);
    let _deletes = DELETES.consumer(&pipeline);

    let ended = UPDATES.sync(&pipeline, "changes", "changes.csv").end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    pipeline.assert_holds(&UPDATES, &["changes.csv"]);
}

#[test]
fn a_run_that_says_nothing_waits_for_who_says_it_and_nothing_is_deleted() {
    let pipeline = Pipeline::start();
    let rows = 300;
    leads_and_their_changes(&pipeline, rows);
    let before = pipeline.records("Lead");
    let _deletes = DELETES.consumer(&pipeline);

    let sync = sync_without_load(&pipeline, "changes", "changes.csv");
    wait_at_most(30, "the run says what it waits for", || {
        pipeline.shown_text("changes", "waitingFor").contains("load")
    });
    // Consumers have looked for runs without a load some times by then.
    pause_for(3_000);
    assert!(pipeline.records("Lead") == before, "records were changed or deleted");

    let _updates = UPDATES.consumer(&pipeline);
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    pipeline.assert_holds(&UPDATES, &["changes.csv"]);
}

#[test]
fn a_start_that_names_no_load_is_refused_while_consumers_of_two_are_alive() {
    let pipeline = Pipeline::start();
    let rows = 300;
    leads_and_their_changes(&pipeline, rows);
    let _consumers = [UPDATES, LEADS].map(|kind| kind.consumer(&pipeline));
    let before = pipeline.records("Lead");

    let refused = sync_without_load(&pipeline, "changes", "changes.csv").end();

    assert!(pipeline.records("Lead") == before, "records were changed");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for word in ["update Lead", "upsert Lead", "--object", "--load"] {
        assert!(refused.stderr.contains(word), "no `{word}`: {refused:?}");
    }
    assert_eq!(pipeline.shown("changes"), None, "no run is entered");
    let ended = UPDATES.sync(&pipeline, "changes", "changes.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&UPDATES, &["changes.csv"]);
}

#[test]
fn a_mapping_that_consumers_change_in_mid_run_changes_no_row_of_the_run() {
    for kind in [SWAPPED_LEADS, WIDER_LEADS] {
        let pipeline = Pipeline::with_salesforce(&["--latency-ms=50"]);
        let rows = 8_000;
        pipeline.put("leads.csv", sheet("L", rows, 0));
        let before = LEADS.consumer(&pipeline);
        // Nobody says what it is but the consumer.
        let sync = sync_without_load(&pipeline, "leads", "leads.csv");
        wait_until("rows arrive", || pipeline.records("Lead").len() > 300);
        before.kill();

        let _after = kind.consumer(&pipeline);
        let ended = sync.end();

        assert_eq!(ended.code, Some(0), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(rows);
        pipeline.assert_holds(&LEADS, &["leads.csv"]);
    }
}

#[test]
fn a_start_whose_mapping_is_not_that_of_the_consumers_is_refused() {
    let pipeline = Pipeline::start();
    pipeline.put("leads.csv", sheet("L", 100, 0));
    let _consumer = LEADS.consumer(&pipeline);

    let refused = SWAPPED_LEADS.sync(&pipeline, "leads", "leads.csv").end();

    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("mapping"), "{refused:?}");
    assert_eq!(pipeline.shown("leads"), None, "no run is entered");
}

#[test]
fn a_run_under_another_load_is_refused_and_the_difference_is_named() {
    let pipeline = Pipeline::start();
    pipeline.put("leads.csv", sheet("L", 100, 0));
    let open = ["sync", "--file", "leads.csv", "--run-id", "leads", "--no-wait"];
    assert_eq!(LEADS.program(&pipeline, "producer", &open).end().code, Some(0));

    let refused = CONTACTS.sync(&pipeline, "leads", "leads.csv").end();

    assert_eq!(refused.code, Some(2), "{refused:?}");
    for word in ["Lead", "Contact"] {
        assert!(refused.stderr.contains(word), "no `{word}`: {refused:?}");
    }
    let _consumer = pipeline.consumer_without_load();
    let ended = LEADS.sync(&pipeline, "leads", "leads.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&LEADS, &["leads.csv"]);
    assert_eq!(pipeline.records("Contact").len(), 0);
}

#[test]
fn a_run_that_does_not_fit_the_org_fails_alone() {
    const UNKNOWN: Kind = Kind { name: "unknown", object: "Vendor__c", ..LEADS };
    let pipeline = Pipeline::start();
    pipeline.put("leads.csv", sheet("L", 2_000, 0));
    pipeline.put("vendors.csv", sheet("V", 100, 0));
    let mut consumer = pipeline.consumer_without_load();

    let [vendors, leads] = [(UNKNOWN, "vendors"), (LEADS, "leads")]
        .map(|(kind, name)| kind.sync(&pipeline, name, &format!("{name}.csv")));
    let (vendors, leads) = (vendors.end(), leads.end());

    assert_eq!(vendors.code, Some(1), "{vendors:?}");
    assert!(vendors.stderr.contains("Vendor__c"), "{vendors:?}");
    assert_eq!(leads.code, Some(0), "{leads:?}");
    assert!(consumer.is_running(), "{}", consumer.stderr());
    pipeline.assert_holds(&LEADS, &["leads.csv"]);
}

#[test]
fn a_consumer_of_another_org_refuses_the_queue_and_sends_nothing() {
    let pipeline = Pipeline::start();
    let sandbox = Pipeline::with_salesforce(&["--org-id=00DS2000000OtherAB"]);
    pipeline.put("leads.csv", sheet("L", 200, 0));
    let own = LEADS.consumer(&pipeline);
    own.signal("TERM");
    own.end();
    let sync = LEADS.sync(&pipeline, "leads", "leads.csv");

    let there = [("SALESFORCE_LOGIN_URL", sandbox.salesforce_url.clone())];
    let refused = pipeline.program_with("consumer", &there, &[]).end();

    assert_ne!(refused.code, Some(0), "{refused:?}");
    for word in ["00DS2", "00DS1", "--adopt-org"] {
        assert!(refused.stderr.contains(word), "no `{word}`: {refused:?}");
    }
    assert_eq!(sandbox.records("Lead").len(), 0);
    let own = LEADS.consumer(&pipeline);
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&LEADS, &["leads.csv"]);

    // After a refresh of the sandbox, say: a person means it.
    pipeline.put("more.csv", sheet("M", 200, 0));
    let in_use = pipeline.program_with("consumer", &there, &["--adopt-org"]).end();
    assert_ne!(in_use.code, Some(0), "{in_use:?}");
    assert!(in_use.stderr.contains("stop all of them"), "{in_use:?}");
    own.signal("TERM");
    own.end();
    let adopting = pipeline.program_with("consumer", &there, &["--adopt-org"]);
    let ended = LEADS.sync(&pipeline, "more", "more.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?} {}", adopting.stderr());
    assert_eq!(sandbox.records("Lead").len(), 200);
}

#[test]
fn mistakes_in_a_loads_file_are_named_with_their_line_and_nothing_is_entered() {
    let pipeline = Pipeline::start();
    pipeline.put("contacts.csv", sheet("C", 10, 0));
    let cases = [
        ("[loads.c]\nobjekt = \"Contact\"\n", "line 2", "object"),
        ("[loads.c]\nobject = \"Contact\"\noperation = \"merge\"\n", "line 3", "upsert"),
        ("[loads.c]\nobject = \"Con tact\"\n", "line 2", "API name"),
        ("[loads.c]\nobject = \"Contact\"\n", "c", "external-id"),
        ("[loads.c]\nobject = \"Contact\nexternal-id = 3\n", "line 2", ""),
        (
            "[loads.a]\nobject = \"Account\"\nexternal-id = \"K__c\"\nafter = [\"b\"]\n\
             [loads.b]\nobject = \"Account\"\nexternal-id = \"K__c\"\nafter = [\"a\"]\n",
            "line ",
            "b",
        ),
        (
            "[loads.a]\nobject = \"Account\"\nexternal-id = \"K__c\"\nfiles = [\"con*.csv\"]\n\
             [loads.b]\nobject = \"Account\"\nexternal-id = \"K__c\"\nfiles = [\"*s.csv\"]\n",
            "a",
            "--load",
        ),
    ];
    for (text, place, hint) in cases {
        let loads = pipeline.local_file("loads.toml", text);
        let refused = sync_by_pattern(&pipeline, &loads, "contacts.csv").end();
        assert_eq!(refused.code, Some(2), "{text}: {refused:?}");
        for word in [place, hint] {
            assert!(refused.stderr.contains(word), "{text}: no `{word}`: {}", refused.stderr);
        }
        assert_eq!(pipeline.shown("contacts.csv"), None, "{text}: no run is entered");
    }
}

/// Some seconds for all calls at once.
const HUGE_ROWS: u64 = 60_000;

#[test]
fn a_small_run_of_another_object_ends_soon_beside_a_huge_one() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=400"]);
    pipeline.put("huge.csv", sheet("H", HUGE_ROWS, 0));
    pipeline.put("small.csv", sheet("S", 500, 0));
    let _consumers = [(); 2].map(|()| pipeline.consumer_without_load());
    let huge = LEADS.sync(&pipeline, "huge", "huge.csv");
    wait_until("rows arrive", || pipeline.records("Lead").len() > 2_000);

    let ended = CONTACTS.sync(&pipeline, "small", "small.csv").end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let delivered = pipeline.report("huge").number("delivered");
    assert!(delivered < HUGE_ROWS * 3 / 4, "{delivered} rows of the huge one went before");
    pipeline.assert_holds(&CONTACTS, &["small.csv"]);
    pipeline.set_faults(&json!({"latencyMs": 0}));
    assert_eq!(huge.end().code, Some(0));
}
