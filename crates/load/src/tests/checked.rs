//! What is said of rows that nobody sends is what becomes of those that are sent.

use super::*;

/// Of one row: why it is invalid, or its key and what it refers to.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Invalid { reason: String, cells: Vec<(usize, String)> },
    Ready { key: Option<String>, references: Vec<(usize, String)> },
}

fn checked(mapping: &Mapping, columns: &str, raw: &[&str]) -> Vec<Said> {
    let mut rows = Rows::default();
    for (record, raw) in (1..).zip(raw) {
        rows.push(record, raw.as_bytes());
    }
    let plan = mapping.plan(header(columns), BTreeMap::new()).unwrap();
    let encoded = plan.encode(&rows);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut said = Vec::new();
    plan.check_rows(&rows, |row| {
        assert_eq!(Some((row.record, row.raw)), rows.get(said.len()));
        match &encoded.rows()[said.len()] {
            EncodedRow::Invalid(reason) => {
                assert_eq!(row.invalid.map(|invalid| &invalid.reason), Some(reason));
            }
            _ => assert_eq!(row.invalid, None),
        }
        said.push(match row.invalid {
            Some(invalid) => Said::Invalid {
                reason: invalid.reason.code.clone(),
                cells: invalid
                    .cells
                    .iter()
                    .map(|cell| (cell.target, cell.rule.clone().into_owned()))
                    .collect(),
            },
            None => Said::Ready {
                key: row.key().map(|key| text(&key)),
                references: row.references().map(|(at, value)| (at, text(&value))).collect(),
            },
        });
    });
    said
}

fn ready(key: Option<&str>, references: &[(usize, &str)]) -> Said {
    let references = references.iter().map(|(at, value)| (*at, (*value).to_owned())).collect();
    Said::Ready { key: key.map(str::to_owned), references }
}

fn invalid(reason: &str, cells: &[(usize, &str)]) -> Said {
    let cells = cells.iter().map(|(at, rule)| (*at, (*rule).to_owned())).collect();
    Said::Invalid { reason: reason.to_owned(), cells }
}

#[test]
fn each_invalid_cell_is_named_by_its_target_and_its_rule() {
    let columns = "Remark,Key__c,Active__c,Seats__c,Born__c";
    let mapping = by_name_for(Operation::Upsert, &["Remark"]);
    let said = checked(&mapping, columns, &["r,A-1,yes,1,", "r,,yes,1,", "r,b,perhaps,many,", "r"]);

    let Said::Invalid { cells, .. } = &said[2] else { panic!("{said:?}") };
    let rule = |at: usize| cells[at].1.as_str();
    assert_eq!(
        said,
        [
            ready(Some("a-1"), &[]),
            invalid("EXTERNAL_ID_MISSING", &[(0, "the external id is empty")]),
            invalid("INVALID_VALUE", &[(1, rule(0)), (2, rule(1))]),
            invalid("FIELD_COUNT", &[]),
        ]
    );
    assert!(rule(0).starts_with("not true or false"), "{}", rule(0));
    assert!(!format!("{said:?}").contains("perhaps"), "a value is never said");
}

#[test]
fn what_rows_refer_to_is_compared_as_its_field_is() {
    let columns = "Key__c,Master__r.ErpKey__c,OwnerId";
    let owner = "005000000000001AAA";
    let said =
        checked(&by_name(), columns, &[&format!("k,Ab1,{owner}"), "l,,", "m,#N/A,", "n,too long,"]);

    assert_eq!(said[0], ready(Some("k"), &[(1, "ab1"), (2, &owner[..15])]));
    assert_eq!(said[1..3], [ready(Some("l"), &[]), ready(Some("m"), &[])]);
    assert_eq!(said[3], invalid("INVALID_VALUE", &[(1, "longer than 5 characters")]));
}

#[test]
fn an_insert_has_no_keys_and_refuses_blank_rows() {
    let mapping = by_name_for(Operation::Insert, &[]);

    let said = checked(&mapping, "LastName,Key__c", &["A,k", "\" \",\"\""]);

    assert_eq!(said, [ready(None, &[]), invalid("BLANK_ROW", &[])]);
}
