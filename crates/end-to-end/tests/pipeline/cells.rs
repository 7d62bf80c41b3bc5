//! Cells as people's programs write them, judged as Salesforce stores them, by both APIs.

use serde_json::{Value, json};

use crate::{
    kinds::Kind,
    pipeline::{Pipeline, Report},
    processes::{Ended, wait_until},
};

/// Flag of the simulator: objects with a field of each type.
pub(crate) const SCHEMA: &str =
    concat!("--schema=", env!("CARGO_MANIFEST_DIR"), "/tests/pipeline/gadget.json");

pub(crate) const APIS: [&str; 2] = ["collections", "bulk"];

const ACCOUNTS: Kind = Kind {
    name: "accounts",
    object: "Account",
    operation: "upsert",
    external_id: "ErpKey__c",
    mapping: "Key=ErpKey__c\nName=Name\n",
};

const CONTACTS: Kind = Kind {
    name: "contacts",
    object: "Contact",
    operation: "upsert",
    external_id: "LegacyId__c",
    mapping: "Key=LegacyId__c\nName=LastName\n",
};

const RECORD_TYPES: Kind = Kind {
    name: "record-types",
    object: "RecordType",
    operation: "upsert",
    external_id: "DeveloperName",
    mapping: "Key=DeveloperName\nName=Name\n",
};

const METERS: Kind = Kind {
    name: "meters",
    object: "Meter__c",
    operation: "upsert",
    external_id: "No__c",
    mapping: "No__c=No__c\nName=Name\n",
};

pub(crate) fn gadgets(mapping: &'static str) -> Kind {
    Kind {
        name: "gadgets",
        object: "Gadget__c",
        operation: "upsert",
        external_id: "Key__c",
        mapping,
    }
}

/// Loads a file by one API.
fn load(pipeline: &Pipeline, kind: &Kind, api: &str, file: &str, content: &str) -> Ended {
    load_with(pipeline, kind, &[("SALESFORCE_API", api.to_owned())], file, content)
}

/// The same with further settings of the load.
pub(crate) fn load_with(
    pipeline: &Pipeline,
    kind: &Kind,
    settings: &[(&str, String)],
    file: &str,
    content: &str,
) -> Ended {
    pipeline.put(file, content.to_owned());
    let consumer = kind.program_with(pipeline, "consumer", settings, &[]);
    wait_until("the consumer has started", || consumer.stderr().contains("worker started"));
    let ended = kind.sync_with(pipeline, settings, file.trim_end_matches(".csv"), file).end();
    consumer.kill();
    ended
}

/// The records of an object by a field, with some of their fields.
fn stored(pipeline: &Pipeline, object: &str, fields: &[&str]) -> Vec<Value> {
    let mut records: Vec<Value> = pipeline
        .records(object)
        .iter()
        .map(|record| fields.iter().map(|field| record[*field].clone()).collect())
        .collect();
    records.sort_by_key(Value::to_string);
    records
}

/// Keys and codes of the rejected rows.
fn rejects(pipeline: &Pipeline, run: &str) -> Vec<(String, String)> {
    let rows = pipeline.rejects(run).into_iter();
    rows.map(|row| (row[0].clone(), row[row.len() - 2].clone())).collect()
}

