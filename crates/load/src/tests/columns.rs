//! Which column fills which field.

use super::*;

#[test]
fn columns_fill_the_fields_of_their_name() {
    let mapping = by_name_for(Operation::Upsert, &["Shoe Size"]);

    let record = sent(&mapping, "KEY__C,email,shoe size", "C-1,a@b.example,44").unwrap();

    assert_eq!(record, json!({"Key__c": "C-1", "Email": "a@b.example"}));
}

#[test]
fn a_column_may_also_be_named_like_the_label_of_a_field() {
    let record = sent(&by_name(), "Key__c,e-mail", "C-1,a@b.example").unwrap();

    assert_eq!(record, json!({"Key__c": "C-1", "Email": "a@b.example"}));
}

#[test]
fn every_column_that_fits_no_field_is_named_unless_it_is_left_out() {
    let mismatch = |left_out: &[&str]| {
        let mapping = by_name_for(Operation::Upsert, left_out);
        mapping
            .plan(header("Key__c,Emial,Name"), BTreeMap::new())
            .map(|plan| plan.left_out().into_iter().map(str::to_owned).collect::<Vec<_>>())
    };

    let words = mismatch(&[]).unwrap_err().to_string();

    assert!(words.starts_with("column `Emial`: Lead has no field `Emial`; check"), "{words}");
    assert!(words.contains("; column `Name`: field `Name` of Lead is read-only"), "{words}");
    assert!(words.ends_with("in its leave-out (MAPPING_LEAVE_OUT)"), "{words}");
    assert!(mismatch(&["Emial"]).is_err());
    assert_eq!(mismatch(&["emial", "Name"]).unwrap(), ["Emial", "Name"]);
    assert_eq!(mismatch(&["*"]).unwrap(), ["Emial", "Name"]);
}

#[test]
fn a_constant_that_does_not_fit_its_field_is_refused_at_once() {
    let problems = from_file("k=Key__c\n\"maybe\"=Active__c\n\"x\"=Email, Nothing__c").unwrap_err();

    assert_eq!(
        problems[0],
        "line 2, constant `maybe`: field `Active__c`: not true or false, yes or no, on or off, 1 or 0"
    );
    assert!(problems[1].starts_with("line 3, constant `x`: Lead has no field `Nothing__c`"));
    assert_eq!(
        from_file("\"1\"=Key__c").unwrap_err(),
        ["line 1, constant `1`: a value that all rows share cannot be what tells them apart"]
    );
    assert_eq!(
        from_file("k=Key__c\n\"#N/A\"=LastName, Email").unwrap_err(),
        ["line 2, constant `#N/A`: no record goes without the field LastName"]
    );
}

#[test]
fn a_mapping_file_says_which_column_fills_which_field() {
    let mapping = from_file("ExternalId=Key__c\nName=LastName, Email\nNote=\n").unwrap();

    let record = sent(&mapping, "Name,ExternalId,Note", "Ada,C-1,x").unwrap();

    assert_eq!(record, json!({"LastName": "Ada", "Email": "Ada", "Key__c": "C-1"}));
}

