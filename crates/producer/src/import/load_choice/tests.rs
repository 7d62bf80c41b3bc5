use std::path::Path;

use load::{ApiChoice, DateOrder, InlineColumns, Loads, Operation};

use super::*;

/// Two loads with patterns, and `default` of leads.
fn known() -> KnownLoads {
    let text = r#"
        [loads.contacts]
        object = "Contact"
        external-id = "Key__c"
        files = ["contacts*.csv"]
        columns = { Number = "Key__c", Name = "LastName" }
        dates = "day-first"

        [loads.old]
        object = "Contact"
        operation = "delete"
        files = ["*-old.csv"]
    "#;
    let loads = Loads::parse(Path::new("loads.toml"), text, &read_text).unwrap();
    with_environment(loads, LoadSettings { dates: Some(DateOrder::MonthFirst), ..leads() })
}

fn with_environment(loads: Loads, environment: LoadSettings) -> KnownLoads {
    let loads = loads.with_default(&environment, &read_text).unwrap();
    KnownLoads { loads, environment }
}

/// A program that knows nothing but these settings.
fn only(environment: LoadSettings) -> KnownLoads {
    with_environment(Loads::default(), environment)
}

fn leads() -> LoadSettings {
    LoadSettings {
        object: Some("Lead".to_owned()),
        external_id: Some("Key__c".to_owned()),
        ..LoadSettings::default()
    }
}

fn nothing() -> LoadSettings {
    LoadSettings::default()
}

fn wish(name: &str, flags: LoadSettings) -> LoadWish {
    LoadWish::known((!name.is_empty()).then(|| name.to_owned()), flags)
}

/// A default load of consumers.
fn live(settings: LoadSettings) -> RunLoad {
    RunLoad::new("default", &settings.load(&read_text).unwrap())
}

/// In words, and who says it.
fn said(known: &KnownLoads, file: &str, wish: &LoadWish) -> (String, Option<SaidBy>) {
    match known.said_of_file(file, wish) {
        Ok(SaidLoad::This { load, by }) => (load.summary.to_string(), Some(by)),
        Ok(SaidLoad::OfConsumers { .. }) => ("of consumers".to_owned(), None),
        Err(error) => (error.to_string(), None),
    }
}

fn load_of(said: &SaidLoad) -> Load {
    let SaidLoad::This { load, .. } = said else { panic!("{said:?}") };
    Load::from_json(&load.text).unwrap()
}

#[test]
fn a_name_comes_before_a_pattern_and_a_pattern_before_the_environment() {
    let known = known();
    let contacts = "upsert Contact by Key__c (load contacts)";
    let default = "upsert Lead by Key__c (load default)";
    for (name, file, expected, by) in [
        ("", "contacts-1.csv", contacts, SaidBy::Pattern),
        ("", "other.csv", default, SaidBy::Environment),
        ("contacts", "other.csv", contacts, SaidBy::Person),
        ("default", "contacts-1.csv", default, SaidBy::Person),
        ("old", "contacts-1.csv", "delete Contact by Id (load old)", SaidBy::Person),
    ] {
        let said = said(&known, file, &wish(name, nothing()));
        assert_eq!(said, (expected.to_owned(), Some(by)), "{name:?} {file}");
    }
    let (unknown, _) = said(&known, "other.csv", &wish("contact", nothing()));
    assert!(unknown.contains("did you mean `contacts`?"), "{unknown}");
    let (several, _) = said(&known, "contacts-old.csv", &wish("", nothing()));
    assert!(several.contains("`contacts`") && several.contains("`old`"), "{several}");
    let (named, _) = said(&known, "contacts-old.csv", &wish("contacts", nothing()));
    assert_eq!(named, contacts);
}

#[test]
fn flags_change_single_values_of_whichever_load_it_is() {
    let flags = LoadSettings { api: Some(ApiChoice::Bulk), ..nothing() };
    for (name, file) in [("contacts", "other.csv"), ("", "contacts-1.csv"), ("", "other.csv")] {
        let changed = known().said_of_file(file, &wish(name, flags.clone())).unwrap();
        let usual = known().said_of_file(file, &wish(name, nothing())).unwrap();

        assert_eq!(
            load_of(&changed),
            Load { api: ApiChoice::Bulk, ..load_of(&usual) },
            "{name} {file}"
        );
        assert!(matches!(changed, SaidLoad::This { by: SaidBy::Person, .. }));
    }
}

