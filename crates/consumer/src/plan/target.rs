//! What this consumer does with rows, in the words of the queue: only runs with this target come to
//! it.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::SalesforceConfig;
use load::{DateOrder, DatesWithTime, DecimalSign, Sdl, TargetRules, TwoDigitYears, ValueRules};
use salesforce::AssignmentRule;

/// Hexadecimal digits that name a mapping.
const DIGITS: usize = 12;

/// Org, object, operation, key, and a digest of what decides what becomes of a row.
pub(crate) fn target(org: String, rules: &TargetRules, mapping: String) -> job_queue::Target {
    job_queue::Target {
        org,
        object: rules.describe.name.clone(),
        operation: rules.operation.as_str().to_owned(),
        external_id: rules.key.as_ref().map(|key| key.field.clone()),
        mapping,
    }
}

/// All that decides which values a row brings, in an order that says nothing. The names of its
/// parts go into the digest: renaming one makes each open run one of another target.
#[derive(Serialize)]
struct Decisive<'a> {
    columns: Columns,
    time_zone: &'a str,
    day_first: bool,
    // Those that are not set are left out: so an open run keeps its target when a setting is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    two_digit_years: Option<TwoDigitYears>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dates_with_time: Option<DatesWithTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decimal: Option<DecimalSign>,
    empty_is_null: bool,
    truncate: bool,
    assignment_rule: Option<&'a str>,
    allow_duplicates: bool,
}

#[derive(Serialize)]
enum Columns {
    /// Columns fill the fields of their names, but for these.
    Names { left_out: Vec<String> },
    /// Columns, and constants in their quotes, with the fields that they fill.
    File { entries: Vec<(String, Vec<String>)> },
}

/// Names the way in which rows become records: two consumers with the same one store the same. The
/// API, the rows of a call and how many go at once decide nothing of that.
pub(crate) fn mapping_digest(sdl: Option<&Sdl>, config: &SalesforceConfig) -> String {
    let ValueRules {
        zone,
        dates,
        two_digit_years,
        dates_with_time,
        decimal,
        empty_is_null,
        truncate,
    } = &config.values;
    let decisive = Decisive {
        columns: match sdl {
            None => Columns::Names { left_out: sorted(config.left_out.0.iter()) },
            Some(sdl) => Columns::File { entries: entries(sdl) },
        },
        time_zone: zone.iana_name().unwrap_or_default(),
        day_first: *dates == DateOrder::DayFirst,
        two_digit_years: if_set(*two_digit_years),
        dates_with_time: if_set(*dates_with_time),
        decimal: if_set(*decimal),
        empty_is_null: *empty_is_null,
        truncate: *truncate,
        assignment_rule: config.assignment_rule.as_ref().map(|rule| match rule {
            AssignmentRule::Active => "active",
            AssignmentRule::None => "none",
            AssignmentRule::Id(id) => id,
        }),
        allow_duplicates: config.allow_duplicates,
    };
    let json = serde_json::to_vec(&decisive).expect("texts become JSON");
    let digits: String = Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..DIGITS].to_owned()
}

fn if_set<T: Default + PartialEq>(setting: T) -> Option<T> {
    (setting != T::default()).then_some(setting)
}

/// A column that fills nothing is as good as one that the file does not name.
fn entries(sdl: &Sdl) -> Vec<(String, Vec<String>)> {
    let filling = sdl.entries().filter(|(_, fields)| !fields.is_empty());
    let mut entries: Vec<_> =
        filling.map(|(column, fields)| (column.to_owned(), sorted(fields.iter()))).collect();
    entries.sort();
    entries
}

/// Names in Salesforce have no case.
fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use clap::Parser;

    use super::*;
    use crate::{Cli, Task};

    /// The digest with these settings beside those that every consumer needs.
    fn digest(sdl: Option<&str>, settings: &[&str]) -> String {
        let sdl = sdl.map(|text| Sdl::parse(Path::new("lead.sdl"), text).unwrap());
        mapping_digest(sdl.as_ref(), &config(settings))
    }

    fn config(settings: &[&str]) -> SalesforceConfig {
        let needed = [
            "consumer",
            "--salesforce-object=Lead",
            "--salesforce-external-id=Key__c",
            "--salesforce-access-token=00D!x",
            "--salesforce-instance-url=http://127.0.0.1",
        ];
        let given = |needed: &&str| {
            !settings.iter().any(|it| it.split('=').next() == needed.split('=').next())
        };
        let arguments = needed.into_iter().filter(given).chain(settings.iter().copied());
        let task = Cli::try_parse_from(arguments).unwrap().meant().unwrap();
        let Task::Deliver(config) = task else { panic!("it delivers") };
        config.salesforce
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
            "--mapping-leave-out=Note",
            "--mapping-leave-out=*",
            "--mapping-time-zone=Europe/Berlin",
            "--mapping-dates=day-first",
            "--mapping-nulls=write",
            "--mapping-truncate",
            "--salesforce-assignment-rule=true",
            "--salesforce-assignment-rule=false",
            "--salesforce-assignment-rule=01Q000000000001",
            "--salesforce-allow-duplicates",
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
    fn how_numbers_and_dates_are_written_is_part_of_the_digest() {
        let digest = |change: fn(&mut ValueRules)| {
            let mut config = config(&[]);
            change(&mut config.values);
            mapping_digest(None, &config)
        };
        let digests = BTreeSet::from([
            digest(|_| ()),
            digest(|values| values.decimal = DecimalSign::Comma),
            digest(|values| values.dates_with_time = DatesWithTime::Cut),
            digest(|values| values.two_digit_years = TwoDigitYears::From(1926)),
            digest(|values| values.two_digit_years = TwoDigitYears::From(1970)),
        ]);
        assert_eq!(digests.len(), 5);
    }

    #[test]
    fn what_changes_no_record_changes_no_digest() {
        for (name, sdl) in [
            (
                "comments",
                "# mine\nKey=Key__c\n! yours\nName=LastName, Nick__c\n\"Web\"=LeadSource\n",
            ),
            ("order of lines", "\"Web\"=LeadSource\nName=LastName, Nick__c\nKey=Key__c\n"),
            ("order of fields", "Key=Key__c\nName=Nick__c, LastName\n\"Web\"=LeadSource\n"),
            ("blanks", "\n  Key  = Key__c \r\n\nName =LastName,Nick__c\n\"Web\"= LeadSource\n"),
            ("case of fields", "Key=key__C\nName=lastname, Nick__c\n\"Web\"=leadsource\n"),
            ("what is not sent", "Key=Key__c\nName=LastName, Nick__c\n\"Web\"=LeadSource\nNote=\n"),
        ] {
            assert_eq!(digest(Some(sdl), &[]), digest(Some(FILE), &[]), "{name}");
        }
        for settings in [
            &["--salesforce-api=bulk"][..],
            &["--salesforce-batch=10"],
            &["--concurrency=9", "--salesforce-concurrency-max=99"],
            &["--salesforce-api-version=64.0", "--salesforce-client-name=me"],
            &["--salesforce-object=Contact", "--salesforce-external-id=Other__c"],
            &["--mapping-time-zone=utc", "--mapping-dates=month-first", "--mapping-nulls=ignore"],
        ] {
            assert_eq!(digest(None, settings), digest(None, &[]), "{settings:?}");
        }
        let left_out = |columns: &str| digest(None, &[&format!("--mapping-leave-out={columns}")]);
        assert_eq!(left_out("Note, Shoe Size"), left_out("shoe size,note,Note"));
    }
}
