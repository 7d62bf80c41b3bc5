//! Dates, timestamps and times of day.

use super::*;

#[test]
fn dates_are_never_moved() {
    let table = [
        ("2026-11-23", Some("\"2026-11-23\"")),
        (" 20261123 ", Some("\"2026-11-23\"")),
        ("2026-11-23T00:00:00.000Z", Some("\"2026-11-23\"")),
        ("2026-11-23 00:00:00 +05:00", Some("\"2026-11-23\"")),
        ("2026-11-23 0:00", Some("\"2026-11-23\"")),
        ("11/23/2026 12:00:00 AM", Some("\"2026-11-23\"")),
        ("11/23/2026 12:00:00 PM", None),
        ("2026-11-23T23:30:00Z", None),
        ("2028-02-29", Some("\"2028-02-29\"")),
        ("2026-02-29", None),
        ("23.11.2026", Some("\"2026-11-23\"")),
        ("3.1.2026", Some("\"2026-01-03\"")),
        ("03.01.2026 00:00", Some("\"2026-01-03\"")),
        ("2026/11/23", Some("\"2026-11-23\"")),
        ("2026/1/3", Some("\"2026-01-03\"")),
        ("2026/11/23 12:00 AM GMT-08:00", Some("\"2026-11-23\"")),
        ("11.23.2026", None),
        ("2026.11.23", None),
        ("23.11.26", None),
        ("23.11.", None),
        ("23.11.2026.", None),
        ("23. 11. 2026", None),
        ("31.4.2026", None),
        ("2026/23/11", None),
        ("2026/11/23/", None),
        ("2026/011/3", None),
        ("23/11.2026", None),
        ("23.11.02026", None),
        ("23.11.2026 10:15", None),
        ("2026-11-23 00:00:00.001", None),
        ("2026-11-23 GMT", None),
        ("2026-13-01", None),
        ("2026-1-1", None),
        ("1699-12-31", None),
        ("1700-01-01", Some("\"1700-01-01\"")),
        ("4000-12-31", Some("\"4000-12-31\"")),
        ("4001-01-01", None),
        ("26-11-23", None),
        ("tomorrow", None),
        ("2026-11-23x", None),
        ("+2026-11-23", None),
        ("2026112", None),
    ];
    for zone in ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"] {
        let zone = TimeZone::get(zone).unwrap();
        let rules = ValueRules { zone, ..ValueRules::default() };
        let date = Converter::of(&field(json!({"type": "date"})), &rules).unwrap();
        check(&date, &table);
    }
}

#[test]
fn dates_with_slashes_follow_the_setting() {
    let table = |order, day, expected: Option<&str>| {
        let rules = ValueRules { dates: order, ..ValueRules::default() };
        check(&with("date", &rules), &[(day, expected)]);
    };
    table(DateOrder::MonthFirst, "11/3/2026", Some("\"2026-11-03\""));
    table(DateOrder::DayFirst, "11/3/2026", Some("\"2026-03-11\""));
    table(DateOrder::MonthFirst, "23/11/2026", None);
    table(DateOrder::DayFirst, "23/11/2026", Some("\"2026-11-23\""));
    table(DateOrder::MonthFirst, "11/23/26", None);
    for order in [DateOrder::MonthFirst, DateOrder::DayFirst] {
        table(order, "2026/11/3", Some("\"2026-11-03\""));
        table(order, "11.3.2026", Some("\"2026-03-11\""));
    }
}

#[test]
fn a_day_that_its_month_does_not_have_is_told_from_what_is_no_date() {
    for (cell, is_no_day) in [
        ("31.02.2025", true),
        ("2026-02-29", true),
        (" 20260431 ", true),
        ("2026/4/31", true),
        ("2/30/2026", true),
        ("0.1.2026", true),
        ("31.02.2025 10:15", true),
        // Another order, another year, or no date at all.
        ("30/2/2026", false),
        ("2026-13-01", false),
        ("31.02.9999", false),
        ("31.02.", false),
        ("31.02.2025.", false),
        ("31.x.2025", false),
        ("never", false),
    ] {
        for converter in [converter("date"), converter("datetime")] {
            let rule = converter.write(cell, Form::Json, &mut Vec::new()).unwrap_err();
            assert_eq!(rule == "there is no such day", is_no_day, "{cell:?}: {rule}");
            assert_eq!(rule.contains(&*converter.rule()), !is_no_day, "{cell:?}: {rule}");
        }
    }
}

