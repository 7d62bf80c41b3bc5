//! What is sent of rows.

use super::*;

#[test]
fn rows_can_be_kept_without_the_json_of_the_others() {
    let whole = encoded_rows(&["a", "b", "a", "c"]);
    let body = whole.body(&[1, 2]);

    let kept = whole.with_json_of(&[1, 2]);

    assert_eq!(kept.body(&[1, 2]), body);
    assert_eq!(kept.ids(&[1, 2]), "b,a");
    assert!(kept.json(0).is_empty() && kept.json(3).is_empty());
    assert!(matches!(kept.rows()[2], EncodedRow::Ready { after: Some(0), .. }));
}

#[test]
fn rows_can_be_written_without_the_json_of_the_others_in_a_place_that_is_no_larger_than_they_are() {
    let long = "x".repeat(10_000);
    let rows: Vec<String> = (0..100).map(|row| format!("k{},{long}", row % 60)).collect();
    let mut raw = Rows::default();
    (1..).zip(&rows).for_each(|(record, row)| raw.push(record, row.as_bytes()));
    let plan = by_name().plan(header("Key__c,LastName"), BTreeMap::new()).unwrap();

    let kept = plan.encode_only(&raw, &[7, 61]);

    let expected = plan.encode(&raw).with_json_of(&[7, 61]);
    assert_eq!([7, 61, 8].map(|row| kept.json(row)), [7, 61, 8].map(|row| expected.json(row)));
    assert_eq!(kept.body(&[7, 61]), expected.body(&[7, 61]));
    assert!(matches!(kept.rows()[61], EncodedRow::Ready { after: Some(1), .. }));
    let memory = Vec::from(kept.json).capacity();
    assert!(memory < 40_000, "two rows of 10 kB, and one that is looked at: {memory}");
}

#[test]
fn a_constant_is_in_every_row() {
    let mapping = from_file("k=Key__c\n\"Web \\\"shop\\\"\"=LastName\n\"yes\"=Active__c").unwrap();

    let record = sent(&mapping, "k", "C-1").unwrap();

    assert_eq!(record, json!({"LastName": "Web \"shop\"", "Active__c": true, "Key__c": "C-1"}));
    assert_eq!(mapping.required_but_not_filled(), Vec::<&str>::new());
}

#[test]
fn an_update_names_its_record_by_id() {
    let mapping = by_name_for(Operation::Update, &[]);

    let record = sent(&mapping, "ID,Email", "00Qxx0000000001,a@b.example").unwrap();

    assert_eq!(record, json!({"id": "00Qxx0000000001", "Email": "a@b.example"}));
    assert_eq!(
        sent(&mapping, "Id,Email", ",x").unwrap_err(),
        "EXTERNAL_ID_MISSING: column `Id`: the id is empty"
    );
    assert_eq!(
        sent(&mapping, "Id,Email", "nobody,x").unwrap_err(),
        "INVALID_VALUE: column `Id`: not an id of 15 or 18 letters and digits"
    );
}

#[test]
fn a_delete_sends_ids_and_needs_nothing_else() {
    let mapping = by_name_for(Operation::Delete, &[]);
    let raw = ["00Qxx0000000001,x", "00Qxx0000000002AAA,y"];

    let rows = encode(&mapping, "Id,Whatever", &raw);

    assert_eq!(rows.ids(&[0, 1]), "00Qxx0000000001,00Qxx0000000002AAA");
}

#[test]
fn a_row_whose_record_was_looked_up_is_sent_with_its_id_and_without_its_key() {
    let key = Key { field: "Key__c".to_owned(), sameness: Sameness::IgnoringCase };
    let rules = TargetRules { key: Some(key), ..rules(Operation::Update) };
    assert!(rules.looked_up_by().is_some());
    let mapping = Mapping::by_name(rules, LeftOut::default());
    let raw = ["x,k-1", "y,k-2", "z,k-3", "u,", ",k-4"];
    let long = RecordId::parse("00Qxx0000000001AAA");
    let short = RecordId::parse("00Qxx0000000001");

    let rows = encode(&mapping, "Email,Key__c", &raw).with_ids(&[long, None, short, None, short]);

    assert_eq!(
        String::from_utf8_lossy(&rows.body(&[0, 2, 4])),
        concat!(
            r#"{"allOrNone":false,"records":["#,
            r#"{"attributes":{"type":"Lead"},"Email":"x","id":"00Qxx0000000001AAA"},"#,
            r#"{"attributes":{"type":"Lead"},"Email":"z","id":"00Qxx0000000001"},"#,
            r#"{"attributes":{"type":"Lead"},"id":"00Qxx0000000001"}]}"#
        )
    );
    assert_eq!(rows.ids(&[0, 2]), "00Qxx0000000001AAA,00Qxx0000000001");
    // Rows of one record go one after the other, however their keys were spelled.
    let links: Vec<_> = rows.rows().iter().map(EncodedRow::after).collect();
    assert_eq!(links, [Some(None), None, Some(Some(0)), None, Some(Some(2))]);
    for text in ["", "00Qxx000000000", "00Qxx0000000001AA", "00Qxx-000000001", "ü0Qxx0000000001AA"]
    {
        assert_eq!(RecordId::parse(text), None, "{text}");
    }
}