#[test]
fn flags_that_say_an_object_need_no_load_and_the_environment_says_the_rest() {
    let flags = LoadSettings { object: Some("Account".to_owned()), ..nothing() };
    let rest = LoadSettings { object: None, dates: Some(DateOrder::DayFirst), ..leads() };

    let account = only(rest.clone()).said_of_file("a.csv", &wish("", flags.clone())).unwrap();

    let found = load_of(&account);
    let found = (found.object.as_str(), found.key.as_deref(), found.values.dates);
    assert_eq!(found, ("Account", Some("Key__c"), DateOrder::DayFirst));
    // The rest alone says no load.
    assert_eq!(only(rest).said_of_file("a.csv", &wish("", nothing())), Ok(SaidLoad::nothing()));
    let (refused, _) = said(&only(nothing()), "a.csv", &wish("", flags));
    assert!(refused.contains("--external-id"), "{refused}");
}

#[test]
fn a_load_that_a_request_says_is_mixed_with_nothing() {
    let settings = LoadSettings {
        object: Some("Contact".to_owned()),
        operation: Some(Operation::Insert),
        ..nothing()
    };

    let whole = LoadWish::Whole(Box::new(settings.clone()));
    let found = known().said_of_file("contacts-1.csv", &whole).unwrap();

    assert_eq!(load_of(&found), settings.load(&read_text).unwrap());
}

#[test]
fn a_run_of_which_nothing_is_said_gets_the_only_default_load_that_deletes_nothing() {
    let contacts = LoadSettings { object: Some("Contact".to_owned()), ..leads() };
    let deletes = live(LoadSettings { operation: Some(Operation::Delete), ..leads() });
    let (leads, contacts) = (live(leads()), live(contacts));
    let choose = |live: &[RunLoad]| SaidLoad::nothing().choose(live);
    let assumed = |load: &RunLoad| Ok(Some(Chosen { load: load.clone(), is_assumed: true }));

    assert_eq!(choose(&[]), Ok(None));
    assert_eq!(choose(std::slice::from_ref(&leads)), assumed(&leads));
    assert_eq!(choose(std::slice::from_ref(&deletes)), Ok(None));
    assert_eq!(choose(&[deletes, leads.clone()]), assumed(&leads));
    let several = choose(&[leads, contacts]).unwrap_err().to_string();
    for word in ["upsert Lead", "upsert Contact", "--load", "--object"] {
        assert!(several.contains(word), "{word}: {several}");
    }
}

#[test]
fn a_file_that_no_load_fits_waits_for_one_only_where_the_producer_has_none() {
    let known = KnownLoads { environment: nothing(), ..known() };
    let known = with_environment(known.loads, nothing());
    let by_bulk = LoadSettings { api: Some(ApiChoice::Bulk), ..nothing() };
    let deletes = live(LoadSettings { operation: Some(Operation::Delete), ..leads() });
    for flags in [nothing(), by_bulk] {
        let said = known.said_of_file("other.csv", &wish("", flags.clone())).unwrap();

        for live in [&[][..], std::slice::from_ref(&deletes)] {
            let refused = said.choose(live).unwrap_err().to_string();
            for word in ["--load (contacts, old)", "--object", "no load fits"] {
                assert!(refused.contains(word), "{word}: {refused}");
            }
        }
        // The only one that may be assumed.
        let chosen = said.choose(&[live(leads()), deletes.clone()]).unwrap().unwrap();
        assert_eq!(chosen.load.summary.object, "Lead");
    }
    let said = only(nothing()).said_of_file("other.csv", &wish("", nothing())).unwrap();
    assert_eq!(said.choose(&[]), Ok(None));
}

#[test]
fn flags_without_an_object_change_the_default_load_of_the_consumers() {
    let columns =
        InlineColumns::new(Path::new("a"), [(1, "N".to_owned(), vec!["Key__c".to_owned()])]);
    let mapped = live(LoadSettings { columns: Some(columns.unwrap()), ..leads() });
    let flags = LoadSettings { call_rows: Some(50), ..nothing() };
    let said = only(nothing()).said_of_file("a.csv", &wish("", flags)).unwrap();

    let chosen = said.choose(std::slice::from_ref(&mapped)).unwrap().unwrap();

    let kept = Load::from_json(&mapped.text).unwrap();
    assert_eq!(Load::from_json(&chosen.load.text).unwrap(), Load { call_rows_max: 50, ..kept });
    assert!(!chosen.is_assumed);
    assert_eq!(said.choose(&[]), Err(LoadError::NoObject));
}

#[test]
fn settings_say_the_load_that_they_are_of() {
    let all = LoadSettings {
        operation: Some(Operation::Update),
        api: Some(ApiChoice::Auto),
        call_rows: Some(7),
        leave_out: Some(vec!["Note".to_owned()]),
        time_zone: Some(jiff::tz::TimeZone::get("Europe/Berlin").unwrap()),
        dates: Some(DateOrder::DayFirst),
        nulls: Some(Nulls::Write),
        truncate: Some(true),
        ..leads()
    };
    for settings in [leads(), all] {
        let load = settings.load(&read_text).unwrap();

        assert_eq!(settings_of(&load).load(&read_text).unwrap(), load);
    }
}