#[test]
fn times_are_stored_as_a_spreadsheet_writes_them_and_no_date_is_guessed() {
    const FILE: &str = "Key__c,Moment__c,Clock__c\n\
        K1,1/5/2026 9:05,9:05\n\
        K2,11/23/2026 14:30,14:30\n\
        K3,1/5/2026 9:05:07,9:05:07\n\
        K4,1/5/2026 2:30 PM,2:30 PM\n\
        K5,2026-01-05 9:05,9:05 AM\n\
        K6,1/5/26 9:05,09:05:00 AM\n\
        K7,2026/1/5 09:05,09:05\n\
        K8,5.1.2026 09:05,09.05\n";
    let kind = gadgets("Key__c=Key__c\nMoment__c=Moment__c\nClock__c=Clock__c\n");
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);

        let ended = load(&pipeline, &kind, api, "times.csv", FILE);

        assert_eq!(ended.code, Some(3), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(8);
        let expected = [
            json!(["K1", "2026-01-05T09:05:00.000Z", "09:05:00.000Z"]),
            json!(["K2", "2026-11-23T14:30:00.000Z", "14:30:00.000Z"]),
            json!(["K3", "2026-01-05T09:05:07.000Z", "09:05:07.000Z"]),
            json!(["K4", "2026-01-05T14:30:00.000Z", "14:30:00.000Z"]),
            json!(["K5", "2026-01-05T09:05:00.000Z", "09:05:00.000Z"]),
            json!(["K7", "2026-01-05T09:05:00.000Z", "09:05:00.000Z"]),
        ];
        assert_eq!(stored(&pipeline, "Gadget__c", &["Key__c", "Moment__c", "Clock__c"]), expected);
        let refused = ["K6", "K8"].map(|key| (key.to_owned(), "INVALID_VALUE".to_owned()));
        assert_eq!(rejects(&pipeline, "times"), refused, "{api}");
    }
}

#[test]
fn keys_are_found_whatever_nobody_sees_around_them_and_those_of_parents_too() {
    const FILE: &str = "Key__c,Name,Parent__r.ErpKey__c\n\
        \u{20}K1 ,ascii blanks, A-1 \n\
        \u{a0}K2\u{a0},no-break,\u{a0}A-1\u{a0}\n\
        \u{3000}K3\u{3000},full width,\u{3000}A-1\u{3000}\n\
        K4\u{200b},zero width,A-1\n\
        K4,plain,A-1\n\
        K1,same as first,A-1\n\
        \"K5\n\",line end,A-1\u{200b}\n\
        \tK6\t,tabs,\tA-1\t\n";
    let kind = gadgets("Key__c=Key__c\nName=Name\nParent__r.ErpKey__c=Parent__r.ErpKey__c\n");
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
        let parents = load(&pipeline, &ACCOUNTS, api, "parents.csv", "Key,Name\nA-1,Acme\n");
        assert_eq!(parents.code, Some(0), "{parents:?}");
        let parent = pipeline.records("Account")[0]["Id"].clone();

        let ended = load(&pipeline, &kind, api, "blanks.csv", FILE);

        assert_eq!(ended.code, Some(0), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(8);
        let expected = [
            json!(["K1", "same as first", parent]),
            json!(["K2", "no-break", parent]),
            json!(["K3", "full width", parent]),
            json!(["K4", "plain", parent]),
            json!(["K5", "line end", parent]),
            json!(["K6", "tabs", parent]),
        ];
        assert_eq!(stored(&pipeline, "Gadget__c", &["Key__c", "Name", "Parent__c"]), expected);
    }
}

#[test]
fn a_key_that_is_a_number_is_one_record_however_it_is_written_and_the_last_row_stays() {
    const FILE: &str = "No__c,Name\n1001,first\n1001.0,second\n01001,third\n1.001E3,fourth\n\
        1002,alone\n-0,zero\n0.0,nothing\n";
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);

        let ended = load(&pipeline, &METERS, api, "numbers.csv", FILE);

        assert_eq!(ended.code, Some(0), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(7);
        let mut meters = pipeline.records("Meter__c");
        meters
            .sort_by(|a, b| a["No__c"].as_f64().unwrap().total_cmp(&b["No__c"].as_f64().unwrap()));
        let found: Vec<_> = meters.iter().map(|it| (&it["Name"], &it["_writes"])).collect();
        let expected =
            [(json!("nothing"), json!(2)), (json!("fourth"), json!(4)), (json!("alone"), json!(1))];
        assert_eq!(found, expected.each_ref().map(|(name, writes)| (name, writes)), "{api}");
    }
}

