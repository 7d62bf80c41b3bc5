//! What a check says of a file is what its run then does, row by row.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    cells::{APIS, SCHEMA, gadgets},
    forms,
    kinds::{GENERATED, Kind},
    pipeline::{FILE, Pipeline},
    processes::Ended,
};

const MAPPING: &str = "Key__c=Key__c\nName=Name\n";

/// A file, and what is set for it.
struct Case {
    name: &'static str,
    kind: Kind,
    settings: &'static [(&'static str, &'static str)],
    file: &'static str,
}

const fn gadget(name: &'static str, mapping: &'static str, file: &'static str) -> Case {
    let kind = Kind {
        name: "gadgets",
        object: "Gadget__c",
        operation: "upsert",
        external_id: "Key__c",
        mapping,
    };
    Case { name, kind, settings: &[], file }
}

const CASES: &[Case] = &[
    gadget("sep", MAPPING, "sep=;\r\nKey__c;Name;Price__c\r\nK1;Lamp;12.50\r\nK2;Chair;99.00\r\n"),
    gadget("trailing", MAPPING, "Key__c,Name,Count__c,\nK1,Lamp,1\nK2,Chair,2,\nK3,Table,3,,\n"),
    gadget(
        "commas",
        "Key__c=Key__c\nName=Name\nCount__c=Count__c\n",
        "Key__c,Name,Count__c\nK1,Lamp,1\n,,\nK2,Chair,2\n,,\n , ,\n,,\n,Nobody,3\n",
    ),
    gadget(
        "backslashes",
        MAPPING,
        "Key__c,Name,Note__c\nK1,\"The \\\"Big\\\" lamp\",first\nK2,Chair,second\n\
         K3,\"ends in backslash \\\",third\nK4,Table,fourth\n",
    ),
    Case {
        settings: &[("CSV_ESCAPE", "backslash")],
        ..gadget(
            "escaped",
            MAPPING,
            "Key__c,Name,Note__c\nK1,\"The \\\"Big\\\" lamp\",first\nK3,\"ends in backslash \\\\\",x\n",
        )
    },
    gadget("blanks", MAPPING, "Key__c ,  Name,Count__c ,\"Note__c \"\nK1,Lamp,1,a\nK2,Chair,2,b\n"),
    gadget("repeated", MAPPING, "Key__c,Name,Remark,Remark\nK1,Lamp,a,b\nK2,Chair,c,d\n"),
    gadget("joined", MAPPING, "\u{feff}Key__c,Name\nK1,Lamp\n\u{feff}Key__c,Name\nK2,Chair\n"),
    gadget(
        "times",
        "Key__c=Key__c\nMoment__c=Moment__c\nClock__c=Clock__c\n",
        "Key__c,Moment__c,Clock__c\nK1,1/5/2026 9:05,9:05\nK2,11/23/2026 14:30,14:30\n\
         K4,1/5/2026 2:30 PM,2:30 PM\nK6,1/5/26 9:05,09:05:00 AM\nK7,2026/1/5 09:05,09:05\n\
         K8,5.1.2026 09:05,09.05\n",
    ),
    gadget(
        "odd-blanks",
        "Key__c=Key__c\nName=Name\nParent__r.ErpKey__c=Parent__r.ErpKey__c\n",
        "Key__c,Name,Parent__r.ErpKey__c\n K1 ,ascii, A-1 \n\u{a0}K2\u{a0},no-break,\u{a0}A-1\u{a0}\n\
         K4\u{200b},zero width,A-1\nK4,plain,A-1\nK1,same as first,A-1\n\"K5\n\",line end,\n\
         \u{200b},only what nobody sees,\n",
    ),
    gadget(
        "compound",
        "Key__c=Key__c\nPlace__Latitude__s=Place__Latitude__s\n\
         Place__Longitude__s=Place__Longitude__s\nTel__c=Tel__c\n",
        "Key__c,Place__Latitude__s,Place__Longitude__s,Tel__c\nK1,52.520008,13.404954,+49 30 1234567\n\
         K3,0,0,007\nK4,91,181,=+49301234567\nK5,\"52,52\",\"13,40\",'0301234\n",
    ),
    Case {
        kind: Kind {
            name: "meters",
            object: "Meter__c",
            operation: "upsert",
            external_id: "No__c",
            mapping: "No__c=No__c\nName=Name\n",
        },
        ..gadget(
            "numbers",
            "",
            "No__c,Name\n1001,first\n1001.0,second\n01001,third\n1.001E3,fourth\n1002,alone\nA-1,none\n",
        )
    },
    Case {
        kind: Kind {
            name: "new-gadgets",
            object: "Gadget__c",
            operation: "insert",
            external_id: "",
            mapping: "Name=Name\nCount__c=Count__c\n",
        },
        ..gadget(
            "blank-rows",
            "",
            "Name,Count__c,Note__c\nLamp,1,x\n , ,x\nChair,many,x\n#N/A,,x\n",
        )
    },
];