#[test]
fn a_mapping_that_no_consumer_of_the_same_has_was_forgotten_somewhere() {
    let own = only(leads()).said_of_file("a.csv", &wish("", nothing())).unwrap();
    let left_out = LoadSettings { leave_out: Some(vec!["Note".to_owned()]), ..leads() };
    let other = live(left_out.clone());
    let contacts = LoadSettings { object: Some("Contact".to_owned()), ..left_out.clone() };
    let updates = LoadSettings { operation: Some(Operation::Update), ..left_out.clone() };
    let by_bulk = LoadSettings { api: Some(ApiChoice::Bulk), ..leads() };

    let refused = own.choose(std::slice::from_ref(&other)).unwrap_err().to_string();
    for word in ["mapping", "upsert Lead", "columns: by the names of columns here", "Note"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    // Of another kind, of another way only, or beside one that has it.
    for live_loads in [
        vec![],
        vec![live(contacts), live(updates)],
        vec![live(by_bulk)],
        vec![other.clone(), live(leads())],
    ] {
        assert!(own.choose(&live_loads).is_ok(), "{live_loads:?}");
    }
    // A person may mean it.
    let flags = LoadSettings { leave_out: Some(vec!["City".to_owned()]), ..nothing() };
    for wish in [wish("default", nothing()), wish("", flags)] {
        let said = only(leads()).said_of_file("a.csv", &wish).unwrap();
        assert!(said.choose(std::slice::from_ref(&other)).is_ok(), "{wish:?}");
    }
}

#[test]
fn rejected_rows_become_what_their_run_loads_unless_a_person_says_another() {
    let known = known();
    let of_run = live(LoadSettings { object: Some("Account".to_owned()), ..leads() });
    let of_rejects = |wish: &LoadWish| known.said_of_rejects(Some(of_run.clone()), wish).unwrap();

    let kept = SaidLoad::This { load: of_run.clone(), by: SaidBy::Replayed };
    assert_eq!(of_rejects(&wish("", nothing())), kept);
    assert_eq!(load_of(&of_rejects(&wish("contacts", nothing()))).object, "Contact");
    let by_bulk = LoadSettings { api: Some(ApiChoice::Bulk), ..nothing() };
    let changed = load_of(&of_rejects(&wish("", by_bulk)));
    assert_eq!((changed.object.as_str(), changed.api), ("Account", ApiChoice::Bulk));
    // The environment is for new files.
    assert_eq!(known.said_of_rejects(None, &wish("", nothing())), Ok(SaidLoad::nothing()));
}

#[test]
fn a_load_of_too_many_columns_is_refused() {
    let columns = (0..10_000)
        .map(|at| (at, format!("a column with a long name, number {at}"), vec![format!("F{at}")]));
    let columns = InlineColumns::new(Path::new("a"), columns).unwrap();
    let whole = LoadWish::Whole(Box::new(LoadSettings {
        columns: Some(columns),
        external_id: Some("F0".to_owned()),
        ..leads()
    }));

    let refused = known().said_of_file("a.csv", &whole);

    assert!(matches!(refused, Err(LoadError::TooLarge { bytes }) if bytes > LOAD_BYTES_MAX));
}

#[test]
fn a_load_of_one_object_says_nothing_of_how_another_is_found_or_deleted() {
    let deletes =
        LoadSettings { operation: Some(Operation::Delete), call_rows: Some(7), ..leads() };
    let account = LoadSettings { object: Some("Account".to_owned()), ..nothing() };
    let by_number = LoadSettings { external_id: Some("Nr__c".to_owned()), ..account.clone() };
    let known = only(deletes.clone());
    let of_run = live(deletes);
    let in_environment =
        |flags: &LoadSettings| known.said_of_file("a.csv", &wish("", flags.clone()));
    let of_rejects = |flags: &LoadSettings| {
        known.said_of_rejects(Some(of_run.clone()), &wish("", flags.clone()))
    };

    for said in [in_environment(&by_number), of_rejects(&by_number)] {
        let SaidLoad::This { load, .. } = said.unwrap() else { panic!() };
        assert_eq!(load.summary.to_string(), "upsert Account by Nr__c (load flags)");
        assert_eq!(Load::from_json(&load.text).unwrap().call_rows_max, 7, "it is of no object");
    }
    for refused in [in_environment(&account), of_rejects(&account)] {
        assert!(refused.unwrap_err().to_string().contains("--external-id"));
    }
}
