//! What a run loads, from a shell.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use job_queue::{OutageKind, RunLoad};
use load::{Load, LoadSettings};
use redis::Commands;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::load_of;

use crate::support::{FILE, Fixture, block_on, command, load, producer, stderr, stdout};

const LOADS: &str = r#"
[loads.contacts]
object = "Contact"
external-id = "Key__c"
files = ["big*.csv"]
mapping = "contacts.sdl"

[loads.accounts]
object = "Account"
external-id = "ErpKey__c"
columns = { ExternalId = "ErpKey__c", Name = "Name" }
api = "bulk"
ids = true
after = ["contacts"]
"#;

/// A folder with a file of loads, and a mapping.
fn loads(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loads.toml");
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("contacts.sdl"), "ExternalId=Key__c\nName=LastName\n").unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// A default load of consumers.
fn default_load(settings: LoadSettings) -> RunLoad {
    RunLoad::new("default", &Load::new(&settings).unwrap())
}

fn leads() -> LoadSettings {
    LoadSettings {
        object: Some("Lead".to_owned()),
        external_id: Some("Key__c".to_owned()),
        ..LoadSettings::default()
    }
}

/// The same, in the environment.
const LEADS: [(&str, &str); 2] =
    [("SALESFORCE_OBJECT", "Lead"), ("SALESFORCE_EXTERNAL_ID", "Key__c")];

/// A run's report, which is on stdout.
fn report(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const SYNC: [&str; 6] = ["sync", "--file", FILE, "--no-wait", "--json", "--yes"];

/// A start with further settings and arguments.
fn start(fixture: &Fixture, settings: &[(&str, &str)], more: &[&str]) -> Output {
    fixture.producer_with(settings, &[&SYNC[..], more].concat())
}

/// The report of a start, whose run is cancelled then.
fn started(fixture: &Fixture, settings: &[(&str, &str)], more: &[&str]) -> Value {
    let report = report(&start(fixture, settings, more));
    fixture.told(&["cancel", report["run"].as_str().unwrap(), "--yes"]);
    report
}

/// The words of a start that is wrong usage.
fn refused(fixture: &Fixture, settings: &[(&str, &str)], more: &[&str]) -> String {
    let refused = start(fixture, settings, more);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(stdout(&refused), "", "an error is no data");
    stderr(&refused)
}

fn assert_says(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "no {part:?}: {words}");
    }
}

/// Nothing is in the ledger.
fn assert_no_run(fixture: &Fixture) {
    assert_eq!(stdout(&fixture.producer(&["runs", "--json"])).trim(), "[]", "a run was begun");
}

/// In short.
fn does(report: &Value) -> String {
    let load = &report["load"];
    let part = |name: &str| load[name].as_str().unwrap_or("nothing").to_owned();
    format!("{}: {} {} by {}", part("name"), part("operation"), part("object"), part("externalId"))
}

#[test]
fn a_name_comes_before_a_pattern_a_pattern_before_the_environment_and_flags_change_any() {
    let fixture = Fixture::with_rows(10);
    let (_folder, path) = loads(LOADS);
    let file = ("LOADS_FILE", path.as_str());
    let all = [&LEADS[..], &[file]].concat();
    let deleting = [&LEADS[..], &[("SALESFORCE_OPERATION", "delete")]].concat();
    let by_flags = ["--object", "Task", "--operation", "insert"];

    for (settings, arguments, expected) in [
        (&[][..], &[][..], "nothing: nothing nothing by nothing"),
        (&LEADS, &[], "default: upsert Lead by Key__c"),
        (&[], &by_flags, "flags: insert Task by nothing"),
        (&LEADS, &["--operation", "update"], "default: update Lead by Key__c"),
        (&[file], &[], "contacts: upsert Contact by Key__c"),
        (&[], &["--loads-file", &path], "contacts: upsert Contact by Key__c"),
        (&all, &[], "contacts: upsert Contact by Key__c"),
        (&all, &["--load", "default"], "default: upsert Lead by Key__c"),
        (&all, &["--load", "accounts"], "accounts: upsert Account by ErpKey__c"),
        (
            &all,
            &["--load", "accounts", "--external-id", "NAME"],
            "accounts: upsert Account by NAME",
        ),
        // What deletes leads deletes nothing else.
        (&deleting, &["--object", "Contact", "--external-id", "A"], "flags: upsert Contact by A"),
        (&deleting, &["--object", "LEAD"], "default: delete LEAD by Key__c"),
        (
            &all,
            &["--load", "accounts", "--operation=delete"],
            "accounts: delete Account by ErpKey__c",
        ),
    ] {
        let report = started(&fixture, settings, arguments);
        assert_eq!(does(&report), expected, "{settings:?} {arguments:?}");
    }
    let shown = stdout(&fixture.producer(&["runs"]));
    assert!(shown.contains("  delete Account  "), "{shown}");
}