#[test]
fn an_id_of_15_characters_is_the_same_as_the_one_of_18() {
    let mapping = by_name_for(Operation::Update, &[]);
    let ids = ["00Qxx0000000001", "00Qxx0000000001AAA", "00QXX0000000001"];

    let rows = encode(&mapping, "Id", &ids);

    assert_eq!(after_of(&rows), [None, Some(0), None]);
}

#[test]
fn values_follow_the_type_of_their_field() {
    let record = sent(
        &by_name(),
        "Key__c,Active__c,Seats__c,Revenue__c,LastName",
        "007, Yes ,+12,0012345678901234567.10,\"say \"\"hi\"\"\nnow\"",
    );

    assert_eq!(
        serde_json::to_string(&record.unwrap()).unwrap(),
        serde_json::to_string(&json!({
            "Key__c": "007", "Active__c": true, "Seats__c": 12,
            "Revenue__c": 12_345_678_901_234_567.10_f64, "LastName": "say \"hi\"\nnow"
        }))
        .unwrap()
    );
}

#[test]
fn a_number_is_sent_with_the_digits_it_has() {
    let rows = encode(&by_name(), "Key__c,Revenue__c", &["1,12345678901234567.10"]);

    let body = String::from_utf8(rows.body(&[0]).to_vec()).unwrap();

    assert!(body.contains("\"Revenue__c\":12345678901234567.10}"), "{body}");
}

#[test]
fn an_empty_cell_is_not_sent_and_na_is_null() {
    let record = sent(&by_name(), "Key__c,Email,LastName,Seats__c", "1,,\"\",#N/A").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Seats__c": null}));
}

#[test]
fn a_record_is_named_by_an_external_id_of_its_own() {
    let mapping = from_file("k=Key__c\nm=Master__r.ErpKey__c").unwrap();

    assert_eq!(
        sent(&mapping, "k,m", "1,A-9").unwrap(),
        json!({"Key__c": "1", "Master__r": {"ErpKey__c": "A-9"}})
    );
    assert_eq!(sent(&mapping, "k,m", "1,").unwrap(), json!({"Key__c": "1"}));
    assert_eq!(sent(&mapping, "k,m", "1,#N/A").unwrap(), json!({"Key__c": "1", "Master__c": null}));
    assert_eq!(
        sent(&mapping, "k,m", "1,A-99999").unwrap_err(),
        "INVALID_VALUE: column `m`: longer than 5 characters"
    );
}

#[test]
fn an_external_id_that_is_a_number_is_sent_as_one() {
    let record = sent(&by_name(), "Key__c,Master__r.Number__c", "1,007").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Master__r": {"Number__c": 7}}));
}

#[test]
fn a_record_of_one_of_several_objects_is_named_with_its_object() {
    let record = sent(&by_name(), "Key__c,User:Owner.Nick__c", "1,ada").unwrap();

    assert_eq!(
        record,
        json!({"Key__c": "1",
               "Owner": {"attributes": {"type": "User"}, "Nick__c": "ada"}})
    );
}

#[test]
fn empty_cells_empty_their_fields_when_the_settings_say_so() {
    let mut rules = rules(Operation::Upsert);
    rules.values.empty_is_null = true;
    let mapping = Mapping::by_name(rules, LeftOut::default());

    let record = sent(&mapping, "Key__c,Email,Active__c,Master__r.ErpKey__c", "1, ,,").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Email": null, "Master__c": null}));
}