#[test]
fn every_line_of_a_mapping_file_that_cannot_be_followed_is_named() {
    let problems = from_file(
        "a=Key__c\nb=Emial\nc=Name\nd=Email\ne=email\nf=Nothing__r.X__c\ng=Owner.X__c\nh=Master__r.a.b\n\
         i=Photo__c\nj=Address\nk=Total__c\nl=Number__c\nm=Master__r.Name\nn=Master__r.Nope__c\n\
         o=Master__c\np=Master__r.ErpKey__c\nq=Lead:Owner.X__c",
    )
    .unwrap_err();

    let expected = [
        "line 2, column `b`: Lead has no field `Emial`; check the spelling, or let the integration",
        "line 3, column `c`: field `Name` of Lead is read-only",
        "line 5, column `e`: field `Email` is filled by `d` already",
        "line 6, column `f`: Lead has no relationship `Nothing__r`",
        "line 7, column `g`: `Owner.X__c` may lead to several objects (Group, User); say which, \
         such as `Group:Owner.X__c`",
        "line 8, column `h`: `Master__r.a.b` cannot be used",
        "line 9, column `i`: field `Photo__c` of Lead holds a file",
        "line 10, column `j`: field `Address` of Lead is made of other fields",
        "line 11, column `k`: field `Total__c` of Lead is filled by a formula",
        "line 12, column `l`: field `Number__c` of Lead is filled by Salesforce",
        "line 13, column `m`: field `Name` of Master__c is no external id",
        "line 14, column `n`: Master__c has no field `Nope__c`",
        "line 16, column `p`: field `Master__c` is filled by `o` already",
        "line 17, column `q`: `Lead:Owner.X__c` leads to Group or User, and not to Lead",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn parents_are_named_as_any_data_loader_writes_them() {
    let of = |line: &str| from_file(&format!("k=Key__c\np={line}\n"));
    let typed = json!({"attributes": {"type": "User"}, "Nick__c": "A-1"});
    for (line, field, expected) in [
        (r"Master__r\:Master__c-ErpKey__c", "Master__r", json!({"ErpKey__c": "A-1"})),
        ("master__r:MASTER__C-erpkey__c", "Master__r", json!({"ErpKey__c": "A-1"})),
        (r"Master__r\:ErpKey__c", "Master__r", json!({"ErpKey__c": "A-1"})),
        ("Master__r.ErpKey__c", "Master__r", json!({"ErpKey__c": "A-1"})),
        ("Master__c:Master__r.ErpKey__c", "Master__r", json!({"ErpKey__c": "A-1"})),
        (r"Owner\:User-Nick__c", "Owner", typed.clone()),
        (" owner : user - Nick__c ", "Owner", typed.clone()),
        (r"User\:Owner.Nick__c", "Owner", typed),
    ] {
        let mapping = of(line).unwrap_or_else(|problems| panic!("{line}: {problems:?}"));

        assert_eq!(sent(&mapping, "k,p", "1,A-1").unwrap()[field], expected, "{line}");
    }
    for (line, expected) in [
        (r"Owner\:Lead-Nick__c", "`Owner:Lead-Nick__c` leads to Group or User, and not to Lead"),
        (
            r"Master__r\:User-Nick__c",
            "`Master__r:User-Nick__c` leads to Master__c, and not to User",
        ),
        (r"Nope__r\:User-Nick__c", "Lead has no relationship `Nope__r`"),
        (r"Master__r\:Master__c-Name", "field `Name` of Master__c is no external id"),
        (r"Master__r\:Master__c-", "`Master__r:Master__c-` cannot be used"),
    ] {
        let problems = of(line).unwrap_err();
        assert!(problems[0].contains(expected), "{line}: {problems:?}");
    }
    let parents = sdl("k=Key__c\np=Master__r\\:Master__c-ErpKey__c").parents(&lead());
    assert_eq!(parents, ["Master__c".to_owned()].into(), "what is read before the first row");
}

#[test]
fn a_mapping_file_has_to_fill_the_external_id() {
    let problems = from_file("a=Email").unwrap_err();

    assert_eq!(problems, ["no column fills the field Key__c, by which rows find their record"]);
}

#[test]
fn required_fields_that_no_column_fills_are_known() {
    let without = from_file("a=Key__c").unwrap();
    let with = from_file("a=Key__c\nb=LastName").unwrap();

    assert_eq!(without.required_but_not_filled(), ["LastName"]);
    assert_eq!(with.required_but_not_filled(), Vec::<&str>::new());
}

#[test]
fn a_field_that_can_only_be_set_once_is_worth_a_warning() {
    let mapping = from_file("a=Key__c\nb=Master__r.ErpKey__c").unwrap();

    let warnings: Vec<_> = mapping
        .columns()
        .iter()
        .flat_map(|column| &column.targets)
        .filter_map(|target| target.warning.as_deref())
        .collect();

    assert_eq!(warnings, ["field `Master__c` cannot be changed in a record that exists already"]);
}

#[test]
fn an_order_of_dates_that_is_not_set_is_named_where_dates_are_filled() {
    let mut rules = rules(Operation::Upsert);
    rules.dates_are_assumed = true;
    let mapping =
        Mapping::from_file(&sdl("k=Key__c\nd=Born__c\nm=Seen__c"), rules.clone()).unwrap();
    let assumed = |rules: &TargetRules, mapping: &Mapping| {
        rules.assumed_dates(mapping.columns().iter().flat_map(|column| &column.targets))
    };

    assert_eq!(
        assumed(&rules, &mapping).unwrap(),
        "dates with slashes are taken to be month first (11/23/2026) in Born__c, Seen__c; \
         `producer plan` says which order a file fits, and MAPPING_DATES sets it"
    );
    let without = Mapping::from_file(&sdl("k=Key__c"), rules.clone()).unwrap();
    assert_eq!(assumed(&rules, &without), None);
    rules.dates_are_assumed = false;
    assert_eq!(assumed(&rules, &mapping), None);
}

#[test]
fn a_header_that_does_not_fit_is_told_by_its_columns() {
    let file = from_file("ExternalId=Key__c\nMail=Email").unwrap();
    let mismatch = |mapping: &Mapping, columns: &str| {
        mapping.plan(header(columns), BTreeMap::new()).unwrap_err()
    };

    assert_eq!(
        mismatch(&file, "ExternalId,E-Mail").to_string(),
        "the file has no column `Mail`, which lead.sdl maps; its columns are `ExternalId`, `E-Mail`"
    );
    assert!(file.plan(header("mail,EXTERNALID"), BTreeMap::new()).is_ok(), "case does not matter");
    assert_eq!(
        mismatch(&by_name(), "Email"),
        HeaderMismatch::KeyMissing { field: "Key__c".to_owned() }
    );
    assert_eq!(
        mismatch(&by_name(), "Key__c,Email,EMAIL").to_string(),
        "columns 2 `Email` and 3 `EMAIL` both fill the field Email"
    );
    assert_eq!(
        mismatch(&by_name_for(Operation::Insert, &["*"]), "Shoe Size").to_string(),
        "no column fills LastName, which every new record needs"
    );
}

#[test]
fn a_repeated_or_missing_name_matters_only_to_what_maps_it() {
    let file = from_file("Key=Key__c\nMail=Email").unwrap();

    let plan = file.plan(header(" Key ,Mail\u{A0},Remark,Remark,"), BTreeMap::new()).unwrap();

    assert_eq!(plan.left_out(), ["Remark", "Remark"]);
    assert_eq!(sent(&file, " Key ,Mail\u{A0},", "K1,a@b.c").unwrap()["Email"], "a@b.c");
    assert_eq!(
        file.plan(header("Key,Mail,x,Mail"), BTreeMap::new()).unwrap_err().to_string(),
        "columns 2 and 4 of the file are both named `Mail`, which lead.sdl maps; rename the one \
         that is not meant"
    );
    assert_eq!(
        by_name().plan(header("Key__c,Email,Email"), BTreeMap::new()).unwrap_err().to_string(),
        "columns 2 `Email` and 3 `Email` both fill the field Email"
    );
    assert!(by_name().plan(header("Key__c,,Email,"), BTreeMap::new()).is_ok());
}

#[test]
fn cells_are_read_in_the_dialect_of_the_file() {
    let dialect = Dialect { escape: Some(b'\\'), ..Dialect::default() };
    let header = Header::parse("Key__c,LastName".into(), dialect).unwrap();
    let mut rows = Rows::default();
    rows.push(1, br#"K1,"The \"Big\" lamp, C:\new \\""#);

    let encoded = by_name().plan(header, BTreeMap::new()).unwrap().encode(&rows);

    let body: Value = serde_json::from_slice(&encoded.body(&[0])).unwrap();
    assert_eq!(body["records"][0]["LastName"], r#"The "Big" lamp, C:\new \"#);
}

#[test]
fn columns_that_are_not_sent_are_known() {
    let mapping = by_name_for(Operation::Upsert, &["*"]);

    let plan = mapping.plan(header("Key__c,Shoe Size,Name,Email"), BTreeMap::new()).unwrap();

    assert_eq!(plan.left_out(), ["Shoe Size", "Name"]);
}