#[test]
fn the_load_of_the_environment_may_be_in_a_dotenv() {
    let fixture = Fixture::with_rows(10);
    let folder = tempfile::tempdir().unwrap();
    let dotenv = "SALESFORCE_OBJECT=Lead\nSALESFORCE_EXTERNAL_ID=Key__c\nSALESFORCE_OPERATION=\n";
    fs::write(folder.path().join(".env"), dotenv).unwrap();
    let settings = fixture.settings();
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

    let output = command(&settings, &SYNC).current_dir(folder.path()).output().unwrap();

    assert_eq!(does(&report(&output)), "default: upsert Lead by Key__c");
}

#[test]
fn a_start_that_is_not_clear_is_wrong_usage_and_says_how_to_choose() {
    let fixture = Fixture::with_rows(10);
    let both = [load_of("Contact"), default_load(leads())];
    both.iter().for_each(|load| fixture.show_consumer(load));

    let unclear = refused(&fixture, &[], &[]);

    assert_says(&unclear, &["--object", "--load"]);
    for load in &both {
        assert_says(&unclear, &[&load.summary.to_string()]);
    }
    let (_folder, path) = loads(&LOADS.replace("after", "files = [\"*.csv\"]\nafter"));
    let two_patterns = refused(&fixture, &[("LOADS_FILE", &path)], &[]);
    assert_says(&two_patterns, &["contacts", "accounts", "--load"]);
    let unknown = refused(&fixture, &[("LOADS_FILE", &path)], &["--load", "acounts"]);
    assert_says(&unknown, &["there is no load `acounts`", "did you mean `accounts`?"]);
    assert_no_run(&fixture);
}

#[test]
fn a_file_that_no_pattern_fits_starts_no_run_that_nobody_would_give_a_load() {
    let fixture = Fixture::with_rows(10);
    let (_folder, path) = loads(&LOADS.replace("files", "files = [\"other.csv\"] #"));

    let unfit = refused(&fixture, &[("LOADS_FILE", &path)], &[]);

    assert_says(&unfit, &["no load fits", "--load", "contacts", "accounts", "--object"]);
    assert_no_run(&fixture);
    fixture.show_consumer(&load());
    let report = started(&fixture, &[("LOADS_FILE", &path)], &[]);
    assert_eq!(report["load"], serde_json::to_value(&load().summary).unwrap());
}

#[test]
fn a_start_that_several_defaults_fit_is_begun_by_flags() {
    let fixture = Fixture::with_rows(10);
    let both = [load_of("Contact"), default_load(leads())];
    both.iter().for_each(|load| fixture.show_consumer(load));

    let clear = started(&fixture, &[], &["--object", "Lead", "--external-id", "Key__c"]);
    assert_eq!(does(&clear), "flags: upsert Lead by Key__c");
}