#[test]
fn a_value_that_cannot_be_converted_is_a_reject_that_names_the_columns() {
    let refused = sent(&by_name(), "Key__c,Active__c,Seats__c", "1,maybe,many").unwrap_err();

    assert_eq!(
        refused,
        "INVALID_VALUE: column `Active__c`: not true or false, yes or no, on or off, 1 or 0; \
         column `Seats__c`: not a whole number between -2147483648 and 2147483647, such as 12 or \
         12.0"
    );
    assert!(sent(&by_name(), "Key__c,Active__c", "1,#N/A").is_err());
}

#[test]
fn a_row_without_an_external_id_is_a_reject() {
    for cell in ["", "\"\"", "   ", "#N/A"] {
        let refused = sent(&by_name(), "Key__c,Email", &format!("{cell},x")).unwrap_err();
        assert_eq!(refused, "EXTERNAL_ID_MISSING: column `Key__c`: the external id is empty");
    }
}

#[test]
fn what_nobody_sees_around_a_key_is_no_part_of_it_nor_around_that_of_a_parent() {
    for key in [" C-1 ", "\u{a0}C-1\u{3000}", "C-1\u{200b}", "\u{feff}C-1", "\tC-1\n", "\u{1} C-1"]
    {
        let raw = format!("\"{key}\",\"{key}\",\"\u{200b}00Qxx0000000001\u{a0}\"");

        let record = sent(&by_name(), "Key__c,Master__r.ErpKey__c,OwnerId", &raw).unwrap();

        let expected = json!({"Key__c": "C-1", "Master__r": {"ErpKey__c": "C-1"}, "OwnerId": "00Qxx0000000001"});
        assert_eq!(record, expected, "{key:?}");
    }
    assert_eq!(after(&["K4\u{200b}", "k4", " K4"]), [None, Some(0), Some(1)]);
}

#[test]
fn a_parent_that_could_not_be_looked_at_is_named_without_blanks_too() {
    let record = sent(&by_name(), "Key__c,User:Owner.Nick__c", "1,\" ada\u{200b}\"").unwrap();

    assert_eq!(record["Owner"]["Nick__c"], "ada");
}

#[test]
fn a_new_record_of_nothing_is_a_reject() {
    let mapping = by_name_for(Operation::Insert, &["Note"]);
    let columns = "LastName,Seats__c,Note";
    for raw in [",,x", " ,\u{a0},x", "\u{200b},,", "#N/A,#N/A,x", ",\"\",x"] {
        assert_eq!(
            sent(&mapping, columns, raw).unwrap_err(),
            "BLANK_ROW: no column that is mapped has a value",
            "{raw:?}"
        );
    }
    assert_eq!(sent(&mapping, columns, ",0,").unwrap(), json!({"Seats__c": 0}));
    assert!(sent(&mapping, columns, ",many,").unwrap_err().starts_with("INVALID_VALUE"));
}

#[test]
fn what_all_rows_have_alike_makes_no_record_of_a_blank_one() {
    let sdl = sdl("Name=LastName\n\"Web\"=Email\n");
    let mapping = Mapping::from_file(&sdl, rules(Operation::Insert)).unwrap();

    assert!(sent(&mapping, "Name,Note", ",x").unwrap_err().starts_with("BLANK_ROW"));
    assert_eq!(
        sent(&mapping, "Name,Note", "Ada,").unwrap(),
        json!({"LastName": "Ada", "Email": "Web"})
    );
}

#[test]
fn a_row_that_names_its_record_and_nothing_else_is_no_blank_one() {
    assert_eq!(sent(&by_name(), "Key__c,Email", "1,").unwrap(), json!({"Key__c": "1"}));
    let update = by_name_for(Operation::Update, &[]);
    assert_eq!(
        sent(&update, "Id,Email", "00Qxx0000000001,").unwrap(),
        json!({"id": "00Qxx0000000001"})
    );
}

#[test]
fn an_insert_needs_no_external_id() {
    let mapping = by_name_for(Operation::Insert, &["Key__c"]);

    assert_eq!(
        sent(&mapping, "Key__c,Email,LastName", ",x,Ada").unwrap(),
        json!({"Email": "x", "LastName": "Ada"})
    );
}