#[test]
fn an_insert_makes_no_record_of_a_row_without_a_value_in_its_fields() {
    const FILE: &str =
        "Key__c,Name,Note\nK1,Lamp,\n,,seen\n,, \n\u{a0},#N/A,seen\nK2,Chair,seen\n,\"\",\"x\"\n";
    const MAPPING: &str = "Key__c=Key__c\nName=Name\n\"Web\"=Short__c\n";
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
        let kind = Kind { operation: "insert", external_id: "", ..gadgets(MAPPING) };

        let ended = load(&pipeline, &kind, api, "blank.csv", FILE);

        assert_eq!(ended.code, Some(3), "{ended:?}");
        // The reader skips the line of nothing but delimiters and blanks.
        Report::of(&ended).assert_it_adds_up(5);
        assert_eq!(Report::of(&ended).by_code("BLANK_ROW"), 3, "{ended:?}");
        let expected = [json!(["K1", "Lamp", "Web"]), json!(["K2", "Chair", "Web"])];
        assert_eq!(stored(&pipeline, "Gadget__c", &["Key__c", "Name", "Short__c"]), expected);
    }
}

#[test]
fn parents_are_found_as_the_mapping_files_of_current_data_loaders_name_them() {
    const MAPPING: &str = "#Mapping values\n#Fri Nov 27 20:00:00 UTC 2026\nKEY=Key__c\nNAME=Name\n\
        PARENT=Parent__r\\:Account-ErpKey__c\nWHO=Who__r\\:Contact-LegacyId__c\n\
        KONTOF\\u00DCHRER-NR.=Short__c\n";
    const FILE: &str = "KEY,NAME,PARENT,WHO,KONTOFÜHRER-NR.\nK1,Lamp,A-1,C-1,007\n";
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
        for (kind, file, rows) in [
            (&ACCOUNTS, "accounts.csv", "Key,Name\nA-1,Acme\n"),
            (&CONTACTS, "people.csv", "Key,Name\nC-1,Ada\n"),
        ] {
            let ended = load(&pipeline, kind, api, file, rows);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }

        let ended = load(&pipeline, &gadgets(MAPPING), api, "mapped.csv", FILE);

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let id = |object: &str| pipeline.records(object)[0]["Id"].clone();
        assert_eq!(
            stored(&pipeline, "Gadget__c", &["Key__c", "Name", "Parent__c", "Who__c", "Short__c"]),
            [json!(["K1", "Lamp", id("Account"), id("Contact"), "007"])],
            "{api}"
        );
    }
}

#[test]
fn parts_of_compound_fields_are_stored_as_they_are_or_their_row_is_rejected() {
    const FILE: &str = "Key__c,Place__Latitude__s,Place__Longitude__s,Tel__c,RecordType.DeveloperName\n\
        K1,52.520008,13.404954,+49 30 1234567,Special\n\
        K2,-33.8688,151.2093,0041791234567,Special\n\
        K3,0,0,007,\n\
        K4,91,181,=+49301234567,Special\n\
        K5,\"52,52\",\"13,40\",'0301234,Missing\n";
    const MAPPING: &str = "Key__c=Key__c\nPlace__Latitude__s=Place__Latitude__s\n\
        Place__Longitude__s=Place__Longitude__s\nTel__c=Tel__c\n\
        RecordType.DeveloperName=RecordType.DeveloperName\n";
    for api in APIS {
        let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
        let types = load(&pipeline, &RECORD_TYPES, api, "types.csv", "Key,Name\nSpecial,Special\n");
        assert_eq!(types.code, Some(0), "{types:?}");
        let special = pipeline.records("RecordType")[0]["Id"].clone();

        let ended = load(&pipeline, &gadgets(MAPPING), api, "places.csv", FILE);

        assert_eq!(ended.code, Some(3), "{ended:?}");
        let fields =
            ["Key__c", "Place__Latitude__s", "Place__Longitude__s", "Tel__c", "RecordTypeId"];
        let expected = [
            json!(["K1", 52.520008, 13.404954, "+49 30 1234567", special]),
            json!(["K2", -33.8688, 151.2093, "0041791234567", special]),
            json!(["K3", 0, 0, "007", null]),
        ];
        assert_eq!(stored(&pipeline, "Gadget__c", &fields), expected, "{api}");
        let refused = ["K4", "K5"].map(|key| (key.to_owned(), "INVALID_VALUE".to_owned()));
        assert_eq!(rejects(&pipeline, "places"), refused, "{api}");
    }
}