#[test]
fn a_start_that_says_nothing_takes_the_only_default_load_of_the_consumers_at_once() {
    let fixture = Fixture::with_rows(10);
    let deletes = LoadSettings { operation: Some(load::Operation::Delete), ..leads() };
    fixture.show_consumer(&default_load(deletes));

    let nothing = started(&fixture, &[], &[]);
    assert_eq!(nothing["load"], Value::Null, "nothing is deleted for who did not say so");
    let waits = nothing["waitingFor"].as_str().unwrap();
    assert_says(
        waits,
        &["the run has no load", "consumers have delete Lead", "--load or --object"],
    );
    fixture.show_consumer(&load());
    let report = started(&fixture, &[], &[]);

    assert_eq!(report["load"], serde_json::to_value(&load().summary).unwrap());
    let by_bulk = started(&fixture, &[], &["--api", "bulk"]);
    assert_ne!(by_bulk["load"]["id"], report["load"]["id"]);
    assert_eq!(by_bulk["load"]["mapping"], report["load"]["mapping"]);
}

#[test]
fn a_load_that_was_assumed_and_does_not_fit_goes_again_and_one_that_was_said_stays() {
    let fixture = Fixture::with_rows(10);
    fixture.show_consumer(&load());
    for (run, said, expected) in [
        ("assumed", &[][..], Value::Null),
        ("said", &["--object=Contact", "--external-id=K__c"], json!("Contact")),
    ] {
        report(&start(&fixture, &[], &[&["--run-id", run], said].concat()));

        let id = run.parse().unwrap();
        fixture.on_queue(async |queue| queue.fail_run_of_misfit(&id, "no field").await.unwrap());

        assert_eq!(fixture.report(run)["load"]["object"], expected, "{run}");
    }
}

#[test]
fn a_mapping_that_producer_and_consumers_do_not_share_is_refused_unless_somebody_means_it() {
    let fixture = Fixture::with_rows(10);
    let left_out = LoadSettings { leave_out: Some(vec!["Note".to_owned()]), ..leads() };
    fixture.show_consumer(&default_load(left_out));

    let refused = refused(&fixture, &LEADS, &[]);

    assert_says(&refused, &["mapping settings", "upsert Lead", "without Note there", "--load"]);
    assert_no_run(&fixture);
    let with_note = [&LEADS[..], &[("MAPPING_LEAVE_OUT", "Note")]].concat();
    started(&fixture, &with_note, &[]);
    started(&fixture, &LEADS, &["--load", "default"]);
    started(&fixture, &[("SALESFORCE_OBJECT", "Account"), ("SALESFORCE_OPERATION", "insert")], &[]);
    started(&fixture, &LEADS, &["--operation", "update"]);
}

#[test]
fn a_run_keeps_its_load_and_another_one_is_refused_with_the_difference() {
    let fixture = Fixture::with_rows(10);
    let run = ["--run-id", "r"];
    report(&start(&fixture, &LEADS, &run));
    let (_folder, path) = loads(LOADS);

    let other = |settings: &[(&str, &str)], more: &[&str]| {
        refused(&fixture, settings, &[&run[..], more].concat())
    };
    let by_flags = other(&LEADS, &["--dates", "day-first"]);
    let by_pattern = other(&[("LOADS_FILE", &path)], &[]);
    let by_name = other(&[("LOADS_FILE", &path)], &["--load", "accounts"]);
    let by_environment = other(&[LEADS[0], ("SALESFORCE_EXTERNAL_ID", "Other__c")], &[]);
    let by_flags_alone = other(&[], &["--api", "bulk"]);

    for (words, difference) in [
        (by_flags, "dates: month-first in the run, day-first now"),
        (by_pattern, "object: Lead in the run, Contact now"),
        (by_name, "object: Lead in the run, Account now"),
        (by_environment, "external-id: Key__c in the run, Other__c now"),
        (by_flags_alone, "api: collections in the run, bulk now"),
    ] {
        assert_says(&words, &[difference, "producer resume r"]);
    }
    // The same load, and none.
    for settings in [&LEADS[..], &[]] {
        let report = report(&start(&fixture, settings, &run));
        assert_eq!(does(&report), "default: upsert Lead by Key__c");
    }
    fixture.show_server();
    fixture.told(&["pause", "r"]);
    let resumed = fixture.producer_with(&[("SALESFORCE_OBJECT", "Contact")], &["resume", "r"]);
    assert_eq!(resumed.status.code(), Some(0), "{resumed:?}");
    assert_eq!(does(&fixture.report("r")), "default: upsert Lead by Key__c");
}