#[test]
fn a_row_that_is_no_record_of_its_own_harms_no_other_row() {
    let raw = ["1,a", "2,\"open", "3,c", "4", "5,\"e\nE\"", "\u{feff}6,f"];

    let rows = encode(&by_name(), "Key__c,Email", &raw);

    let ready: Vec<usize> = (0..raw.len())
        .filter(|index| matches!(rows.rows()[*index], EncodedRow::Ready { .. }))
        .collect();
    assert_eq!(ready, [0, 2, 4, 5]);
    let body: Value = serde_json::from_slice(&rows.body(&ready)).unwrap();
    let sent: Vec<_> = body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["Key__c"], &row["Email"]))
        .collect();
    assert_eq!(
        sent,
        [
            (&json!("1"), &json!("a")),
            (&json!("3"), &json!("c")),
            (&json!("5"), &json!("e\nE")),
            (&json!("6"), &json!("f"))
        ]
    );
}

#[test]
fn half_a_character_is_no_text_though_the_next_cell_begins_with_the_other_half() {
    let mut rows = Rows::default();
    for (record, raw) in (1..).zip([&b"1,\xc3,\xa9"[..], b"2,\xc3\xa9,b", b"3,\xff,b", b"4,a,b"]) {
        rows.push(record, raw);
    }
    let plan = by_name().plan(header("Key__c,LastName,Email"), BTreeMap::new()).unwrap();

    for rows in [plan.encode(&rows).rows(), plan.encode_csv(&rows, None).rows()] {
        let code = |row: &EncodedRow| match row {
            EncodedRow::Invalid(reason) => reason.code.clone(),
            _ => String::new(),
        };
        assert_eq!(
            rows.iter().map(code).collect::<Vec<_>>(),
            ["INVALID_UTF8", "", "INVALID_UTF8", ""]
        );
    }
}

#[test]
fn a_byte_order_mark_in_the_first_cell_of_a_batch_is_a_part_of_it() {
    let record = sent(&by_name(), "Email,Key__c", "\u{feff}a,1").unwrap();

    assert_eq!(record, json!({"Email": "\u{feff}a", "Key__c": "1"}));
}

/// For each row, the one before it that has its key.
fn after_of(rows: &EncodedRows) -> Vec<Option<usize>> {
    rows.rows().iter().map(|row| row.after().unwrap_or_else(|| panic!("{row:?}"))).collect()
}

fn after(keys: &[&str]) -> Vec<Option<usize>> {
    after_of(&encoded_rows(keys))
}

#[test]
fn a_number_is_one_key_however_it_is_written() {
    let mut rules = rules(Operation::Upsert);
    let field = rules.describe.field("Revenue__c").unwrap();
    rules.key = Some(Key { field: field.name.clone(), sameness: Sameness::of(field) });
    let mapping = Mapping::by_name(rules, LeftOut::default());
    let linked = |keys: &[&str]| after_of(&encode(&mapping, "Revenue__c", keys));

    assert_eq!(
        linked(&["1001", "1001.0", "01001", "1.001E3", "1002", "+1001"]),
        [None, Some(0), Some(1), Some(2), None, Some(3)]
    );
    assert_eq!(linked(&["0", "-0", "0.00", "-1", "1"]), [None, Some(0), Some(1), None, None]);
    let close = ["12345678901234567890123", "12345678901234567890124", "12345678901234567890123.0"];
    assert_eq!(linked(&close), [None, None, Some(0)], "more digits than a binary number has");
}

#[test]
fn keys_are_compared_as_their_field_is() {
    for (field, sameness) in [
        (json!({"type": "id"}), Sameness::OfIds),
        (json!({"type": "int"}), Sameness::OfNumbers),
        (json!({"type": "double", "caseSensitive": true}), Sameness::OfNumbers),
        (json!({"type": "currency"}), Sameness::OfNumbers),
        (json!({"type": "percent"}), Sameness::OfNumbers),
        (json!({"type": "string"}), Sameness::IgnoringCase),
        (json!({"type": "email"}), Sameness::IgnoringCase),
        (json!({"type": "string", "caseSensitive": true}), Sameness::Exact),
    ] {
        assert_eq!(Sameness::of(&serde_json::from_value(field).unwrap()), sameness);
    }
    assert_eq!(after(&["1001", "1001.0", "01001"]), [None; 3], "as text they are three");
}

#[test]
fn rows_with_the_same_external_id_know_each_other() {
    assert_eq!(after(&["a", "b", "a", "c", "a"]), [None, None, Some(0), None, Some(2)]);
    // The field is not case-sensitive.
    assert_eq!(after(&["Ä-x", "ä-X"]), [None, Some(0)]);
}
