//! Files of loads: what they say, and what is said of their mistakes.

mod mistakes;
mod names;

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use jiff::tz::TimeZone;

use super::{InvalidLoads, Loads, NamedLoad, section};
use crate::{
    ApiChoice, AssignmentRule, Columns, DateOrder, DatesWithTime, DecimalSign, InvalidLoad,
    LoadSettings, Nulls, Operation, Sdl, TwoDigitYears,
};

/// Folders with these mapping files.
const MAPPINGS: [(&str, &str); 4] = [
    (
        "/etc/loads/mappings/contacts.sdl",
        "Key=ErpKey__c\nMail=Mail__c\nName=LastName\n\"Web\"=LeadSource\n",
    ),
    ("/etc/loads/broken.sdl", "Key=ErpKey__c\n\nName\n"),
    ("/etc/loads/twice.sdl", "Key=ErpKey__c\nE-Mail=Email\nMail=email\n"),
    ("/srv/lead.sdl", "Key=ErpKey__c\n"),
];

fn read(path: &Path) -> io::Result<String> {
    let found = MAPPINGS.iter().find(|(known, _)| Path::new(known) == path);
    found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn parse(text: &str) -> Result<Loads, InvalidLoads> {
    Loads::parse(Path::new("/etc/loads/loads.toml"), text, &read)
}

/// A file with one load, `accounts`, that has these settings beside those that every one needs.
fn one(settings: &str) -> NamedLoad {
    let text =
        format!("[loads.accounts]\nobject = \"Account\"\nexternal-id = \"ErpKey__c\"\n{settings}");
    let loads = parse(&text).unwrap_or_else(|error| panic!("{settings}: {error}"));
    loads.named("accounts").unwrap().clone()
}

fn sdl(named: &NamedLoad) -> Vec<(usize, String, Option<String>, String)> {
    let Columns::Mapped(Sdl { entries, .. }) = &named.load.columns else { panic!("{named:?}") };
    let entries = entries.iter();
    entries
        .map(|it| (it.line, it.column.clone(), it.constant.clone(), it.targets.join(" + ")))
        .collect()
}

#[test]
fn a_load_has_the_settings_of_its_table() {
    let named = one(r#"
operation = "update"
api = "auto"
call-rows = 50
assignment-rule = "01Q000000000001"
allow-duplicates = false
leave-out = ["Note", "Shoe Size"]
time-zone = "Europe/Berlin"
dates = "day-first"
two-digit-years = 1970
dates-with-time = "cut"
decimal = "comma"
nulls = "write"
truncate = true
ids = true
files = ["accounts*.csv", "exports/accounts.csv"]
"#);

    let settings = LoadSettings {
        object: Some("Account".to_owned()),
        external_id: Some("ErpKey__c".to_owned()),
        operation: Some(Operation::Update),
        api: Some(ApiChoice::Auto),
        call_rows: Some(50),
        assignment_rule: Some(AssignmentRule::Id("01Q000000000001".to_owned())),
        allow_duplicates: Some(false),
        mapping: None,
        leave_out: Some(vec!["Note".to_owned(), "Shoe Size".to_owned()]),
        time_zone: Some(TimeZone::get("Europe/Berlin").unwrap()),
        dates: Some(DateOrder::DayFirst),
        two_digit_years: Some(TwoDigitYears::From(1970)),
        dates_with_time: Some(DatesWithTime::Cut),
        decimal: Some(DecimalSign::Comma),
        nulls: Some(Nulls::Write),
        truncate: Some(true),
        ids: Some(true),
        columns: None,
        constants: None,
    };
    let expected = NamedLoad {
        name: "accounts".to_owned(),
        load: settings.load(&read).unwrap(),
        settings,
        files: vec!["accounts*.csv".to_owned(), "exports/accounts.csv".to_owned()],
        after: Vec::new(),
    };
    assert_eq!(named, expected);
}

#[test]
fn a_setting_may_be_written_in_several_ways() {
    for (one_way, other) in [
        ("assignment-rule = true", "assignment-rule = \"true\""),
        ("assignment-rule = false", "assignment-rule = \"FALSE\""),
        ("two-digit-years = 1970", "two-digit-years = \"1970\""),
        ("leave-out = \"*\"", "leave-out = [\"*\"]"),
        ("call-rows = 0xA", "call-rows = 10"),
        ("columns = { A = \"ErpKey__c\" }", "columns = { A = [\" ErpKey__c \"] }"),
        ("files = \"a.csv\"", "files = [\"a.csv\"]"),
    ] {
        assert_eq!(one(one_way), one(other), "{one_way}");
    }
}

#[test]
fn each_setting_of_a_load_can_be_written_in_a_file() {
    let arguments = LoadSettings::augment_args(Command::new("load"));
    let ids = arguments.get_arguments().map(|it| it.get_id().as_str().replace('_', "-"));
    let mut of_loads: Vec<String> =
        ids.chain(["columns", "constants"].map(str::to_owned)).collect();
    of_loads.sort();

    let own = section::OWN.iter().filter(|key| !["files", "after"].contains(key));
    let mut of_files: Vec<&str> = section::SHARED.iter().chain(own).copied().collect();
    of_files.sort_unstable();

    assert_eq!(of_files, of_loads);
}

#[test]
fn what_a_load_does_not_say_the_defaults_say() {
    let text = r#"
[loads.accounts]
object = "Account"
dates = "month-first"

[loads.contacts]
object = "Contact"
external-id = "Mail__c"
mapping = "mappings/contacts.sdl"

[loads.leads]
object = "Lead"
leave-out = "Shoes"

[defaults]
external-id = "ErpKey__c"
dates = "day-first"
leave-out = ["Note"]
"#;
    let loads = parse(text).unwrap();

    let said: Vec<_> = loads
        .iter()
        .map(|NamedLoad { name, load, .. }| {
            let left_out = match &load.columns {
                Columns::ByName(left_out) => Some(left_out.0.join(",")),
                Columns::Mapped(_) => None,
            };
            let key = load.key.as_deref().unwrap();
            (name.as_str(), key, load.values.dates, load.dates_are_assumed, left_out)
        })
        .collect();
    let left_out = |columns: &str| Some(columns.to_owned());
    assert_eq!(
        said,
        [
            ("accounts", "ErpKey__c", DateOrder::MonthFirst, false, left_out("Note")),
            ("contacts", "Mail__c", DateOrder::DayFirst, false, None),
            ("leads", "ErpKey__c", DateOrder::DayFirst, false, left_out("Shoes")),
        ]
    );
}

#[test]
fn a_mapping_file_lies_beside_the_file_of_loads() {
    let named = one("mapping = \"mappings/contacts.sdl\"");

    assert_eq!(
        named.settings.mapping,
        Some(PathBuf::from("/etc/loads/mappings/contacts.sdl")),
        "so it can be opened"
    );
    let Columns::Mapped(sdl) = &named.load.columns else { panic!("{named:?}") };
    assert_eq!(*sdl, Sdl::parse(Path::new("contacts.sdl"), MAPPINGS[0].1).unwrap());
    assert_eq!(named.settings.load(&read), Ok(named.load));
    let absolute = one("mapping = \"/srv/lead.sdl\"");
    assert_eq!(absolute.settings.mapping, Some(PathBuf::from("/srv/lead.sdl")));
}

#[test]
fn columns_and_constants_are_the_lines_of_a_mapping_file() {
    let named = one(r#"
[loads.accounts.columns]
Kundennr = "ErpKey__c"
Name = ["Name", "Alias__c"]

# Not in the file of all countries.
"Straße, Nr." = "Street"

[loads.accounts.constants]
Type = "Customer"
Rating = "Customer"
Seats__c = 1_200
Price__c = 1.10
Active__c = true
Phone = +49301234
Small__c = -1e-3
"#);

    let column = |line, name: &str, fields: &str| (line, name.to_owned(), None, fields.to_owned());
    let constant = |line, value: &str, fields: &str| {
        (line, format!("\"{value}\""), Some(value.to_owned()), fields.to_owned())
    };
    assert_eq!(
        sdl(&named),
        [
            column(6, "Kundennr", "ErpKey__c"),
            column(7, "Name", "Name + Alias__c"),
            column(10, "Straße, Nr.", "Street"),
            constant(13, "Customer", "Type + Rating"),
            constant(15, "1200", "Seats__c"),
            constant(16, "1.10", "Price__c"),
            constant(17, "true", "Active__c"),
            constant(18, "+49301234", "Phone"),
            constant(19, "-1e-3", "Small__c"),
        ]
    );
    let Columns::Mapped(sdl) = &named.load.columns else { panic!("{named:?}") };
    assert_eq!(sdl.path(), Path::new("loads.toml [loads.accounts]"));
}

#[test]
fn columns_store_the_same_as_the_mapping_file_that_says_the_same() {
    let inline = one(
        "columns = { Key = \"ErpKey__c\", Mail = \"Mail__c\", Name = \"LastName\" }\nconstants = { LeadSource = \"Web\" }",
    );
    let file = one("mapping = \"mappings/contacts.sdl\"");

    assert_eq!(inline.load.mapping_digest(), file.load.mapping_digest());
}

#[test]
fn a_file_without_loads_has_none() {
    for text in ["", "\u{feff}# nothing yet\r\n", "[defaults]\ndates = \"day-first\"", "[loads]"] {
        assert_eq!(parse(text).unwrap().iter().count(), 0, "{text:?}");
    }
    let marked = parse("\u{feff}[loads.a]\nobject = \"A\"\noperation = \"insert\"").unwrap();
    assert_eq!(marked.iter().count(), 1);
}

#[test]
fn the_environment_says_the_load_default_and_nothing_of_the_others() {
    let text = "[loads.accounts]\nobject = \"Account\"\noperation = \"insert\"";
    let file = parse(text).unwrap();
    let environment = |object: Option<&str>| LoadSettings {
        object: object.map(str::to_owned),
        external_id: Some("ErpKey__c".to_owned()),
        dates: Some(DateOrder::DayFirst),
        mapping: Some(PathBuf::from("/srv/lead.sdl")),
        ..LoadSettings::default()
    };

    let with_default = file.clone().with_default(&environment(Some("Lead")), &read).unwrap();

    let names: Vec<_> = with_default.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(names, ["accounts", "default"]);
    assert_eq!(with_default.named("accounts"), file.named("accounts"));
    let default = with_default.named("default").unwrap();
    assert_eq!(Ok(&default.load), environment(Some("Lead")).load(&read).as_ref());
    assert_eq!((&default.files, &default.after), (&Vec::new(), &Vec::new()));

    let again = with_default.with_default(&environment(Some("Case")), &read).unwrap();
    let objects: Vec<_> = again.iter().map(|load| load.load.object.as_str()).collect();
    assert_eq!(objects, ["Account", "Case"], "there is one default");
    let without = again.with_default(&environment(None), &read).unwrap();
    assert_eq!(without.iter().count(), 1);
    let without = file.clone().with_default(&environment(None), &read).unwrap();
    assert_eq!(without.iter().count(), 1);
    let unreadable = LoadSettings { mapping: Some("nowhere.sdl".into()), ..environment(Some("A")) };
    let refused = file.with_default(&unreadable, &read).unwrap_err();
    assert!(matches!(refused, InvalidLoad::UnreadableMapping { .. }), "{refused}");
}