#[test]
fn timestamps_without_an_offset_are_of_the_time_zone_that_is_set() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let rules = ValueRules { zone, dates: DateOrder::DayFirst, ..ValueRules::default() };
    let berlin = with("datetime", &rules);
    check(
        &berlin,
        &[
            ("2026-11-23T10:15:00Z", Some("\"2026-11-23T10:15:00.000Z\"")),
            ("2026-11-23T10:15:00.123456+01:00", Some("\"2026-11-23T09:15:00.123Z\"")),
            ("2026-11-23 10:15-0530", Some("\"2026-11-23T15:45:00.000Z\"")),
            ("2026-11-23 10:15:00 +01:00", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-11-23T10:15:00", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-07-01 10:15", Some("\"2026-07-01T08:15:00.000Z\"")),
            ("2026-11-23 10", Some("\"2026-11-23T09:00:00.000Z\"")),
            ("20261123T101500", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("20261123T101500Z", Some("\"2026-11-23T10:15:00.000Z\"")),
            ("23/11/2026 10:15:30.5", Some("\"2026-11-23T09:15:30.500Z\"")),
            // Midnight there, and so the day before here.
            ("2026-11-23", Some("\"2026-11-22T23:00:00.000Z\"")),
            // This hour was skipped when summer time began …
            ("2026-03-29T02:30:00", None),
            // … and this one was there twice when it ended: the first counts.
            ("2026-10-25T02:30:00", Some("\"2026-10-25T00:30:00.000Z\"")),
            ("2026-02-30T10:15:00Z", None),
            ("2026-11-23T24:00:00Z", None),
            ("2026-11-23T10:60:00Z", None),
            ("2026-11-23T10:15:00+25:00", None),
            ("2026-11-23T", None),
            ("2026-11-23T10:15:00.Z", None),
            ("2026-11-23T10:15.5Z", None),
            ("2026-11-23 9:05", Some("\"2026-11-23T08:05:00.000Z\"")),
            ("3/11/2026 9:05:07", Some("\"2026-11-03T08:05:07.000Z\"")),
            ("2026-11-23 10:15 PM", Some("\"2026-11-23T21:15:00.000Z\"")),
            ("2026-11-23 9:15 am +01:00", Some("\"2026-11-23T08:15:00.000Z\"")),
            ("2026-11-23T9:15Z", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-11-23 9", None),
            ("2026-11-23 9:5", None),
            ("2026-11-23 9:05:7", None),
            ("2026-11-23 15:15 PM", None),
            ("3.11.2026 9:05", Some("\"2026-11-03T08:05:00.000Z\"")),
            ("2026/11/3 9:05", Some("\"2026-11-03T08:05:00.000Z\"")),
            ("3.11.2026", Some("\"2026-11-02T23:00:00.000Z\"")),
            ("4000-12-31T23:30:00-01:00", None),
            ("now", None),
        ],
    );
}

#[test]
fn a_day_that_begins_an_hour_late_begins_when_it_begins() {
    let zone = TimeZone::get("America/Sao_Paulo").unwrap();
    let converter = with("datetime", &ValueRules { zone, ..ValueRules::default() });

    check(&converter, &[("2018-11-04", Some("\"2018-11-04T03:00:00.000Z\""))]);
}

#[test]
fn a_time_of_day_has_no_zone() {
    check(
        &converter("time"),
        &[
            ("10:15", Some("\"10:15:00.000Z\"")),
            ("10:15:30", Some("\"10:15:30.000Z\"")),
            ("10:15:30.25", Some("\"10:15:30.250Z\"")),
            ("10:15:30.000Z", Some("\"10:15:30.000Z\"")),
            ("24:00", None),
            ("10:15+01:00", None),
            ("9:15", Some("\"09:15:00.000Z\"")),
            ("9:15:07", Some("\"09:15:07.000Z\"")),
            ("9:15:07.5", Some("\"09:15:07.500Z\"")),
            ("09:05 AM", Some("\"09:05:00.000Z\"")),
            ("9:05:00 pm", Some("\"21:05:00.000Z\"")),
            ("2:30PM", Some("\"14:30:00.000Z\"")),
            ("2:30\u{202f}p.m.", Some("\"14:30:00.000Z\"")),
            ("9 PM", Some("\"21:00:00.000Z\"")),
            ("12:00 AM", Some("\"00:00:00.000Z\"")),
            ("12:30 PM", Some("\"12:30:00.000Z\"")),
            ("0:30 AM", None),
            ("13:30 PM", None),
            ("09:05 XM", None),
            ("PM", None),
            ("9", None),
            ("9:5", None),
            ("09.05", None),
            ("009:05", None),
            ("9:15 PMÄ", None),
            ("noon", None),
        ],
    );
}

#[test]
fn an_offset_stands_behind_the_time_with_or_without_a_blank() {
    let stored = |time: &str| Some(format!("\"2026-11-{time}:00.000Z\""));
    let pacific = stored("23T18:15");
    for (behind, expected) in [
        ("Z", stored("23T10:15")),
        ("z", stored("23T10:15")),
        ("UTC", stored("23T10:15")),
        ("gmt", stored("23T10:15")),
        ("GMT-08:00", pacific.clone()),
        ("GMT-0800", pacific.clone()),
        ("GMT-08", pacific.clone()),
        ("GMT-8", pacific.clone()),
        ("UTC-8:00", pacific.clone()),
        ("utc -08:00", pacific.clone()),
        ("-0800", pacific.clone()),
        ("-08:00", pacific.clone()),
        ("-08", pacific),
        ("UTC+2", stored("23T08:15")),
        ("+02", stored("23T08:15")),
        ("+05:45", stored("23T04:30")),
        ("GMT+14", stored("22T20:15")),
        ("+0000", stored("23T10:15")),
        ("-2", None),
        ("+2:00", None),
        ("+020", None),
        ("+02:0", None),
        ("+0:200", None),
        ("+02:00:00", None),
        ("+19", None),
        ("+02:60", None),
        ("GMT+", None),
        ("GMT-+8", None),
        ("GMT--8", None),
        ("GMT- 8", None),
        ("GMT+02Z", None),
        ("UTCZ", None),
        ("UTC GMT", None),
        ("UT", None),
        ("PST", None),
        ("CET+1", None),
        ("\u{2212}08:00", None),
    ] {
        for between in ["", " ", "\u{a0}"] {
            let cell = format!("2026-11-23 10:15{between}{behind}");
            assert_eq!(written(&converter("datetime"), &cell), expected, "{cell}");
        }
    }
    // Behind the hour alone, these may be minutes.
    check(
        &converter("datetime"),
        &[
            ("2026-11-23 10-15", None),
            ("2026-11-23 10 +02", None),
            ("2026-11-23 10+02:00", Some("\"2026-11-23T08:00:00.000Z\"")),
            ("2026-11-23 10 GMT+2", Some("\"2026-11-23T08:00:00.000Z\"")),
        ],
    );
}

#[test]
fn halves_of_a_day_stand_behind_the_time_of_any_date() {
    for (time, expected) in [
        ("9:15 PM", Some("21:15:00")),
        ("9:15:30 pm", Some("21:15:30")),
        ("9:15pm", Some("21:15:00")),
        ("12:00 AM", Some("00:00:00")),
        ("12:00 PM", Some("12:00:00")),
        ("12:59:59 a.m.", Some("00:59:59")),
        ("9 PM", Some("21:00:00")),
        ("9:15 PM Z", Some("21:15:00")),
        ("11:15 PM GMT+2", Some("21:15:00")),
        ("13:15 PM", None),
        ("0:15 AM", None),
        ("9:15 PM AM", None),
    ] {
        for date in ["11/23/2026", "2026-11-23", "2026/11/23", "23.11.2026", "20261123"] {
            let expected = expected.map(|time| format!("\"2026-11-23T{time}.000Z\""));
            let cell = format!("{date} {time}");
            assert_eq!(written(&converter("datetime"), &cell), expected, "{cell}");
        }
    }
}

#[test]
fn a_year_of_two_digits_is_one_of_a_hundred_from_the_one_that_is_set() {
    let set = |two_digit_years| ValueRules { two_digit_years, ..ValueRules::default() };
    check(
        &with("date", &set(TwoDigitYears::From(1970))),
        &[
            ("11/23/70", Some("\"1970-11-23\"")),
            ("11/23/99", Some("\"1999-11-23\"")),
            ("11/23/00", Some("\"2000-11-23\"")),
            ("11/23/69", Some("\"2069-11-23\"")),
            ("23.11.26", Some("\"2026-11-23\"")),
            ("11/23/2026", Some("\"2026-11-23\"")),
            ("2/29/00", Some("\"2000-02-29\"")),
            ("2/29/70", None),
            // The year would be guessed from its place.
            ("26/11/23", None),
            ("26-11-23", None),
            ("261123", None),
            ("11/23/6", None),
            ("11/23/026", None),
            ("11/23/+6", None),
        ],
    );
    check(
        &with("datetime", &set(TwoDigitYears::From(1926))),
        &[
            ("11/23/25 9:15 PM", Some("\"2025-11-23T21:15:00.000Z\"")),
            ("23.11.26 21:15", Some("\"1926-11-23T21:15:00.000Z\"")),
        ],
    );
    let day_first = ValueRules { dates: DateOrder::DayFirst, ..set(TwoDigitYears::From(1901)) };
    check(
        &with("date", &day_first),
        &[("1/5/00", Some("\"2000-05-01\"")), ("1/5/01", Some("\"1901-05-01\""))],
    );
    check(&with("date", &set(TwoDigitYears::Reject)), &[("11/23/70", None), ("23.11.26", None)]);
}

#[test]
fn a_time_of_day_is_cut_off_a_date_by_choice_and_never_moves_it() {
    let rules = ValueRules {
        dates_with_time: DatesWithTime::Cut,
        zone: TimeZone::get("Pacific/Kiritimati").unwrap(),
        ..ValueRules::default()
    };
    let stored = Some("\"2026-11-23\"");
    check(
        &with("date", &rules),
        &[
            ("2026-11-23", stored),
            ("2026-11-23 00:00:00", stored),
            ("2026-11-23T00:00:00.000", stored),
            ("2026-11-23T23:59:59.999Z", stored),
            ("2026-11-23T23:30:00-12:00", stored),
            ("2026-11-23 00:30 GMT+14", stored),
            ("23.11.2026 10:15", stored),
            ("11/23/2026 9:15 PM", stored),
            // What is no time of day is not cut off.
            ("2026-11-23 24:00", None),
            ("2026-11-23 10:61", None),
            ("2026-11-23 x", None),
            ("2026-11-23T", None),
            ("2026-11-23 2026-11-24", None),
        ],
    );
}