#[test]
fn a_run_that_waits_for_a_load_gets_none_by_the_way() {
    let fixture = Fixture::with_rows(10);
    let run = ["--run-id", "r"];
    report(&start(&fixture, &[], &run));

    let refused = refused(&fixture, &LEADS, &run);

    assert_says(&refused, &["it waits for that of a consumer", "upsert Lead by Key__c"]);
    assert_eq!(fixture.report("r")["load"], Value::Null);
    assert_eq!(report(&start(&fixture, &[], &run))["run"], "r");
}

#[test]
fn rejected_rows_become_what_their_run_loads_unless_another_load_is_said() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("bad", |row| (row == "E1,Name 1").then_some("LOCK"));
    let of_run = serde_json::to_value(&load().summary).unwrap();
    let (_folder, path) = loads(LOADS);
    let settings = [&LEADS[..], &[("LOADS_FILE", path.as_str())]].concat();
    // Other consumers are there, and what a producer is set to is for new files.
    fixture.show_consumer(&default_load(leads()));
    let replay = |more: &[&str]| {
        let arguments = [&["replay", "bad", "--no-wait", "--json"], more].concat();
        let report = report(&fixture.producer_with(&settings, &arguments));
        fixture.told(&["cancel", report["run"].as_str().unwrap(), "--yes"]);
        report["load"].clone()
    };

    assert_eq!(replay(&[]), of_run);
    assert_eq!(replay(&["--load", "accounts"])["object"], "Account");
    let by_bulk = replay(&["--api", "bulk"]);
    assert_eq!((&by_bulk["object"], &by_bulk["mapping"]), (&of_run["object"], &of_run["mapping"]));
    assert_ne!(by_bulk["id"], of_run["id"]);
    let unknown = fixture.producer_with(&settings, &["replay", "bad", "--load", "contact"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert_says(&stderr(&unknown), &["there is no load `contact`"]);
}

#[test]
fn what_is_wrong_with_loads_is_wrong_usage_before_anything_is_entered() {
    let fixture = Fixture::with_rows(10);
    let (folder, path) = loads("[loads.contacts]\nobjekt = \"Contact\"\n");
    let missing = folder.path().join("none.toml");
    let missing = missing.to_str().unwrap();
    let file = ("LOADS_FILE", path.as_str());
    let no_mapping = [&LEADS[..], &[("MAPPING_FILE", "none.sdl")]].concat();
    let without_key = [("SALESFORCE_OBJECT", "Lead")];
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let not_utf8 = write("not-utf8.toml", b"[loads.a]\n\n# Stra\xdfe\nobject = \"A\"\n");
    let not_utf8 = ("LOADS_FILE", not_utf8.as_str());
    let columns = b"[loads.a]\nobject = \"Lead\"\noperation = \"insert\"\n[loads.a.columns]\nA = \"Email\"\nB = \"Email\"\n";
    let twice = write("twice.toml", columns);
    let twice = ("LOADS_FILE", twice.as_str());
    let mapped = write("mapped.toml", LOADS.as_bytes());
    let mapped = ("LOADS_FILE", mapped.as_str());
    let mapping = write("twice.sdl", b"Nr=Key__c\nE-Mail=Email\nMail=email\n");
    let mapped_twice = [&LEADS[..], &[("MAPPING_FILE", mapping.as_str())]].concat();
    let mapping = write("nothing-twice.sdl", b"Nr=Key__c\n");
    let mapping = mapping.as_str();
    for (settings, arguments, words) in [
        (&[file][..], &[][..], &["loads.toml, line 2", "did you mean `object`?"][..]),
        (&[], &["--loads-file", missing], &["could not read the loads file", "none.toml"]),
        (&[("SALESFORCE_OPERATION", "merge")], &[], &["SALESFORCE_OPERATION", "upsert"]),
        (&no_mapping, &[], &["could not read the mapping file none.sdl"]),
        (&without_key, &[], &["SALESFORCE_EXTERNAL_ID is not set"]),
        (&[], &["--object", "Lead"], &["--external-id"]),
        (&[], &["--object", "Le ad"], &["not an API name"]),
        (&[], &["--api", "bulk"], &["--object", "--load"]),
        (&[], &["--load", "contacts"], &["there is no load `contacts`", "LOADS_FILE"]),
        (&[not_utf8], &[], &["not-utf8.toml, line 3: it is not UTF-8"]),
        (
            &mapped_twice,
            &[],
            &["mapping file", "twice.sdl, line 3: column `Mail`: `email` is filled"],
        ),
        (
            &[twice],
            &["--load=a"],
            &["twice.toml, line 6: load `a`: column `B`: `Email` is filled by"],
        ),
        (
            &[mapped],
            &["--load=contacts", "--external-id=Other__c"],
            &["no column fills `Other__c`, by which rows find their record"],
        ),
        (
            &[],
            &["--object=Lead", "--external-id=Nr__c", "--mapping", mapping],
            &["twice.sdl: no column fills `Nr__c`"],
        ),
    ] {
        assert_says(&refused(&fixture, settings, arguments), words);
    }
    assert_no_run(&fixture);
    // A server says it at its start, and everything that says a load without Redis.
    let redis = ("REDIS_URL", "redis://127.0.0.1:1");
    for arguments in [&["serve"][..], &["loads"], &["plan", "--file", FILE], &["replay", "r"]] {
        let output =
            producer(&[file, redis, ("AZURE_STORAGE_ACCOUNT_URL", "https://a.b")], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert_says(&stderr(&output), &["loads.toml, line 2"]);
    }
}

#[test]
fn settings_that_make_no_load_are_named_when_a_run_starts() {
    let fixture = Fixture::with_rows(10);
    let settings = [("SALESFORCE_OPERATION", "update"), ("MAPPING_DATES", "day-first")];
    let warning = "SALESFORCE_OPERATION, MAPPING_DATES have no effect, because SALESFORCE_OBJECT is \
                   not set: set it, or write a load in a file of loads (LOADS_FILE)";
    for (arguments, warns) in [(&[][..], true), (&["--object=Task"], false)] {
        let output = start(&fixture, &settings, arguments);
        assert_eq!(stderr(&output).matches(warning).count(), usize::from(warns), "{output:?}");
        let run = report(&output)["run"].as_str().unwrap().to_owned();
        fixture.told(&["cancel", &run, "--yes"]);
    }
    let with_object = start(&fixture, &[&LEADS[..], &settings].concat(), &[]);
    assert!(!stderr(&with_object).contains("no effect"), "{with_object:?}");
}

#[test]
fn loads_are_listed_for_people_and_for_programs() {
    let (_folder, path) = loads(LOADS);
    let settings = [&LEADS[..], &[("LOADS_FILE", path.as_str())]].concat();

    let table = stdout(&producer(&settings, &["loads"]));
    let listed = producer(&settings, &["loads", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();

    assert_eq!(
        table,
        "NAME      OPERATION  OBJECT   EXTERNAL ID  API          IDS  FILES     AFTER\n\
         contacts  upsert     Contact  Key__c       collections       big*.csv\n\
         accounts  upsert     Account  ErpKey__c    bulk         yes            contacts\n\
         default   upsert     Lead     Key__c       collections\n"
    );
    assert_eq!(
        listed[1],
        json!({
            "name": "accounts", "object": "Account", "operation": "upsert",
            "externalId": "ErpKey__c", "mapping": listed[1]["mapping"], "api": "bulk", "ids": true,
            "files": [], "after": ["contacts"],
        })
    );
    let none = stdout(&producer(&[], &["loads"]));
    assert_eq!(none, "no loads; name a file of loads in LOADS_FILE, or set SALESFORCE_OBJECT\n");
    assert_eq!(stdout(&producer(&[], &["loads", "--json"])).trim(), "[]");
}

#[test]
fn a_plan_knows_key_calls_and_dates_of_the_load_that_a_start_would_have() {
    let fixture = Fixture::start();
    fixture.put(FILE, "Nr,Born\nA,23/11/2026\nA,1/5/2026\nB,1/5/2026\n");
    let text = "[loads.contacts]\nobject = \"Contact\"\noperation = \"update\"\n\
                external-id = \"Key__c\"\nfiles = [\"big*.csv\"]\ncall-rows = 2\n\
                columns = { Nr = \"Key__c\", Born = \"Birthdate\" }\n";
    let plan = |more: &[&str]| {
        let arguments = [&["plan", "--file", FILE, "--json"], more].concat();
        fixture.producer_with(&[("BATCH_ROWS", "")], &arguments)
    };
    let (_folder, path) = loads(text);

    let without = plan(&[]);
    let with = plan(&["--loads-file", &path, "--dates", "day-first"]);

    assert_eq!(without.status.code(), Some(1), "its dates are day first: {without:?}");
    let without: Value = serde_json::from_slice(&without.stdout).unwrap();
    let planned = |plan: &Value| {
        let way = &plan["collections"];
        let figures = ["batchRows", "apiCalls", "lookups"].map(|name| &way[name]);
        json!([plan["load"]["name"], plan["keys"]["column"], figures])
    };
    assert_eq!(planned(&without), json!([null, null, [200, 1, 0]]));
    let with = report(&with);
    assert_eq!(planned(&with), json!(["contacts", "Nr", [200, 3, 1]]));
    assert_eq!(
        (&with["datesAssumed"], &with["keys"]["againInBatch"]),
        (&json!("day-first"), &json!(1))
    );
    let text = stdout(&fixture.producer(&["plan", "--file", FILE, "--loads-file", &path]));
    assert_says(&text, &["  load          update Contact by Key__c (load contacts)\n"]);
    fixture.show_consumer(&load_of("Contact"));
    fixture.show_consumer(&default_load(leads()));
    let unclear = plan(&[]);
    assert_eq!(unclear.status.code(), Some(2), "as a start is: {unclear:?}");
}

#[test]
fn whoever_follows_a_run_is_told_once_what_it_waits_for() {
    let fixture = Fixture::with_rows(100);
    let deletes = LoadSettings { operation: Some(load::Operation::Delete), ..leads() };
    fixture.show_consumer(&default_load(deletes));
    let sync = Sync::start(&fixture, &["--run-id", "r"]);
    sync.says("the run has no load");

    // Long enough for something to be said again.
    wait(2_500);
    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.hold_run(&run, "no rights", None).await.unwrap());
    sync.says(
        "the run is held: no rights; when that is put right, in another terminal go on at once with: \
         producer resume r; or end it with: producer cancel r",
    );
    // Long enough for something to be said again.
    wait(2_500);
    fixture.show_server();
    fixture.told(&["resume", "r"]);
    sync.says("the run is not held any more; it goes on");
    fixture.show_consumer(&load());
    sync.says("a consumer is there; delivery goes on");
    fixture.settle(|_| None);

    let words = sync.end();
    for once in ["the run has no load", "the run is held", "not held any more", "is there"] {
        assert_eq!(words.matches(once).count(), 1, "{once}: {words}");
    }
}

#[test]
fn who_does_not_wait_for_a_held_run_is_told_what_goes_on_with_it() {
    let fixture = Fixture::with_rows(100);
    let load = ["--object", "Lead", "--external-id", "Key__c"];
    let sync = Sync::start(&fixture, &[&load[..], &["--run-id", "r", "--max-held", "1s"]].concat());
    sync.says("run r");
    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.hold_run(&run, "no rights", None).await.unwrap());

    let words = sync.end_with(2);

    let last = words.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: nothing of run r was delivered for 1."), "{words}");
    assert!(last.contains("(--max-held): no rights; nothing is lost"), "{words}");
    assert!(last.contains("producer resume r") && last.ends_with("producer cancel r"), "{words}");
    assert_eq!(fixture.report("r")["status"], "held");
}

#[test]
fn who_does_not_wait_for_a_consumer_for_ever_is_told_that_none_runs() {
    let fixture = Fixture::with_rows(100);
    let load = ["--object", "Lead", "--external-id", "Key__c"];
    let sync = Sync::start(&fixture, &[&load[..], &["--run-id", "r", "--max-held", "3s"]].concat());

    let words = sync.end_with(2);

    let last = words.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: nothing of run r was delivered for "), "{words}");
    assert!(last.contains("(--max-held): no consumer is running"), "{words}");
    assert!(last.contains("go on with: producer resume r"), "{words}");
    assert_eq!(fixture.report("r")["status"], "draining");
}

#[test]
fn who_does_not_wait_for_deliveries_that_stand_still_is_told_why_they_do() {
    let fixture = Fixture::with_rows(100);
    let load = ["--object", "Lead", "--external-id", "Key__c"];
    fixture.show_consumer(&crate::support::load());
    fixture.on_queue(async |queue| {
        queue.publish_outage(OutageKind::SignIn, "no token", None).await.unwrap();
    });
    let sync = Sync::start(&fixture, &[&load[..], &["--run-id", "r", "--max-held", "3s"]].concat());

    let words = sync.end_with(2);

    assert!(words.contains("(--max-held): no token; nothing is lost"), "{words}");
}

#[test]
fn a_run_with_a_load_waits_for_any_consumer() {
    let fixture = Fixture::with_rows(10);
    report(&start(&fixture, &LEADS, &["--run-id", "r"]));
    let waits = fixture.report("r")["waitingFor"].clone();
    assert!(waits.as_str().is_some_and(|why| why.starts_with("no consumer is running")), "{waits}");

    fixture.show_consumer(&load());
    assert_eq!(fixture.report("r")["waitingFor"], Value::Null);
    let () = fixture.connection().del("{batch-sync}:consumers:loads").unwrap();

    assert_eq!(fixture.report("r")["waitingFor"], Value::Null, "one without a default load");
}

fn wait(ms: u64) {
    block_on(async { tokio::time::sleep(Duration::from_millis(ms)).await });
}

/// `producer sync`, which is heard while it runs.
struct Sync {
    process: Child,
    words: tempfile::NamedTempFile,
}

impl Sync {
    fn start(fixture: &Fixture, more: &[&str]) -> Self {
        let words = tempfile::NamedTempFile::new().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_producer"))
            .args(["sync", "--file", FILE])
            .args(more)
            .env_clear()
            .envs(fixture.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words.reopen().unwrap())
            .spawn()
            .unwrap();
        Self { process, words }
    }

    fn words(&self) -> String {
        std::fs::read_to_string(self.words.path()).unwrap()
    }

    fn says(&self, what: &str) {
        for _ in 0..600 {
            if self.words().contains(what) {
                return;
            }
            wait(50);
        }
        panic!("{what}: {}", self.words());
    }

    fn end(self) -> String {
        self.end_with(0)
    }

    fn end_with(mut self, code: i32) -> String {
        let status = self.process.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{}", self.words());
        self.words()
    }
}

impl Drop for Sync {
    /// Of a test that failed, it would wait for ever.
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
    }
}
