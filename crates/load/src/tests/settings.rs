//! Settings of a load: said in several places, and what they become.

use std::{cell::RefCell, ffi::OsString, io, path::Path};

use clap::{Args, Command, CommandFactory, Parser};
use serde_json::json;

use crate::{
    ApiChoice, AssignmentRule, Columns, DateOrder, DecimalSign, InvalidLoad, Load, LoadFlags,
    LoadSettings, Operation, Sdl,
};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: LoadSettings,
}

#[derive(Debug, Parser)]
#[command(next_help_heading = "Load")]
struct Flags {
    /// Before them.
    #[arg(long)]
    first: bool,
    #[command(flatten)]
    load: LoadFlags,
}

fn said(arguments: &[&str]) -> LoadSettings {
    let arguments = ["load"].into_iter().chain(arguments.iter().copied());
    Line::try_parse_from(arguments).unwrap().settings
}

fn of_json(json: serde_json::Value) -> Result<LoadSettings, String> {
    serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())
}

fn with_columns(settings: LoadSettings, columns: serde_json::Value) -> LoadSettings {
    let columns = of_json(columns).unwrap();
    LoadSettings { columns: columns.columns, constants: columns.constants, ..settings }
}

const FILE: &str = "Key=Key__c\nName=LastName, Nick__c\n\"Web\"=LeadSource\n";

