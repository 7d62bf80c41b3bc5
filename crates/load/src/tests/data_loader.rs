//! Mapping files as Data Loader writes them today.

use super::*;

/// As its window saves it: Java escapes colons and blanks of names, and puts the date at the top.
const TASKS: &str = "\
#Mapping values
#Tue Nov 24 18:59:17 CET 2026
SYSTEMMODSTAMP=
Task\\ Key=Key__c
SUBJECT=LastName, Nick__c
Who\\:Contact-Email=Who\\:Contact-Email
Lead\\ (ERP)=Who\\:Lead-ErpKey__c
PARENT=Parent__r\\:Account-Oracle_Id__c
\"Some\\ Description\"=Description
";

fn task() -> Describe {
    let text = |name: &str| {
        json!({"name": name, "type": "string", "createable": true, "updateable": true,
               "nillable": true, "externalId": name == "Key__c"})
    };
    let reference = |name: &str, relationship: &str, to: &[&str]| {
        json!({"name": name, "type": "reference", "createable": true, "updateable": true,
               "nillable": true, "relationshipName": relationship, "referenceTo": to,
               "polymorphicForeignKey": to.len() > 1})
    };
    let describe = json!({
        "name": "Task", "createable": true, "updateable": true,
        "fields": [
            text("Key__c"), text("LastName"), text("Nick__c"), text("Description"),
            reference("WhoId", "Who", &["Contact", "Lead"]),
            reference("Parent__c", "Parent__r", &["Account"]),
        ],
    });
    serde_json::from_value(describe).unwrap()
}

/// An object whose records are named by this field.
fn parent(name: &str, field: &str, lookup: &str) -> (String, Describe) {
    let field = json!({"name": field, "type": "string", lookup: true});
    let describe = json!({"name": name, "fields": [field]});
    (name.to_owned(), serde_json::from_value(describe).unwrap())
}

fn tasks(text: &str, values: ValueRules) -> Result<Mapping, Vec<String>> {
    let rules = TargetRules {
        describe: task(),
        operation: Operation::Upsert,
        key: Some(Key { field: "Key__c".to_owned(), sameness: Sameness::IgnoringCase }),
        parents: [
            parent("Contact", "Email", "idLookup"),
            parent("Lead", "ErpKey__c", "externalId"),
            parent("Account", "Oracle_Id__c", "externalId"),
        ]
        .into(),
        values,
        dates_are_assumed: false,
    };
    Mapping::from_file(&sdl(text), rules)
}

/// The fields of a row as they are sent, or why it is rejected.
fn task_of(mapping: &Mapping, cells: &str) -> Result<String, String> {
    let header = "systemmodstamp,TASK KEY,Subject,Who:Contact-Email,Lead (ERP),Parent";
    let rows = encode(mapping, header, &[cells]);
    match &rows.rows()[0] {
        EncodedRow::Invalid(reason) => Err(format!("{}: {}", reason.code, reason.message)),
        _ => {
            let json = String::from_utf8(rows.json(0).to_vec()).unwrap();
            assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
            Ok(json)
        }
    }
}

const BEGINNING: &str =
    r#"{"attributes":{"type":"Task"},"Description":"Some Description","Key__c":"T-1""#;

#[test]
fn a_file_of_today_is_followed_as_it_is() {
    let mapping = tasks(TASKS, ValueRules::default()).unwrap();

    let parents: Vec<String> = sdl(TASKS).parents(&task()).into_iter().collect();
    assert_eq!(parents, ["Account", "Contact", "Lead"]);
    assert_eq!(
        task_of(&mapping, "x,T-1,Call,a@b.example,,A-9").unwrap(),
        format!(
            r#"{BEGINNING},"LastName":"Call","Nick__c":"Call","Who":{{"attributes":{{"type":"Contact"}},"Email":"a@b.example"}},"Parent__r":{{"Oracle_Id__c":"A-9"}}}}"#
        )
    );
    assert_eq!(
        task_of(&mapping, ",T-1,,,L-7,").unwrap(),
        format!(r#"{BEGINNING},"Who":{{"attributes":{{"type":"Lead"}},"ErpKey__c":"L-7"}}}}"#)
    );
}

#[test]
fn a_row_refers_to_a_record_of_one_object_or_of_none() {
    let emptying = ValueRules { empty_is_null: true, ..ValueRules::default() };
    let (kept, emptied) = (tasks(TASKS, ValueRules::default()), tasks(TASKS, emptying));
    let (kept, emptied) = (kept.unwrap(), emptied.unwrap());
    let lead = r#""Who":{"attributes":{"type":"Lead"},"ErpKey__c":"L-7"}"#;

    assert_eq!(task_of(&kept, ",T-1,,,,").unwrap(), format!("{BEGINNING}}}"));
    assert_eq!(task_of(&kept, ",T-1,,#N/A,,").unwrap(), format!("{BEGINNING},\"WhoId\":null}}"));
    assert_eq!(task_of(&kept, ",T-1,,#N/A,L-7,").unwrap(), format!("{BEGINNING},{lead}}}"));
    let nulls = r#""LastName":null,"Nick__c":null"#;
    assert_eq!(
        task_of(&emptied, ",T-1,,,,").unwrap(),
        format!("{BEGINNING},{nulls},\"Parent__c\":null,\"WhoId\":null}}")
    );
    assert_eq!(
        task_of(&emptied, ",T-1,,,L-7,").unwrap(),
        format!("{BEGINNING},{nulls},{lead},\"Parent__c\":null}}")
    );
    assert_eq!(
        task_of(&kept, ",T-1,,a@b.example,L-7,").unwrap_err(),
        "INVALID_VALUE: column `Lead (ERP)`: column `Who:Contact-Email` says already what `WhoId` \
         refers to; leave one of them empty"
    );
}

#[test]
fn two_columns_for_the_same_object_or_a_constant_beside_one_are_refused() {
    for lines in [
        "a=Who\\:Lead-ErpKey__c\nb=who\\:lead-erpkey__c",
        "a=Parent__r\\:Account-Oracle_Id__c\nb=Parent__r.Oracle_Id__c",
        "a=Who\\:Lead-ErpKey__c\n\"x\"=Who\\:Contact-Email",
        "\"x\"=Who\\:Contact-Email\na=Who\\:Lead-ErpKey__c",
        "a=Who\\:Lead-ErpKey__c\nb=WhoId",
    ] {
        let problems = tasks(&format!("k=Key__c\n{lines}"), ValueRules::default()).unwrap_err();
        assert!(problems[0].contains("already"), "{lines}: {problems:?}");
    }
}
