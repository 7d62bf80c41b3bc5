//! Values of restricted picklists.

use super::*;

pub(super) fn picklist(field_type: &str, restricted: bool) -> Converter {
    of_values(field_type, restricted, &[("Hot", true), ("Cold", true), ("Frozen", false)])
}

fn of_values(field_type: &str, restricted: bool, values: &[(&str, bool)]) -> Converter {
    let value = |(value, active): &(&str, bool)| json!({"value": value, "active": active});
    let values: Vec<Value> = values.iter().map(value).collect();
    let field = field(json!({
        "type": field_type, "restrictedPicklist": restricted, "length": 255,
        "picklistValues": values,
    }));
    Converter::of(&field, &ValueRules::default()).unwrap()
}

#[test]
fn a_restricted_picklist_takes_its_active_values_and_another_one_takes_all() {
    check(
        &picklist("picklist", true),
        &[("Hot", Some("\"Hot\"")), ("Frozen", None), ("Hot;Cold", None), ("Hott", None)],
    );
    check(&picklist("picklist", false), &[("Boiling", Some("\"Boiling\""))]);
}

#[test]
fn several_values_have_semicolons_between() {
    check(
        &picklist("multipicklist", true),
        &[("Hot;Cold", Some("\"Hot;Cold\"")), ("Hot", Some("\"Hot\"")), ("Hot;Warm", None)],
    );
    check(&picklist("multipicklist", false), &[("A;B", Some("\"A;B\""))]);
}

#[test]
fn a_value_is_sent_as_it_is_defined_however_its_cell_is_written() {
    let values = [("Hot", true), ("Größe Ä", true), ("New York", true), ("Frozen", false)];
    check(
        &of_values("picklist", true, &values),
        &[
            ("hot", Some("\"Hot\"")),
            ("HOT", Some("\"Hot\"")),
            (" Hot ", Some("\"Hot\"")),
            ("\u{a0}hOT\u{200b}", Some("\"Hot\"")),
            ("GRÖßE ä", Some("\"Größe Ä\"")),
            ("new york", Some("\"New York\"")),
            ("new  york", None),
            ("newyork", None),
            ("GRÖSSE Ä", None),
            ("frozen", None),
        ],
    );
}

#[test]
fn each_of_several_values_is_sent_as_it_is_defined() {
    check(
        &picklist("multipicklist", true),
        &[
            ("hot", Some("\"Hot\"")),
            ("Hot; cold", Some("\"Hot;Cold\"")),
            (" COLD ;hot ", Some("\"Cold;Hot\"")),
            ("hot;warm", None),
            ("hot;", None),
            ("hot;;cold", None),
            (";", None),
        ],
    );
}

#[test]
fn of_values_that_differ_in_case_only_the_exact_one_is_taken() {
    let twins = of_values("picklist", true, &[("ml", true), ("ML", true), ("Pt", true)]);

    check(
        &twins,
        &[
            ("ml", Some("\"ml\"")),
            ("ML", Some("\"ML\"")),
            (" ML ", Some("\"ML\"")),
            ("Ml", None),
            ("pt", Some("\"Pt\"")),
        ],
    );
    assert_eq!(
        twins.write("Ml", Form::Json, &mut Vec::new()).unwrap_err(),
        "not among the 3 values that the field allows; some of them differ only in upper and lower \
         case, so write them as they are defined"
    );
    // The other one is no value any more.
    let retired = of_values("picklist", true, &[("ml", true), ("ML", false)]);
    check(&retired, &[("Ml", Some("\"ml\""))]);
}

#[test]
fn a_value_that_is_defined_with_blanks_around_is_sent_with_them() {
    let padded = of_values("picklist", true, &[(" Hot", true), ("Cold", true)]);

    check(&padded, &[(" Hot", Some("\" Hot\"")), ("hot", Some("\" Hot\""))]);
    let both = of_values("picklist", true, &[("Hot", true), (" Hot", true)]);
    check(&both, &[(" Hot", Some("\" Hot\"")), ("Hot", Some("\"Hot\"")), ("hot", None)]);
}
