//! Whole numbers, numbers and degrees.

use super::*;

#[test]
fn integers_have_32_bits_and_the_digits_of_their_field() {
    check(
        &converter("int"),
        &[
            ("7", Some("7")),
            ("+007", Some("7")),
            ("-2147483648", Some("-2147483648")),
            (" 5 ", Some("5")),
            ("2147483648", None),
            ("30.0", Some("30")),
            ("-30.000", Some("-30")),
            ("30.", Some("30")),
            (".0", Some("0")),
            ("-0.0", Some("0")),
            ("1e3", Some("1000")),
            ("1.5E1", Some("15")),
            ("1500e-2", Some("15")),
            ("0e999999999", Some("0")),
            ("-2147483648.0", Some("-2147483648")),
            ("2147483647.0", Some("2147483647")),
            ("2147483648.0", None),
            ("99999999999999999999.0", None),
            ("30.5", None),
            ("15e-1", None),
            ("1e10", None),
            ("1e999999999", None),
            ("1e-999999999", None),
            ("1e9999999999", None),
            ("30,0", None),
            ("1,234", None),
            ("1 234", None),
            (".", None),
            ("3O.0", None),
        ],
    );
    let three = field(json!({"type": "int", "digits": 3}));
    check(
        &Converter::of(&three, &ValueRules::default()).unwrap(),
        &[
            ("999", Some("999")),
            ("-0999", Some("-999")),
            ("1000", None),
            ("0", Some("0")),
            ("999.0", Some("999")),
            ("1000.0", None),
            ("1e3", None),
            ("0001.0", Some("1")),
        ],
    );
}

#[test]
fn numbers_keep_their_digits() {
    for field_type in ["double", "currency", "percent"] {
        check(
            &converter(field_type),
            &[
                ("0.1", Some("0.1")),
                ("12345678901234567890.123456789", Some("12345678901234567890.123456789")),
                ("1.10", Some("1.10")),
                ("-007.50", Some("-7.50")),
                (".5", Some("0.5")),
                ("5.", Some("5")),
                ("+3", Some("3")),
                ("000", Some("0")),
                ("1e3", Some("1e3")),
                ("1.5E-3", Some("1.5e-3")),
                ("1,000.5", None),
                ("1e1234567890", None),
                ("1e-1234567890", None),
                ("1,234", None),
                ("1234,5", None),
                ("1 234.5", None),
                ("1\u{a0}234", None),
                ("$5", None),
                ("NaN", None),
                ("inf", None),
                ("1e", None),
                ("1e+", None),
                ("--1", None),
                ("+-1", None),
                (".", None),
                ("1.2.3", None),
                ("٣", None),
            ],
        );
    }
}

#[test]
fn a_number_has_no_more_digits_before_the_point_than_its_field() {
    let currency = field(json!({"type": "currency", "precision": 6, "scale": 2}));
    check(
        &Converter::of(&currency, &ValueRules::default()).unwrap(),
        &[
            ("9999.99", Some("9999.99")),
            ("009999.99", Some("9999.99")),
            ("1.23456", Some("1.23456")),
            ("10000", None),
            ("-10000.00", None),
            ("1e3", Some("1e3")),
            ("9.999E3", Some("9.999e3")),
            ("1e4", None),
            ("1e400", None),
            ("0.00001e9", None),
            ("0.00001e8", Some("0.00001e8")),
            ("12345e-1", Some("12345e-1")),
            ("0e99", Some("0e99")),
            ("1e99999999999", None),
        ],
    );
}

fn comma() -> ValueRules {
    ValueRules { decimal: DecimalSign::Comma, ..ValueRules::default() }
}

#[test]
fn with_a_decimal_comma_thousands_may_be_grouped_and_nothing_is_guessed() {
    for field_type in ["double", "currency", "percent"] {
        check(
            &with(field_type, &comma()),
            &[
                ("1234,5", Some("1234.5")),
                ("1.234,50", Some("1234.50")),
                ("-1.234.567,0", Some("-1234567.0")),
                ("1 234,50", Some("1234.50")),
                ("1\u{a0}234\u{a0}567,8", Some("1234567.8")),
                ("1\u{202f}234,8", Some("1234.8")),
                ("\u{a0}1.234\u{a0}", Some("1234")),
                ("123.456", Some("123456")),
                ("1234", Some("1234")),
                ("007,50", Some("7.50")),
                (",5", Some("0.5")),
                ("5,", Some("5")),
                ("+1.000", Some("1000")),
                ("1,5E-3", Some("1.5e-3")),
                ("12e3", Some("12e3")),
                // These are no groups of three, so the point might be a decimal point.
                ("1234.50", None),
                ("1.5", None),
                ("1.2345", None),
                ("12.34,5", None),
                ("1234.567", None),
                ("1.23.456", None),
                ("0.123", None),
                ("00.123", None),
                ("1.234e3", None),
                ("1.234,5e3", None),
                // Thousands with a comma are those of a file with decimal points.
                ("1,234.50", None),
                ("1,234,567", None),
                // One sign only stands between groups.
                ("1.234 567", None),
                ("1 234.567,0", None),
                ("1\u{a0}234\u{202f}567", None),
                ("1'234", None),
                ("1  234", None),
                ("1..234", None),
                (".234", None),
                ("1.", None),
                (".", None),
                (",", None),
                ("- 5", None),
                ("1.234,5 ,", None),
                ("€ 5", None),
            ],
        );
    }
}

#[test]
fn whole_numbers_and_degrees_follow_the_decimal_sign_too() {
    check(
        &with("int", &comma()),
        &[
            ("30", Some("30")),
            ("30,0", Some("30")),
            ("1.234", Some("1234")),
            ("1 234,00", Some("1234")),
            ("2.147.483.647", Some("2147483647")),
            ("2.147.483.648", None),
            ("30.0", None),
            ("30,5", None),
            ("1,234", None),
            ("0.030", None),
        ],
    );
    let latitude = field(json!({"type": "double", "name": "Place__Latitude__s"}));
    check(
        &Converter::of(&latitude, &comma()).unwrap(),
        &[
            ("52,52", Some("52.52")),
            ("-90", Some("-90")),
            ("90,0001", None),
            ("52.520", None),
            ("52.52", None),
        ],
    );
}

#[test]
fn digits_before_a_decimal_comma_are_counted_without_what_stands_between() {
    let currency = field(json!({"type": "currency", "precision": 6, "scale": 2}));
    check(
        &Converter::of(&currency, &comma()).unwrap(),
        &[
            ("9.999,99", Some("9999.99")),
            ("9 999", Some("9999")),
            ("10.000", None),
            ("9,999E3", Some("9.999e3")),
            ("1e4", None),
        ],
    );
}

#[test]
fn keys_with_decimal_commas_are_the_same_by_value() {
    let number = field(json!({"type": "double", "externalId": true, "precision": 18}));
    let key = Converter::of_key(&number, &comma()).unwrap();
    let sameness = crate::Sameness::of(&number);
    let comparable = |cell| {
        let json = written(&key, cell).unwrap();
        sameness.comparable(json.as_bytes()).into_owned()
    };
    for cell in ["1001,0", "1.001", "01001", "1 001,00", "1,001E3"] {
        assert_eq!(comparable(cell), comparable("1001"), "{cell}");
    }
    assert_ne!(comparable("1001,5"), comparable("1001"));
}