fn read(path: &Path) -> io::Result<String> {
    match path.to_str() {
        Some("/etc/maps/lead.sdl" | "/srv/lead.sdl") => Ok(FILE.to_owned()),
        Some("broken.sdl") => Ok("Key\n".to_owned()),
        Some("large.sdl") => Ok("#".repeat((1 << 20) + 1)),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

#[test]
fn a_hard_delete_goes_by_bulk_whatever_else_is_not_said() {
    let load = |arguments: &[&str]| {
        let arguments = [&["--object=Lead", "--operation=hard-delete"], arguments].concat();
        Load::new(&said(&arguments)).map(|load| (load.api, load.key))
    };
    let by_id = |field: &str| Ok((ApiChoice::Bulk, Some(field.to_owned())));

    assert_eq!(load(&[]), by_id("Id"));
    assert_eq!(load(&["--api=auto", "--external-id=Key__c"]), by_id("Key__c"));
    assert_eq!(load(&["--api=bulk", "--allow-duplicates"]), by_id("Id"));
    assert_eq!(load(&["--api=collections"]), Err(InvalidLoad::ByBulkOnly));
    let settings = said(&["--object=Lead", "--operation=hard-delete"]);
    let kept = Load::new(&settings).unwrap().to_json();
    assert_eq!(Load::from_json(&kept).unwrap().operation, Operation::HardDelete);
}

#[test]
fn what_is_said_wins_over_what_is_below_setting_by_setting() {
    let all = [
        "--object=Lead",
        "--external-id=Key__c",
        "--operation=update",
        "--api=auto",
        "--call-rows=10",
        "--assignment-rule=true",
        "--allow-duplicates",
        "--time-zone=Europe/Berlin",
        "--dates=day-first",
        "--two-digit-years=1970",
        "--dates-with-time=cut",
        "--decimal=comma",
        "--nulls=write",
        "--truncate",
        "--ids",
    ];
    let others = [
        "--object=Contact",
        "--external-id=Id",
        "--operation=delete",
        "--api=bulk",
        "--call-rows=20",
        "--assignment-rule=false",
        "--allow-duplicates=false",
        "--time-zone=Europe/Zurich",
        "--dates=month-first",
        "--two-digit-years=reject",
        "--dates-with-time=reject",
        "--decimal=point",
        "--nulls=ignore",
        "--truncate=false",
        "--ids=false",
    ];
    assert_eq!(said(&all).over(said(&others)), said(&all));
    assert_eq!(LoadSettings::default().over(said(&all)), said(&all));
    // Another object says more than itself: see `what_belongs_to_an_object_is_not_of_another_one`.
    for at in (0..all.len()).filter(|at| !all[*at].starts_with("--object=")) {
        let mut expected = others;
        expected[at] = all[at];
        assert_eq!(said(&[all[at]]).over(said(&others)), said(&expected), "{}", all[at]);
    }
}

#[test]
fn where_columns_find_their_fields_is_one_choice() {
    let mapping = || said(&["--mapping=a.sdl"]);
    let leave_out = || said(&["--leave-out=Note"]);
    let both = || said(&["--mapping=a.sdl", "--leave-out=Note"]);
    let columns = || with_columns(LoadSettings::default(), json!({"columns": {"A": "B"}}));
    let constants =
        || with_columns(LoadSettings::default(), json!({"constants": {"Type": "Customer"}}));
    let mapped = || LoadSettings { constants: constants().constants, ..columns() };
    for (above, below, expected) in [
        (mapping(), leave_out(), mapping()),
        (leave_out(), mapping(), leave_out()),
        (columns(), both(), columns()),
        (mapping(), mapped(), mapping()),
        (leave_out(), mapped(), leave_out()),
        (columns(), mapped(), columns()),
        (constants(), columns(), mapped()),
        (mapped(), mapping(), mapped()),
        (LoadSettings::default(), mapped(), mapped()),
        (said(&["--object=Lead"]), both(), LoadSettings { object: Some("Lead".into()), ..both() }),
    ] {
        assert_eq!(above.clone().over(below.clone()), expected, "{above:?} over {below:?}");
    }
}

#[test]
fn settings_say_nothing_when_none_is_given() {
    assert!(LoadSettings::default().says_nothing());
    let one = [said(&["--truncate=false"]), said(&["--mapping=a.sdl"])];
    let columns = with_columns(LoadSettings::default(), json!({"columns": {"A": "B"}}));
    for settings in one.into_iter().chain([columns]) {
        assert!(!settings.says_nothing(), "{settings:?}");
    }
}

#[test]
fn a_load_has_what_its_mapping_file_says_and_nothing_of_where_that_lies() {
    let asked = RefCell::new(Vec::new());
    let settings = |mapping| said(&["--object=Lead", "--external-id=Key__c", mapping]);
    let load = |mapping| {
        let reading = |path: &Path| {
            asked.borrow_mut().push(path.to_owned());
            read(path)
        };
        settings(mapping).load(&reading).unwrap()
    };

    let [one, other] = ["--mapping=/etc/maps/lead.sdl", "--mapping=/srv/lead.sdl"].map(load);

    assert_eq!(one.to_json(), other.to_json());
    assert_eq!(asked.into_inner(), ["/etc/maps/lead.sdl", "/srv/lead.sdl"].map(Path::new));
    let sdl = Sdl::parse(Path::new("lead.sdl"), FILE).unwrap();
    assert_eq!(one.columns, Columns::Mapped(sdl));
    let by_name = settings("--leave-out=Note").load(&read).unwrap();
    assert_eq!(by_name, Load::new(&settings("--leave-out=Note")).unwrap());
}

#[test]
fn columns_of_a_request_are_those_of_the_mapping_file_that_says_the_same() {
    let needed = said(&["--object=Lead", "--external-id=Key__c"]);
    let file = LoadSettings { mapping: Some("/srv/lead.sdl".into()), ..needed.clone() };
    let inline = with_columns(
        needed,
        json!({"columns": {"Key": "Key__c", "Name": ["LastName", "Nick__c"]},
               "constants": {"LeadSource": "Web"}}),
    );

    let [file, inline] = [file, inline].map(|settings| settings.load(&read).unwrap());

    assert_eq!(inline.mapping_digest(), file.mapping_digest());
    assert_eq!(Load::from_json(&inline.to_json()), Ok(inline));
}

#[test]
fn settings_that_make_no_load_are_named() {
    let needed = || said(&["--object=Lead", "--external-id=Key__c"]);
    let file = |name: &str| LoadSettings { mapping: Some(name.into()), ..needed() };
    let inline = |json| with_columns(needed(), json);
    let columns = || inline(json!({"columns": {"A": "B"}, "constants": {"C": 1.5}}));
    for (settings, expected) in [
        (said(&["--external-id=A"]), "SALESFORCE_OBJECT is not set"),
        (said(&["--object=A"]), "SALESFORCE_EXTERNAL_ID is not set"),
        (file("hidden.sdl"), "could not read the mapping file hidden.sdl: permission denied"),
        (file("broken.sdl"), "mapping file broken.sdl, line 1: there is no `=`"),
        (file("large.sdl"), "could not read the mapping file large.sdl: it is larger than 1 MiB"),
        (
            LoadSettings { mapping: Some("lead.sdl".into()), ..columns() },
            "columns are mapped by `columns` and by a mapping file; leave one of them out",
        ),
        (
            LoadSettings { leave_out: Some(vec!["Note".into()]), ..columns() },
            "a column that `columns` does not name is not sent; take `leave-out` away",
        ),
        (inline(json!({"constants": {"C": 1}})), "`constants` stands beside `columns`;"),
        (
            LoadSettings { decimal: Some(DecimalSign::Comma), ..columns() },
            "columns, line 1: constant of `C`: decimals stand behind a comma in this load; write \
             it as a cell has it, \"1,5\"",
        ),
    ] {
        let message = settings.load(&read).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{settings:?} gave {message}");
    }
    let invalid = file("broken.sdl").load(&read).unwrap_err();
    assert!(matches!(invalid, InvalidLoad::Mapping(_)), "{invalid:?}");
}

#[test]
fn a_request_says_settings_in_camel_case() {
    let settings = json!({
        "object": "Lead", "externalId": "Key__c", "operation": "update", "api": "auto",
        "callRows": 10, "assignmentRule": true, "allowDuplicates": false, "leaveOut": ["Note"],
        "timeZone": "Europe/Berlin", "dates": "day-first", "twoDigitYears": 1970,
        "datesWithTime": "cut", "decimal": "comma", "nulls": "write", "truncate": null,
    });
    let expected = said(&[
        "--object=Lead",
        "--external-id=Key__c",
        "--operation=update",
        "--api=auto",
        "--call-rows=10",
        "--assignment-rule=true",
        "--allow-duplicates=false",
        "--leave-out=Note",
        "--time-zone=Europe/Berlin",
        "--dates=day-first",
        "--two-digit-years=1970",
        "--dates-with-time=cut",
        "--decimal=comma",
        "--nulls=write",
    ]);
    assert_eq!(of_json(settings), Ok(expected));
    assert_eq!(
        of_json(json!({"object": null, "api": null, "callRows": null, "timeZone": null,
                       "assignmentRule": null, "leaveOut": null, "columns": null})),
        Ok(LoadSettings::default())
    );
}

#[test]
fn what_a_request_cannot_say_is_named() {
    for (settings, expected) in [
        (json!({"objekt": "A"}), "unknown field `objekt`"),
        (json!({"object": "a b"}), "`a b` is not an API name"),
        (json!({"operation": "merge"}), "`merge` is no value of it; write `upsert` or `insert`"),
        (json!({"callRows": 201}), "201 rows make no call; write a number from 1 to 200"),
        (json!({"timeZone": "Mars"}), "no such time zone"),
        (
            json!({"columns": {"A": "B", " A": "C"}}),
            "columns, line 2: column `A` is mapped on line 1",
        ),
        (json!({"columns": {}}), "columns: no column fills a field"),
        (json!({"columns": {"A": 1}}), "`A`: expected a name, or a list of names"),
        (json!({"columns": ["A"]}), "invalid type: sequence, expected a table of names"),
        (json!({"constants": {"A": null}}), "`A`: expected text, a number, true, or false"),
        (json!({"constants": {"A": ""}}), "constants, line 1: constant of `A`: it is empty"),
    ] {
        let message = of_json(settings).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
    let twice: Result<LoadSettings, _> = serde_json::from_str(r#"{"columns":{"A":"B","A":"C"}}"#);
    assert!(twice.unwrap_err().to_string().contains("mapped on line 1 already"));
}

#[test]
fn flags_of_a_load_are_those_of_the_settings_and_name_the_variables_only_in_help() {
    let arguments = [
        "--object=Lead",
        "--salesforce-external-id=Key__c",
        "--api=auto",
        "--truncate",
        "--leave-out=A,B",
    ];
    let flags = ["flags"].into_iter().chain(arguments);
    assert_eq!(Flags::try_parse_from(flags).unwrap().load, LoadFlags(said(&arguments)));
    let none = Flags::try_parse_from(["flags", "--first"]).unwrap();
    assert!(none.first && none.load.0.says_nothing());

    let mut command = Flags::command();
    command.build();
    let variables = Line::command();
    for argument in variables.get_arguments() {
        let flag = command.get_arguments().find(|it| it.get_id() == argument.get_id()).unwrap();
        assert_eq!(flag.get_env(), None, "{flag}");
        assert_eq!(flag.get_help_heading(), Some("Load"), "{flag}");
        let help = flag.get_help().unwrap().to_string();
        let variable = argument.get_env().unwrap().to_str().unwrap();
        assert!(help.ends_with(&format!("[load `default`: {variable}]")), "{help}");
        assert_eq!(help.matches("[load").count(), 1, "{help}");
    }
    let short = command.render_help().to_string();
    assert!(!short.contains("[env"), "{short}");
    let order = ["--first", "--object", "--operation", "--truncate"].map(|it| short.find(it));
    assert!(order.is_sorted() && order[0].is_some(), "{short}");
}

#[test]
fn variables_alone_say_the_load_default() {
    let variables = |said: &'static [(&'static str, &'static str)]| {
        move |name: &str| {
            let found = said.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        }
    };
    let settings = LoadSettings::of_variables(&variables(&[
        ("SALESFORCE_OBJECT", "Lead"),
        ("SALESFORCE_OPERATION", "insert"),
        ("SALESFORCE_API", ""),
        ("SALESFORCE_ASSIGNMENT_RULE", "true"),
        ("MAPPING_LEAVE_OUT", "Note,Shoe Size"),
        ("MAPPING_TRUNCATE", "false"),
        ("OTHER", "x"),
    ]))
    .unwrap();
    let expected = LoadSettings {
        object: Some("Lead".to_owned()),
        operation: Some(Operation::Insert),
        assignment_rule: Some(AssignmentRule::Active),
        leave_out: Some(vec!["Note".to_owned(), "Shoe Size".to_owned()]),
        truncate: Some(false),
        ..LoadSettings::default()
    };
    assert_eq!(settings, expected);
    assert!(LoadSettings::of_variables(&variables(&[])).unwrap().says_nothing());
    let flags = said(&["--dates=day-first", "--api=auto"]).over(expected);
    assert_eq!((flags.dates, flags.api), (Some(DateOrder::DayFirst), Some(ApiChoice::Auto)));

    for (said, expected) in [
        (
            &[("SALESFORCE_OBJECT", "a b")][..],
            "error: invalid value 'a b' for SALESFORCE_OBJECT: not an API name; these have letters, \
             digits and underscores",
        ),
        (
            &[("SALESFORCE_API", "soap")],
            "error: invalid value 'soap' for SALESFORCE_API [possible values: collections, bulk, auto]",
        ),
        (
            &[("SALESFORCE_BATCH", "0")],
            "error: invalid value '0' for SALESFORCE_BATCH: 0 is not in 1..=200",
        ),
        (
            &[("MAPPING_TRUNCATE", "maybe")],
            "error: invalid value 'maybe' for MAPPING_TRUNCATE [possible values: ",
        ),
    ] {
        let message = LoadSettings::of_variables(&variables(said)).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn what_belongs_to_an_object_is_not_of_another_one() {
    let base = || LoadSettings {
        columns: None,
        constants: None,
        ..said(&[
            "--object=Contact",
            "--external-id=Key__c",
            "--operation=hard-delete",
            "--api=bulk",
            "--call-rows=7",
            "--assignment-rule=true",
            "--mapping=contacts.sdl",
            "--dates=day-first",
            "--ids",
        ])
    };
    let flags = |arguments: &[&str]| said(arguments);

    // Neither the deletion, nor what it found its records by, nor what filled its fields.
    let other = flags(&["--object=Account"]).over(base());
    assert_eq!(other, flags(&["--object=Account", "--call-rows=7", "--dates=day-first", "--ids"]));
    let by_name = LoadSettings { mapping: None, ..base() };
    let columns =
        with_columns(by_name.clone(), json!({"columns": {"A": "Key__c"}, "constants": {"B": 1}}));
    for base in [columns, LoadSettings { leave_out: Some(vec!["X".to_owned()]), ..by_name }] {
        let left = flags(&["--object=Account"]).over(base);
        assert_eq!((left.columns, left.constants, left.leave_out), (None, None, None));
    }

    // All of it, where it is the same object, or none is said.
    assert_eq!(flags(&["--object=CONTACT"]).over(base()).operation, Some(Operation::HardDelete));
    assert_eq!(
        flags(&["--truncate"]).over(base()),
        LoadSettings { truncate: Some(true), ..base() }
    );
    let without_object = LoadSettings { object: None, ..base() };
    let with = LoadSettings { object: Some("Account".to_owned()), ..base() };
    assert_eq!(flags(&["--object=Account"]).over(without_object), with);
}

#[test]
fn variables_of_settings_without_an_object_are_named() {
    let arguments = LoadSettings::augment_args(Command::new("load"));
    let of_arguments = arguments.get_arguments().filter_map(|it| it.get_env()?.to_str());
    let mut all: Vec<&str> = of_arguments.filter(|name| *name != "SALESFORCE_OBJECT").collect();
    let everything = || {
        said(&[
            "--external-id=A",
            "--operation=upsert",
            "--api=bulk",
            "--call-rows=7",
            "--assignment-rule=true",
            "--allow-duplicates",
            "--mapping=a.sdl",
            "--leave-out=A",
            "--time-zone=UTC",
            "--dates=day-first",
            "--two-digit-years=1970",
            "--dates-with-time=cut",
            "--decimal=comma",
            "--nulls=write",
            "--truncate",
            "--ids",
        ])
    };

    let mut named = everything().said_without_object();

    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
    let with_object = LoadSettings { object: Some("Lead".to_owned()), ..everything() };
    assert_eq!(with_object.said_without_object(), [""; 0]);
    assert_eq!(said(&["--decimal=comma"]).said_without_object(), ["MAPPING_DECIMAL"]);
}
