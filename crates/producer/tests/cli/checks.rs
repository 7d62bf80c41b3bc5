//! A file is checked before it is loaded: real files, and a Salesforce that says what its objects are
//! like.

use std::{
    fs,
    io::Write as _,
    process::{Output, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use job_queue::RunLoad;
use load::{Load, LoadSettings};
use salesforce_simulator::{Config, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{FILE, Fixture, command, stderr, stdout};

/// A Salesforce, and the settings that lead there.
struct Org {
    simulator: Simulator,
    _runtime: Runtime,
}

impl Org {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(Simulator::start(Config::default())).unwrap();
        Self { simulator, _runtime: runtime }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SALESFORCE_LOGIN_URL", self.simulator.url()),
            ("SALESFORCE_CLIENT_ID", Config::CLIENT_ID.to_owned()),
            ("SALESFORCE_CLIENT_SECRET", Config::CLIENT_SECRET.to_owned()),
        ]
    }

    /// Calls that were made, sign-ins included.
    fn calls(&self) -> usize {
        self.simulator.requests().len()
    }
}

/// Files, a Salesforce, and a folder for what is written.
struct Scene {
    fixture: Fixture,
    org: Org,
    folder: TempDir,
}

/// A file with a row of each kind that is rejected before it is sent.
const CONTACTS: &str = "Number,Name,Born,Mail,Account,Remark\n\
    C-1,Ada,1815-12-10,ada@example.org,A-1,x\n\
    c-1 ,Ada again,,,A-1,x\n\
    ,nobody,,,A-2,x\n\
    C-2,\"two\nlines\",not-a-day,,A-2,x\n\
    C-3,Bob,31/31/2026,,,x\n\
    C-5, ,,,,x\n\
    C-4,too,few\n";

const MAPPING: &str =
    "Number=LegacyId__c\nName=LastName\nBorn=Birthdate\nMail=Email\nAccount=Account.ErpKey__c\n";

const CONTACT: [&str; 4] = ["--object", "Contact", "--external-id", "LegacyId__c"];

impl Scene {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("contacts.sdl"), MAPPING).unwrap();
        let (fixture, org) = (Fixture::start(), Org::start());
        fixture.put(FILE, CONTACTS);
        Self { fixture, org, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn producer(&self, more: &[(&str, &str)], arguments: &[&str]) -> Output {
        let settings = self.org.settings();
        let mut settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(more);
        self.fixture.producer_with(&settings, arguments)
    }

    /// Checks a file as contacts by the mapping.
    fn check(&self, file: &str, arguments: &[&str]) -> Output {
        let mapping = self.path("contacts.sdl");
        let check = ["check", "--file", file, "--mapping", &mapping];
        self.producer(&[], &[&check, &CONTACT[..], arguments].concat())
    }
}

/// What a check found, as programs see it.
fn found(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// The same without what differs from one check to the next.
fn comparable(mut found: Value) -> Value {
    let members = found.as_object_mut().unwrap();
    for name in ["describedBy", "durationMs", "peakMemoryBytes"] {
        members.remove(name).unwrap_or_else(|| panic!("no {name}"));
    }
    found
}

#[test]
fn each_reason_is_counted_with_its_column_and_no_value_is_said() {
    let scene = Scene::start();

    let (json, text) = (scene.check(FILE, &["--json"]), scene.check(FILE, &[]));

    assert_eq!((json.status.code(), text.status.code()), (Some(3), Some(3)), "{}", stderr(&json));
    let found = found(&json);
    assert_eq!((&found["rows"], &found["rejected"]), (&json!(7), &json!(4)));
    assert_eq!(
        found["rejectedByCode"],
        json!({"EXTERNAL_ID_MISSING": 1, "FIELD_COUNT": 1, "INVALID_VALUE": 2})
    );
    let places: Vec<Value> = found["rejects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rejects| {
            let first = &rejects["first"];
            let [places, lines] = ["record", "line"].map(|name| {
                first.as_array().unwrap().iter().map(|at| at[name].clone()).collect::<Vec<_>>()
            });
            json!([
                rejects["code"],
                rejects["column"],
                rejects["field"],
                rejects["rows"],
                places,
                lines
            ])
        })
        .collect();
    assert_eq!(
        json!(places),
        json!([
            ["INVALID_VALUE", "Born", "Birthdate", 2, [4, 5], [5, 7]],
            ["EXTERNAL_ID_MISSING", "Number", "LegacyId__c", 1, [3], [4]],
            ["FIELD_COUNT", null, null, 1, [7], [9]],
        ])
    );
    assert_eq!(
        found["rejectedBySalesforce"],
        json!([{"code": "REQUIRED_FIELD_MISSING", "column": "Name", "field": "LastName", "rows": 1,
            "first": [{"record": 6, "line": 8, "rule": "no value"}], "ifNew": true}])
    );
    assert_eq!(
        found["keys"],
        json!({"column": "Number", "field": "LegacyId__c", "empty": 1, "repeated": 1,
            "repeatedAtLeast": 1, "isCounted": true, "fingerprintBits": 64, "oneIn": 1,
            "first": [{"record": 2, "line": 3}]})
    );
    assert_eq!(
        found["parents"],
        json!([{"column": "Account", "field": "Account.ErpKey__c", "rows": 2, "records": 1,
            "isCounted": true, "fingerprintBits": 64, "oneIn": 1}])
    );
    assert_eq!(found["columnsNotMapped"], json!(["Remark"]));
    assert_eq!(found["requiredWithoutColumn"], json!([]));
    for said in [stdout(&json), stdout(&text), stderr(&json), stderr(&text)] {
        for value in ["not-a-day", "31/31", "Ada", "C-1", "A-1"] {
            assert!(!said.contains(value), "{value}: {said}");
        }
    }
    let text = stdout(&text);
    for words in [
        "big.csv (196 B): upsert Contact by LegacyId__c",
        "INVALID_VALUE: 2 rows",
        "record 4 (line 5): not ",
        "if they make a new record:\n  column `Name`, field LastName: 1 row\n    record 6 (line 8): no value",
        "1 empty, 1 repeated (all compared, by fingerprints of 64 bits)",
        "2 rows refer to 1 record",
        "columns that are not sent: Remark",
        "not checked: what only Salesforce can say",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// Salesforce refuses what empties a required field of an old record as well, and a new one without it.
#[test]
fn rows_that_salesforce_rejects_in_any_case_are_in_the_exit_code() {
    let scene = Scene::start();
    scene.fixture.put("names.csv", "LegacyId__c,LastName\nC-1,Ada\nC-2,#N/A\nC-3,\n");
    let check = |arguments: &[&str]| {
        let check = ["check", "--file", "names.csv", "--object", "Contact", "--json"];
        let checked = scene.producer(&[], &[&check, arguments].concat());
        let found = found(&checked);
        let rows: Vec<Value> = found["rejectedBySalesforce"]
            .as_array()
            .unwrap_or_else(|| panic!("{found}"))
            .iter()
            .map(|found| json!([found["ifNew"], found["rows"], found["first"][0]["rule"]]))
            .collect();
        assert_eq!(found["rejected"], 0, "of rows that are not sent: {found}");
        (checked.status.code(), json!(rows))
    };
    let (key, emptied) = (["--external-id", "LegacyId__c"], "the field is emptied");
    let with = |more: &[&'static str]| [&key, more].concat();

    assert_eq!(
        check(&key),
        (Some(3), json!([[false, 1, emptied], [true, 1, "no value"]])),
        "an upsert may find a record"
    );
    assert_eq!(check(&with(&["--nulls", "write"])), (Some(3), json!([[false, 2, emptied]])));
    let update = with(&["--operation", "update"]);
    assert_eq!(check(&update), (Some(3), json!([[false, 1, emptied]])), "an update needs no value");
    assert_eq!(check(&["--operation", "insert"]), (Some(3), json!([[false, 2, emptied]])));
    let delete = with(&["--operation", "delete"]);
    assert_eq!(check(&delete), (Some(0), json!([])));

    scene.fixture.put("names.csv", "LegacyId__c,LastName\nC-1,Ada\nC-3,\n");
    assert_eq!(check(&key), (Some(0), json!([[true, 1, "no value"]])));
    assert_eq!(check(&update), (Some(0), json!([])));
    assert_eq!(check(&["--operation", "insert"]), (Some(3), json!([[false, 1, "no value"]])));
}

#[test]
fn an_order_of_dates_is_assumed_only_where_dates_have_slashes() {
    let scene = Scene::start();
    let columns = "LegacyId__c,LastName,Birthdate";
    for (dates, is_warned_of) in [(["1815-12-10", ""], false), (["1815-12-10", "12/10/1815"], true)]
    {
        let [one, other] = dates;
        scene.fixture.put("dates.csv", format!("{columns}\nC-1,Ada,{one}\nC-2,Bob,{other}\n"));
        let check = ["check", "--file", "dates.csv", "--json"];

        let checked = scene.producer(&[], &[&check, &CONTACT[..]].concat());

        let warnings = found(&checked)["warnings"].to_string();
        let words = "dates with slashes are taken to be month first (11/23/2026) in Birthdate;";
        assert_eq!(warnings.contains(words), is_warned_of, "{warnings}");
    }
}

/// Each letter beyond ASCII would be stored as two wrong ones.
#[test]
fn a_file_in_utf_8_that_is_read_in_another_encoding_is_warned_of() {
    let scene = Scene::start();
    let text = |name: &str| format!("LegacyId__c,LastName\nC-1,{name}\n");
    scene.fixture.put("utf-8.csv", text("M\u{fc}ller"));
    let ansi: Vec<u8> = text("M?ller").bytes().map(|b| if b == b'?' { 0xFC } else { b }).collect();
    scene.fixture.put("ansi.csv", ansi);
    let set = [("CSV_ENCODING", "windows-1252")];
    for (file, is_warned_of) in [("utf-8.csv", true), ("ansi.csv", false)] {
        let of_file = ["--file", file];
        let check = [&["check", "--json"], &of_file[..], &CONTACT].concat();
        let warnings = found(&scene.producer(&set, &check))["warnings"].to_string();
        let sync = [&["sync", "--no-wait"], &of_file[..], &CONTACT].concat();
        let synced = scene.producer(&set, &sync);

        let words = "the file is read as windows-1252 (CSV_ENCODING), but it is UTF-8";
        assert_eq!(warnings.contains(words), is_warned_of, "{warnings}");
        assert_eq!(synced.status.code(), Some(0), "{}", stderr(&synced));
        assert_eq!(stderr(&synced).contains(words), is_warned_of, "{}", stderr(&synced));
    }
}

/// Whoever reads the beginning of it has the code all the same.
#[test]
fn the_exit_code_stays_when_nobody_reads_what_was_found() {
    let scene = Scene::start();
    for format in [&["--json"][..], &[]] {
        let mapping = scene.path("contacts.sdl");
        let check = ["check", "--file", FILE, "--mapping", &mapping];
        let settings = scene.org.settings();
        let mut all = scene.fixture.settings();
        all.extend(settings.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let all: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut checking = command(&all, &[&check, &CONTACT[..], format].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(checking.stdout.take());

        let ended = checking.wait_with_output().unwrap();

        assert_eq!((ended.status.code(), stderr(&ended)), (Some(3), String::new()), "{format:?}");
    }
}

/// The environment may say half a load.
#[test]
fn flags_that_say_a_load_are_not_refused_for_what_the_environment_lacks() {
    let scene = Scene::start();
    scene.fixture.put("names.csv", "LegacyId__c,LastName\nC-1,Ada\n");
    let half = [("SALESFORCE_OBJECT", "Contact")];
    let check = ["check", "--file", "names.csv"];

    let checked = scene.producer(&half, &[&check[..], &CONTACT].concat());
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    let unsaid = scene.producer(&half, &check);
    assert_eq!(unsaid.status.code(), Some(2), "{}", stdout(&unsaid));
    assert!(stderr(&unsaid).contains("SALESFORCE_EXTERNAL_ID is not set"), "{}", stderr(&unsaid));
}

#[test]
fn nothing_is_sent_and_nothing_is_queued() {
    let scene = Scene::start();
    let nowhere = [("REDIS_URL", "redis://127.0.0.1:1")];
    let mapping = scene.path("contacts.sdl");
    let check = ["check", "--file", FILE, "--mapping", &mapping];

    let checked = scene.producer(&nowhere, &[&check, &CONTACT[..]].concat());

    assert_eq!(checked.status.code(), Some(3), "{}", stderr(&checked));
    let writes = scene.org.simulator.requests();
    assert!(writes.iter().all(|call| call.method == "GET" || call.path.contains("oauth2")));
    let keys: u64 = redis::cmd("DBSIZE").query(&mut scene.fixture.connection()).unwrap();
    assert_eq!(keys, 0);
}

#[test]
fn numbers_of_another_country_are_warned_of_with_the_setting() {
    let scene = Scene::start();
    let file = "External_Id__c,LastName,Company,AnnualRevenue\nL-1,Ada,A,1.001\nL-2,Bob,B,12.500\n";
    scene.fixture.put("leads.csv", file);
    let leads = ["check", "--file", "leads.csv", "--object", "Lead"];
    let check = |more: &[&str]| {
        let by = ["--external-id", "External_Id__c", "--json"];
        found(&scene.producer(&[], &[&leads, &by[..], more].concat()))
    };
    let warns = |found: &Value| {
        let warnings = found["warnings"].as_array().unwrap();
        warnings.iter().any(|warning| warning.as_str().unwrap().contains("MAPPING_DECIMAL=comma"))
    };

    let (with_point, with_comma) = (check(&[]), check(&["--decimal", "comma"]));

    assert_eq!((&with_point["rows"], &with_point["rejected"]), (&json!(2), &json!(0)));
    assert!(warns(&with_point), "{with_point}");
    assert!(!warns(&with_comma), "{with_comma}");
    assert_eq!(with_comma["rejected"], 0, "{with_comma}");
}

#[test]
fn rows_are_written_as_they_would_stand_in_the_rejects_file() {
    let scene = Scene::start();
    let path = scene.path("rejects.csv");

    let first = scene.check(FILE, &["--rejects", &path]);
    let written = fs::read_to_string(&path).unwrap();
    let again = scene.check(FILE, &["--rejects", &path]);

    assert_eq!((first.status.code(), again.status.code()), (Some(3), Some(2)));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    let starts: Vec<&str> = written.split_inclusive('\n').collect();
    assert_eq!(starts[0], "Number,Name,Born,Mail,Account,Remark,_record,_code,_message\n");
    assert_eq!(
        starts[1],
        ",nobody,,,A-2,x,3,EXTERNAL_ID_MISSING,\"column `Number`: the external id is empty\"\n"
    );
    assert!(
        written.contains("C-2,\"two\nlines\",not-a-day,,A-2,x,4,INVALID_VALUE,\"column `Born`: ")
    );
    // The rows that are mended are checked like any other file, with those that are left.
    scene.fixture.put("rejects/mended.csv", written.replace("not-a-day", "1815-12-10"));
    let mended = found(&scene.check("rejects/mended.csv", &["--json"]));
    assert_eq!((&mended["rows"], &mended["rejected"]), (&json!(4), &json!(3)));

    scene.fixture.put("good.csv", CONTACTS.lines().take(2).collect::<Vec<_>>().join("\n"));
    let good = scene.check("good.csv", &["--rejects", &path, "--force"]);
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert_eq!(fs::read_to_string(&path).unwrap(), starts[0], "an earlier file is replaced");
    let other = scene.path("none.csv");
    let good = scene.check("good.csv", &["--rejects", &other]);
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert!(!fs::exists(&other).unwrap(), "no rows, no file");
    assert_eq!(fs::read_dir(scene.folder.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn objects_that_were_saved_say_the_same_as_the_org() {
    let scene = Scene::start();
    let saved = scene.path("contact.json");
    let described = scene.producer(&[], &["describe", "--object", "contact", "--out", &saved]);
    assert_eq!(described.status.code(), Some(0), "{}", stderr(&described));
    let printed = scene.producer(&[], &["describe", "--object", "Contact"]);
    assert_eq!(stdout(&printed), fs::read_to_string(&saved).unwrap());
    let as_json = scene.producer(&[], &["describe", "--object", "Contact", "--json"]);
    assert_eq!(stdout(&as_json), stdout(&printed));
    let calls = scene.org.calls();

    let offline = scene.check(FILE, &["--json", "--offline", &saved]);

    assert_eq!(scene.org.calls(), calls, "nobody was asked");
    let online = scene.check(FILE, &["--json"]);
    assert_eq!(comparable(found(&offline)), comparable(found(&online)));
    let names: Value = serde_json::from_str(&stdout(&printed)).unwrap();
    let names: Vec<&str> = names["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Contact", "Account"]);
    let other = ["check", "--file", FILE, "--object", "Task", "--external-id", "Crm_Key__c"];
    let unknown = scene.producer(&[], &[&other[..], &["--offline", &saved]].concat());
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("--object Task --out FILE"), "{}", stderr(&unknown));
    // The file has of it only by what contacts name it.
    let other = ["check", "--file", FILE, "--object", "Account", "--external-id", "ErpKey__c"];
    let parent = scene.producer(&[], &[&other[..], &["--offline", &saved]].concat());
    let said = stderr(&parent);
    assert_eq!(parent.status.code(), Some(2), "{said}");
    assert!(said.contains("describes no object Account; it has Contact."), "{said}");
}

#[test]
fn a_file_that_does_not_fit_fails_as_its_run_would() {
    let scene = Scene::start();
    scene.fixture.put("other.csv", "Number,Nom\n1,2\n");

    let refused = scene.check("other.csv", &[]);
    let json = scene.check("other.csv", &["--json"]);

    assert_eq!((refused.status.code(), json.status.code()), (Some(1), Some(1)));
    assert_eq!(stdout(&refused), "");
    let said = stderr(&refused);
    assert!(
        said.contains("a run of other.csv would fail: the file does not fit the mapping"),
        "{said}"
    );
    let misfit = found(&json)["misfit"].as_str().unwrap().to_owned();
    assert!(misfit.contains("no column `Name`"), "{misfit}");
    assert_eq!(found(&json)["rows"], Value::Null);

    let none = ["check", "--file", FILE, "--object", "Nothing__c", "--external-id", "Key__c"];
    let none = scene.producer(&[], &none);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("salesforce has no object Nothing__c"), "{}", stderr(&none));
}

#[test]
fn the_load_is_the_one_that_the_run_would_have() {
    let scene = Scene::start();
    let file = scene.path("loads.toml");
    let toml = "[loads.contacts]\nobject = \"Contact\"\nexternal-id = \"LegacyId__c\"\n\
                files = [\"big*.csv\"]\nmapping = \"contacts.sdl\"\n";
    fs::write(&file, toml).unwrap();
    let check = ["check", "--file", FILE, "--json", "--loads-file", &file];

    let by_pattern = scene.producer(&[], &check);
    assert_eq!(found(&by_pattern)["load"]["name"], "contacts", "{}", stderr(&by_pattern));

    // Nobody says it but a consumer.
    let of_nobody = scene.producer(&[], &["check", "--file", FILE]);
    assert_eq!(of_nobody.status.code(), Some(2), "{}", stderr(&of_nobody));
    scene.fixture.put("keys.csv", "LegacyId__c,LastName\na,b\n");
    let contacts = LoadSettings {
        object: Some("Contact".to_owned()),
        external_id: Some("LegacyId__c".to_owned()),
        ..LoadSettings::default()
    };
    let contacts = Load::new(&contacts).unwrap();
    scene.fixture.show_consumer(&RunLoad::new("default", &contacts));
    let of_consumer = scene.producer(&[], &["check", "--file", "keys.csv", "--json"]);
    assert_eq!(of_consumer.status.code(), Some(0), "{}", stderr(&of_consumer));
    assert_eq!(found(&of_consumer)["load"]["object"], "Contact");
}

#[test]
fn files_are_read_as_a_run_reads_them() {
    let scene = Scene::start();
    let plain = comparable(found(&scene.check(FILE, &["--json"])));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(CONTACTS.as_bytes()).unwrap();
    let marked: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(CONTACTS.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let escaped = CONTACTS.replace("Ada again", "\"A \\\"B\\\" C\"");
    let cases: [(&str, Vec<u8>, &[&str]); 4] = [
        ("packed.csv.gz", packed.finish().unwrap(), &[]),
        ("wide.csv", marked, &[]),
        ("semicolons.csv", CONTACTS.replace(',', ";").into_bytes(), &[]),
        ("escaped.csv", escaped.into_bytes(), &["--csv-escape", "backslash"]),
    ];
    for (name, content, arguments) in cases {
        scene.fixture.put(name, content);

        let checked = scene.check(name, &[&["--json"], arguments].concat());

        let mut checked = comparable(found(&checked));
        for member in ["file", "fileBytes"] {
            checked[member] = plain[member].clone();
        }
        assert_eq!(checked, plain, "{name}");
    }
}

#[test]
fn memory_does_not_grow_with_the_file_nor_with_its_faults() {
    let scene = Scene::start();
    let peak = |rows: u64| {
        let body: String = (1..=rows)
            .map(|row| format!("K{row},Name {row},not a day,,A-{row},a remark that nobody sends\n"))
            .collect();
        scene.fixture.put(FILE, format!("Number,Name,Born,Mail,Account,Remark\n{body}"));
        let path = scene.path("rejects.csv");

        let checked = scene.check(FILE, &["--json", "--rejects", &path, "--force"]);

        let found = found(&checked);
        assert_eq!(found["rejectedByCode"], json!({"INVALID_VALUE": rows}));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count() as u64, rows + 1);
        found["peakMemoryBytes"].as_u64().unwrap() >> 20
    };

    // Both are larger than what is read ahead.
    let (small, large) = (peak(150_000), peak(600_000));

    // What docs/check.md says, and room for a program with debug information.
    assert!(large < 80 && large < small + 12, "{small} MiB, {large} MiB");
}

#[test]
fn settings_that_are_missing_are_named_before_anything_is_read() {
    let fixture = Fixture::start();
    let check = [&["check", "--file", "none.csv"], &CONTACT[..]].concat();
    let cases: [(&[&str], &str); 3] = [
        (&[], "no way to log in to salesforce"),
        (&["--offline", "nowhere.json"], "producer describe"),
        (&["--force"], "--rejects"),
    ];
    for (arguments, word) in cases {
        let refused = fixture.producer(&[&check, arguments].concat());

        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(word), "{word}: {}", stderr(&refused));
    }
}

/// A run that is only queued, with what else is said of it.
fn started(scene: &Scene, settings: &[(&str, &str)], run: &str, more: &[&str]) -> Output {
    let sync = ["sync", "--file", FILE, "--no-wait", "--run-id", run];
    scene.producer(settings, &[&sync, &CONTACT[..], more].concat())
}

/// Runs that were entered, newest first.
fn runs(scene: &Scene) -> Vec<String> {
    let listed = found(&scene.fixture.producer(&["runs", "--json"]));
    let runs = listed.as_array().unwrap().iter();
    runs.map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_run_that_would_fail_is_refused_before_it_is_entered() {
    let scene = Scene::start();
    let mapping = scene.path("contacts.sdl");
    let other = scene.path("other.sdl");
    fs::write(&other, format!("{MAPPING}Remark=Colour__c\n")).unwrap();
    let missing = scene.path("missing.sdl");
    fs::write(&missing, format!("{MAPPING}Colour=Description\n")).unwrap();
    for (mapping, word) in [(&other, "Colour__c"), (&missing, "Colour")] {
        let refused = started(&scene, &[], "misfit", &["--mapping", mapping]);

        assert_eq!(refused.status.code(), Some(2), "{word}: {}", stderr(&refused));
        let said = stderr(&refused);
        assert!(said.contains("is not started") && said.contains(word), "{word}: {said}");
        assert_eq!(runs(&scene), [""; 0], "{word}");
    }

    let before = scene.org.calls();
    let fits = started(&scene, &[], "fits", &["--mapping", &mapping]);

    assert_eq!(fits.status.code(), Some(0), "{}", stderr(&fits));
    assert_eq!(runs(&scene), ["fits"]);
    assert_eq!(scene.org.calls() - before, 3, "a sign-in, the object, and the one it refers to");
}

#[test]
fn a_start_never_depends_on_the_org() {
    let scene = Scene::start();
    let other = scene.path("other.sdl");
    fs::write(&other, format!("{MAPPING}Remark=Colour__c\n")).unwrap();
    let misfit = ["--mapping", other.as_str()];
    for (run, settings, warns) in [
        ("away", &[("SALESFORCE_LOGIN_URL", "http://127.0.0.1:9")][..], true),
        ("locked-out", &[("SALESFORCE_CLIENT_SECRET", "another")], true),
        ("half", &[("SALESFORCE_CLIENT_SECRET", "")], true),
        ("none", &[("SALESFORCE_CLIENT_ID", ""), ("SALESFORCE_CLIENT_SECRET", "")], false),
    ] {
        // Another version of the file each time, so that each is a run of its own.
        scene.fixture.put(FILE, format!("{CONTACTS}C-9,{run},,,,\n"));

        let started = started(&scene, settings, run, &misfit);

        let said = stderr(&started);
        assert_eq!(started.status.code(), Some(0), "{run}: {said}");
        assert_eq!(said.contains("check"), warns, "{run}: {said}");
        assert_eq!(runs(&scene)[0], run);
    }
}