#[test]
fn a_plan_fails_for_a_column_in_which_both_orders_of_dates_occur() {
    let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
    let plan = |rows: &str, more: &[&str]| {
        pipeline.put("dates.csv", format!("Key__c,Day__c\n{rows}"));
        let arguments = [&["plan", "--file", "dates.csv", "--json"], more].concat();
        let ended = pipeline.program("producer", &arguments).end();
        let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(plan["rows"], 2, "the plan is printed all the same");
        (ended.code, plan["dates"][0].clone(), ended.stderr)
    };
    let day = |month: u64, day: u64, either: u64| {
        json!({"column": "Day__c", "onlyMonthFirst": month, "onlyDayFirst": day, "either": either, "neither": 0,
               "withoutSlashes": 0})
    };

    let (code, found, stderr) = plan("K1,23/11/2026\nK2,11/23/2026\n", &[]);
    assert_eq!((code, found), (Some(1), day(1, 1, 0)));
    assert!(
        stderr.contains("Day__c: both orders occur: 1 dates are month first, 1 day"),
        "{stderr}"
    );
    let (code, found, stderr) = plan("K1,23/11/2026 9:05\nK2,5/1/2026\n", &[]);
    assert_eq!((code, found), (Some(1), day(0, 1, 1)));
    assert!(stderr.contains("set MAPPING_DATES=day-first"), "{stderr}");
    let european = "K1,23/11/2026\nK2,5/1/2026\n";
    assert_eq!(plan(european, &["--dates", "day-first"]).0, Some(0));
    assert_eq!(plan("K1,11/23/2026\nK2,1/5/2026\n", &["--dates", "day-first"]).0, Some(1));
    let (code, found, stderr) = plan("K1,1/5/2026\nK2,2/5/2026\n", &[]);
    assert_eq!((code, found, stderr.as_str()), (Some(0), day(0, 0, 2), ""));
    let told = pipeline.program("producer", &["plan", "--file", "dates.csv"]).end().stdout;
    assert!(told.contains("Day__c: read month first; all 2 dates would fit the other"), "{told}");
}

#[test]
fn a_consumer_says_which_order_of_dates_it_assumes() {
    let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
    let kind = gadgets("Key__c=Key__c\nDay__c=Day__c\n");
    let check = |more: &[(&str, String)]| {
        let ended = kind.program_with(&pipeline, "consumer", more, &["check"]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
            .stderr
            .contains("dates with slashes are taken to be month first (11/23/2026) in Day__c")
    };
    let by_name = ("MAPPING_FILE", String::new());

    assert!(check(&[]));
    assert!(!check(&[("MAPPING_DATES", "month-first".to_owned())]));
    let header = ["check", "--header", "Key__c,Day__c"];
    let ended =
        kind.program_with(&pipeline, "consumer", std::slice::from_ref(&by_name), &header).end();
    assert!(ended.stderr.contains("month first (11/23/2026) in Day__c"), "{ended:?}");

    let by_name = [by_name];
    let consumer = kind.program_with(&pipeline, "consumer", &by_name, &[]);
    wait_until("the consumer has started", || consumer.stderr().contains("worker started"));
    pipeline.put("day.csv", "Key__c,Day__c\nK1,1/5/2026\n");
    let ended = kind.sync_with(&pipeline, &by_name, "day", "day.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(consumer.stderr().contains("month first (11/23/2026) in Day__c"));
}
