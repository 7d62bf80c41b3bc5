//! What holds for any text, and for any value in any of its forms.

use jiff::{Timestamp, civil};
use proptest::prelude::*;

use super::*;

/// A day that Salesforce can store, by its number from 1700-01-01 on.
fn day() -> impl Strategy<Value = civil::Date> {
    (0..839_000_i64)
        .prop_map(|days| civil::date(1700, 1, 1) + jiff::SignedDuration::from_hours(days * 24))
}

/// As one writes thousands by hand: from the right, three by three.
fn grouped(digits: &str, between: &str) -> String {
    let mut groups: Vec<&str> =
        digits.as_bytes().rchunks(3).map(|it| std::str::from_utf8(it).unwrap()).collect();
    groups.reverse();
    groups.join(between)
}

/// What is made of other signs than people write.
const PIECES: &[&str] = &[
    "0", "1", "23", "2026", "11", "-", "+", ".", ",", "/", ":", " ", "\u{a0}", "\u{202f}", "T",
    "Z", "e", "E", "GMT", "utc", "AM", "pm", "a.m.", "é", "\u{2212}", "٣", "Hot", "hot", ";", "İ",
    "\u{200b}",
];

proptest! {
    #[test]
    fn what_is_sent_means_itself_and_a_reject_leaves_nothing(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..10),
        any_text in any::<bool>(),
        text: String,
    ) {
        let cell = if any_text { text } else { pieces.concat() };
        crate::fuzz::check_cell(&cell);
    }

    #[test]
    fn a_number_with_a_comma_is_the_one_with_a_point(
        negative: bool, whole in 0..1_000_000_000_000_u64, fraction in "[0-9]{0,6}",
        between in prop::sample::select(&["", ".", " ", "\u{a0}", "\u{202f}"][..]),
    ) {
        let minus = if negative { "-" } else { "" };
        let whole = whole.to_string();
        let end = |sign| if fraction.is_empty() { String::new() } else { format!("{sign}{fraction}") };
        let rules = ValueRules { decimal: DecimalSign::Comma, ..ValueRules::default() };

        let cell = format!("{minus}{}{}", grouped(&whole, between), end(','));

        prop_assert_eq!(
            written(&with("double", &rules), &cell),
            Some(format!("{minus}{whole}{}", end('.')))
        );
    }

    #[test]
    fn a_whole_number_is_one_whatever_its_decimal_places_say(
        value: i32, zeros in "0{0,5}", places in "[0-9]{1,4}",
    ) {
        let same = format!("{value}.{zeros}");
        prop_assert_eq!(written(&converter("int"), &same), Some(value.to_string()));
        let other = format!("{value}.{places}");
        let is_whole = places.bytes().all(|digit| digit == b'0');
        prop_assert_eq!(written(&converter("int"), &other).is_some(), is_whole);
    }

    #[test]
    fn a_whole_number_with_an_exponent_is_the_one_without(digits in 0..100_000_i64, exponent in -6..6_i32) {
        let value = i128::from(digits) * 10_i128.pow(exponent.max(0).unsigned_abs());
        let divisor = 10_i128.pow((-exponent).max(0).unsigned_abs());
        let expected = (value % divisor == 0).then(|| value / divisor);
        let expected = expected.and_then(|value| i32::try_from(value).ok()).map(|it| it.to_string());

        prop_assert_eq!(written(&converter("int"), &format!("{digits}e{exponent}")), expected);
    }

    #[test]
    fn a_day_is_the_same_in_all_its_forms(day in day(), pivot in 1700..3901_i16) {
        let set = ValueRules { two_digit_years: TwoDigitYears::From(pivot), ..ValueRules::default() };
        let day_first = ValueRules { dates: DateOrder::DayFirst, ..set.clone() };
        let sent = Some(format!("\"{day}\""));
        for form in ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%-d.%-m.%Y", "%Y/%m/%d", "%Y/%-m/%-d", "%m/%d/%Y"] {
            let cell = day.strftime(form).to_string();
            prop_assert_eq!(&written(&converter("date"), &cell), &sent, "{}", cell);
        }
        let cell = day.strftime("%d/%m/%Y").to_string();
        prop_assert_eq!(&written(&with("date", &day_first), &cell), &sent, "{}", cell);
        // Of two digits, the year is the one within the hundred from the first on.
        let short = day.strftime("%d.%m.%y").to_string();
        let century = pivot..pivot + 100;
        if century.contains(&day.year()) {
            prop_assert_eq!(&written(&with("date", &set), &short), &sent, "{}", short);
        } else if let Some(found) = written(&with("date", &set), &short) {
            prop_assert!(century.contains(&found[1..5].parse::<i16>().unwrap()));
        }
        prop_assert_eq!(written(&converter("date"), &short), None);
    }

    #[test]
    fn a_moment_is_the_one_that_another_reader_of_its_offset_finds(
        day in day(), second in 0..86_400_i32, hours in 0..15_i32, minutes in 0..60_i32,
        west: bool, twelve: bool, word in prop::sample::select(&["", " ", "GMT", " UTC"][..]), form in 0..3,
    ) {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let sign = if west { '-' } else { '+' };
        let minutes = if form == 2 { 0 } else { minutes };
        let offset = match form {
            0 => format!("{sign}{hours:02}:{minutes:02}"),
            1 => format!("{sign}{hours:02}{minutes:02}"),
            _ => format!("{sign}{hours:02}"),
        };
        let clock = if twelve {
            let half = if hour < 12 { "AM" } else { "PM" };
            format!("{}:{minute:02}:{second:02} {half}", if hour % 12 == 0 { 12 } else { hour % 12 })
        } else {
            format!("{hour}:{minute:02}:{second:02}")
        };
        let cell = format!("{} {clock}{word}{offset}", day.strftime("%-d.%-m.%Y"));

        let found = written(&converter("datetime"), &cell);

        let iso = format!("{day}T{hour:02}:{minute:02}:{second:02}{sign}{hours:02}:{minutes:02}");
        let moment: Timestamp = iso.parse().unwrap();
        let year = moment.strftime("%Y").to_string().parse::<i16>().unwrap();
        let expected = moment.strftime("\"%Y-%m-%dT%H:%M:%S.000Z\"").to_string();
        prop_assert_eq!(found, (1700..=4000).contains(&year).then_some(expected), "{}", cell);
    }
}
