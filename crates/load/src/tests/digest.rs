//! Two loads have the same digest when they store the same, and are kept and read as they are.

use std::path::Path;

use clap::Parser;

use crate::{Load, LoadSettings, Sdl, UnreadableLoad};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: LoadSettings,
}

/// A load with these settings beside those that every one needs.
fn load(sdl: Option<&str>, settings: &[&str]) -> Load {
    let needed = ["load", "--object=Lead", "--external-id=Key__c"];
    let given =
        |needed: &&str| !settings.iter().any(|it| it.split('=').next() == needed.split('=').next());
    let arguments = needed.into_iter().filter(given).chain(settings.iter().copied());
    let settings = Line::try_parse_from(arguments).unwrap().settings;
    let sdl = sdl.map(|text| Sdl::parse(Path::new("lead.sdl"), text).unwrap());
    Load::new(&settings).unwrap().mapped_by(sdl)
}

fn digest(sdl: Option<&str>, settings: &[&str]) -> String {
    load(sdl, settings).mapping_digest()
}

const FILE: &str = "Key=Key__c\nName=LastName, Nick__c\n\"Web\"=LeadSource\n";

#[test]
fn another_mapping_or_another_rule_of_values_is_another_digest() {
    let mut seen = vec![("by name", digest(None, &[])), ("by file", digest(Some(FILE), &[]))];
    for (name, sdl) in [
        ("a field less", "Key=Key__c\nName=LastName\n\"Web\"=LeadSource\n"),
        ("another field", "Key=Key__c\nName=LastName, Nack__c\n\"Web\"=LeadSource\n"),
        ("another column", "Key=Key__c\nNume=LastName, Nick__c\n\"Web\"=LeadSource\n"),
        ("another constant", "Key=Key__c\nName=LastName, Nick__c\n\"Wob\"=LeadSource\n"),
        ("a column of that name", "Key=Key__c\nName=LastName, Nick__c\nWeb=LeadSource\n"),
    ] {
        seen.push((name, digest(Some(sdl), &[])));
    }
    for setting in [
        "--leave-out=Note",
        "--leave-out=*",
        "--time-zone=Europe/Berlin",
        "--dates=day-first",
        "--two-digit-years=1926",
        "--two-digit-years=1970",
        "--dates-with-time=cut",
        "--decimal=comma",
        "--nulls=write",
        "--truncate",
        "--assignment-rule=true",
        "--assignment-rule=false",
        "--assignment-rule=01Q000000000001",
        "--allow-duplicates",
    ] {
        seen.push((setting, digest(None, &[setting])));
    }

    for (at, (name, digest)) in seen.iter().enumerate() {
        let same: Vec<_> = seen[..at].iter().filter(|(_, other)| other == digest).collect();
        assert!(same.is_empty(), "{name} is as {same:?}");
        assert!(digest.len() == 12 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}

#[test]
fn what_changes_no_record_changes_no_digest() {
    for (name, sdl) in [
        ("comments", "# mine\nKey=Key__c\n! yours\nName=LastName, Nick__c\n\"Web\"=LeadSource\n"),
        ("order of lines", "\"Web\"=LeadSource\nName=LastName, Nick__c\nKey=Key__c\n"),
        ("order of fields", "Key=Key__c\nName=Nick__c, LastName\n\"Web\"=LeadSource\n"),
        ("blanks", "\n  Key  = Key__c \r\n\nName =LastName,Nick__c\n\"Web\"= LeadSource\n"),
        ("case of fields", "Key=key__C\nName=lastname, Nick__c\n\"Web\"=leadsource\n"),
        ("what is not sent", "Key=Key__c\nName=LastName, Nick__c\n\"Web\"=LeadSource\nNote=\n"),
    ] {
        assert_eq!(digest(Some(sdl), &[]), digest(Some(FILE), &[]), "{name}");
    }
    for settings in [
        &["--api=bulk"][..],
        &["--call-rows=10"],
        &["--object=Contact", "--external-id=Other__c"],
        &["--time-zone=utc", "--dates=month-first", "--nulls=ignore"],
    ] {
        assert_eq!(digest(None, settings), digest(None, &[]), "{settings:?}");
    }
    let left_out = |columns: &str| digest(None, &[&format!("--leave-out={columns}")]);
    assert_eq!(left_out("Note, Shoe Size"), left_out("shoe size,note,Note"));
}

#[test]
fn a_load_is_read_as_it_was_kept() {
    for (sdl, settings) in [
        (None, &[][..]),
        (Some(FILE), &["--dates=day-first", "--nulls=write", "--truncate", "--decimal=comma"]),
        (None, &["--two-digit-years=1970", "--dates-with-time=cut"]),
        (None, &["--operation=insert", "--leave-out=Note,*", "--time-zone=Europe/Berlin"]),
        (None, &["--operation=delete", "--api=bulk", "--assignment-rule=01Q000000000001"]),
    ] {
        let load = load(sdl, settings);
        assert_eq!(Load::from_json(&load.to_json()), Ok(load), "{settings:?}");
    }
}

#[test]
fn a_load_of_another_version_is_not_guessed_at() {
    let kept = load(None, &[]).to_json();
    let newer = kept.replace("\"version\":1", "\"version\":2");

    assert_eq!(Load::from_json(&newer), Err(UnreadableLoad::Version(2)));
    let unknown = kept.replace("\"object\"", "\"objekt\"");
    assert!(matches!(Load::from_json(&unknown), Err(UnreadableLoad::Malformed(_))));
    assert!(matches!(Load::from_json("{"), Err(UnreadableLoad::Malformed(_))));
}