/// Codes of rows that are rejected before they are sent: those of the reader and of the mapping.
const BEFORE_THEY_ARE_SENT: [&str; 8] = [
    "BLANK_ROW",
    "EXTERNAL_ID_MISSING",
    "FIELD_COUNT",
    "INVALID_UTF8",
    "INVALID_VALUE",
    "MISPLACED_QUOTE",
    "RECORD_TOO_LONG",
    "REPEATED_HEADER",
];

/// Checks a file and loads it, and compares each row that is rejected before it is sent.
fn check_and_run(pipeline: &Pipeline, kind: &Kind, settings: &[(&str, String)], file: &str) {
    let (check, rejects) = check(pipeline, kind, settings, file);
    let run = format!("{}-{}", file.trim_end_matches(".csv"), fastrand::u32(..));
    let arguments = ["sync", "--file", file, "--run-id", &run, "--json"];
    let ended = kind.program_with(pipeline, "producer", settings, &arguments).end();

    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{file}: {ended:?}"));
    assert_eq!(check["rows"], report["read"], "{file}");
    let of_run = match report["rejected"].as_u64() {
        Some(0) => Vec::new(),
        _ => pipeline.rejects(&run),
    };
    let is_before = |row: &&Vec<String>| BEFORE_THEY_ARE_SENT.contains(&&*row[row.len() - 2]);
    let before: BTreeSet<&Vec<String>> = of_run.iter().filter(is_before).collect();
    let expected: BTreeSet<&Vec<String>> = rejects.iter().collect();
    assert_eq!(expected, before, "{file} {settings:?}");
    for code in BEFORE_THEY_ARE_SENT {
        assert_eq!(check["rejectedByCode"][code], report["rejectedByCode"][code], "{file} {code}");
    }
}

/// What a check finds, and the rows that it writes.
fn check(
    pipeline: &Pipeline,
    kind: &Kind,
    settings: &[(&str, String)],
    file: &str,
) -> (Value, Vec<Vec<String>>) {
    let path = pipeline.folder().join("checked.csv");
    let path = path.to_str().unwrap();
    let arguments = ["check", "--file", file, "--json", "--rejects", path, "--force"];
    let ended: Ended = kind.program_with(pipeline, "producer", settings, &arguments).end();
    let found: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{file}: {ended:?}"));
    let rejected = found["rejected"].as_u64().unwrap();
    assert_eq!(ended.code, Some(if rejected == 0 { 0 } else { 3 }), "{ended:?}");
    if rejected == 0 {
        return (found, Vec::new());
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap();
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    let rows: Vec<Vec<String>> =
        reader.byte_records().map(|row| row.unwrap().iter().map(text).collect()).collect();
    assert_eq!(rows.len() as u64, rejected, "{file}");
    fs::remove_file(path).unwrap();
    (found, rows)
}

fn owned<'a>(settings: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[test]
fn odd_files_are_checked_as_they_are_loaded() {
    let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
    let _consumer = pipeline.consumer_without_load();
    for Case { name, kind, settings, file } in CASES {
        let name = format!("{name}.csv");
        pipeline.put(&name, *file);
        check_and_run(&pipeline, kind, &owned(settings), &name);
    }
}

#[test]
fn each_form_of_a_cell_is_checked_as_it_is_loaded() {
    let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
    let _consumer = pipeline.consumer_without_load();
    let kind = gadgets(forms::MAPPING);
    for (setting, forms) in forms::forms() {
        for api in APIS {
            let mut settings = vec![("SALESFORCE_API", api.to_owned())];
            settings.extend(setting.split_once('=').map(|(name, value)| (name, value.to_owned())));
            let file = format!("forms-{api}.csv");
            pipeline.put(&file, forms::file(&forms));
            check_and_run(&pipeline, &kind, &settings, &file);
        }
    }
}

#[test]
fn a_large_file_with_bad_rows_is_checked_as_it_is_loaded() {
    let pipeline = Pipeline::start();
    let _consumer = pipeline.consumer_without_load();
    pipeline.generate(20_000, &["--bad-rows", "50", "--awkward"]);

    check_and_run(&pipeline, &GENERATED, &[], FILE);
}

#[test]
fn what_fails_a_run_as_a_whole_is_found_before_it() {
    let pipeline = Pipeline::with_salesforce(&[SCHEMA]);
    let _consumer = pipeline.consumer_without_load();
    let kind = gadgets("Key__c=Key__c\nName=Nom__c\n");
    pipeline.put("misfit.csv", "Key__c,Name\nK1,Lamp\n");

    let check = kind.program(&pipeline, "producer", &["check", "--file", "misfit.csv"]).end();
    let run = kind.sync(&pipeline, "misfit", "misfit.csv").end();

    assert_eq!((check.code, run.code), (Some(1), Some(1)), "{check:?} {run:?}");
    for said in [&check.stderr, &run.stderr] {
        assert!(said.contains("Gadget__c has no field `Nom__c`"), "{said}");
    }
}
