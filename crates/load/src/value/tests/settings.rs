//! How settings name the choices.

use std::fmt::Debug;

use clap::ValueEnum;
use serde::{Serialize, de::DeserializeOwned};

use super::*;

/// On the command line and in a file a choice has one name.
fn check_names<T>(expected: &[(&str, T)])
where
    T: ValueEnum + Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    assert_eq!(T::value_variants().len(), expected.len());
    for (name, choice) in expected {
        assert_eq!(T::from_str(name, false).as_ref(), Ok(choice));
        assert_eq!(choice.to_possible_value().unwrap().get_name(), *name);
        assert_eq!(serde_json::to_value(choice).unwrap(), *name);
        assert_eq!(&serde_json::from_value::<T>(json!(name)).unwrap(), choice);
    }
}

#[test]
fn choices_have_one_name_everywhere() {
    check_names(&[("point", DecimalSign::Point), ("comma", DecimalSign::Comma)]);
    check_names(&[("reject", DatesWithTime::Reject), ("cut", DatesWithTime::Cut)]);
    check_names(&[("month-first", DateOrder::MonthFirst), ("day-first", DateOrder::DayFirst)]);
}

#[test]
fn two_digit_years_are_a_word_or_a_year() {
    for (json, years) in
        [(json!("reject"), TwoDigitYears::Reject), (json!(1970), TwoDigitYears::From(1970))]
    {
        assert_eq!(serde_json::from_value::<TwoDigitYears>(json.clone()).unwrap(), years);
        assert_eq!(serde_json::to_value(years).unwrap(), json);
        assert_eq!(years.to_string().parse(), Ok(years));
    }
    let quoted: TwoDigitYears = serde_json::from_value(json!("1970")).unwrap();
    assert_eq!(quoted, TwoDigitYears::From(1970));
    for edge in ["1700", "3901"] {
        assert_eq!(edge.parse::<TwoDigitYears>().unwrap().to_string(), edge);
    }
}

#[test]
fn years_that_cannot_be_meant_are_refused_with_what_to_write() {
    for text in ["", "70", "+1970", "01970", "Reject", "1970.0", "all"] {
        assert_eq!(
            text.parse::<TwoDigitYears>().unwrap_err(),
            "write `reject`, or the first of a hundred years, such as 1970",
            "{text}"
        );
    }
    for year in ["1699", "3902", "9999"] {
        assert_eq!(
            year.parse::<TwoDigitYears>().unwrap_err(),
            "the first year must be from 1700 to 3901; write it like 1970",
        );
    }
    for json in [json!(-1), json!(70), json!(i64::MAX), json!("70"), json!(true), json!(1970.5)] {
        let refused = serde_json::from_value::<TwoDigitYears>(json.clone()).unwrap_err();
        assert!(refused.to_string().contains("1970"), "{json}: {refused}");
    }
}

#[test]
fn a_command_line_takes_two_digit_years() {
    #[derive(Debug, clap::Parser)]
    struct Settings {
        #[arg(long, default_value_t)]
        two_digit_years: TwoDigitYears,
    }
    let parse = |arguments: &[&str]| {
        let arguments = std::iter::once(&"program").chain(arguments);
        <Settings as clap::Parser>::try_parse_from(arguments).map(|it| it.two_digit_years)
    };
    assert_eq!(parse(&[]).unwrap(), TwoDigitYears::Reject);
    assert_eq!(parse(&["--two-digit-years=1970"]).unwrap(), TwoDigitYears::From(1970));
    let refused = parse(&["--two-digit-years=70"]).unwrap_err().to_string();
    assert!(refused.contains("write `reject`, or the first of a hundred years"), "{refused}");
}
