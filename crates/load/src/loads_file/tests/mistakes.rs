//! What is said of the mistakes of a file.

use proptest::prelude::*;

use super::*;

/// The line of the mistake, and what is said of it.
fn mistake(text: &str) -> (Option<usize>, String) {
    match parse(text) {
        Ok(loads) => panic!("{text} was taken: {loads:?}"),
        Err(InvalidLoads { path, line, problem }) => {
            assert_eq!(path, Path::new("/etc/loads/loads.toml"));
            (line, problem)
        }
    }
}

/// The mistake of a load that would be right without this, which begins in line 4.
fn mistake_of(settings: &str) -> (Option<usize>, String) {
    mistake(&format!(
        "[loads.accounts]\nobject = \"Account\"\nexternal-id = \"ErpKey__c\"\n{settings}"
    ))
}

#[test]
fn a_mistake_is_named_with_file_and_line() {
    let message = parse("\n[loads.a]\nobjekt = \"A\"").unwrap_err().to_string();
    assert_eq!(
        message,
        "loads file /etc/loads/loads.toml, line 3: unknown key `objekt`; did you mean `object`?"
    );
    let large = parse(&"#".repeat((1 << 20) + 1)).unwrap_err().to_string();
    assert_eq!(
        large,
        "loads file /etc/loads/loads.toml: it is larger than 1 MiB; is it a file of loads?"
    );
    assert!(parse(&"#".repeat(1 << 20)).is_ok());
}

#[test]
fn a_setting_that_cannot_be_is_named_with_what_can() {
    for (settings, expected) in [
        ("null = \"write\"", "unknown key `null`; did you mean `nulls`?"),
        ("external_id = \"A\"", "unknown key `external_id`; did you mean `external-id`?"),
        ("callRows = 1", "unknown key `callRows`; did you mean `call-rows`?"),
        ("colour = 1", "unknown key `colour`; it can be one of `object`, `mapping`, `columns`,"),
        (
            "operation = \"upsrt\"",
            "operation: `upsrt` is no value of it; write `upsert` or `insert` or `update` or `delete`",
        ),
        ("operation = 7", "operation: invalid type: integer `7`, expected a string"),
        (
            "api = \"soap\"",
            "api: `soap` is no value of it; write `collections` or `bulk` or `auto`",
        ),
        ("dates = \"dmy\"", "dates: `dmy` is no value of it; write `month-first` or `day-first`"),
        ("decimal = \",\"", "decimal: `,` is no value of it; write `point` or `comma`"),
        ("nulls = \"no\"", "nulls: `no` is no value of it; write `ignore` or `write`"),
        (
            "dates-with-time = \"x\"",
            "dates-with-time: `x` is no value of it; write `reject` or `cut`",
        ),
        ("call-rows = 0", "call-rows: 0 rows make no call; write a number from 1 to 200"),
        ("call-rows = 201", "call-rows: 201 rows make no call; write a number from 1 to 200"),
        ("call-rows = 65537", "call-rows: 65537 rows make no call; write a number from 1 to 200"),
        ("call-rows = 99999999999999999999", "call-rows: invalid type: string"),
        ("call-rows = 1.5", "call-rows: invalid type: floating point `1.5`, expected i64"),
        ("truncate = nan", "truncate: invalid type: string \"nan\", expected a boolean"),
        (
            "time-zone = \"Europe/Berln\"",
            "time-zone: no such time zone; write it like Europe/Berlin",
        ),
        ("truncate = \"yes\"", "truncate: invalid type: string \"yes\", expected a boolean"),
        ("two-digit-years = 70", "two-digit-years: the first year must be from 1700"),
        ("assignment-rule = \"mine\"", "assignment-rule: write true, false, or the id of a rule"),
        ("assignment-rule = 1", "assignment-rule: expected true, false, or the id of a rule"),
        (
            "leave-out = [1]",
            "leave-out: expected a name, or a list of names such as [\"A\", \"B\"]",
        ),
        ("mapping = 1", "mapping: it has to be the name of a file, like \"mappings/contacts.sdl\""),
        ("mapping = \" \"", "mapping: it has to be the name of a file"),
        ("files = 1", "`files` has to be text, or a list of texts, and not of type integer"),
        ("files = [[\"a\"]]", "`files` has to be text, or a list of texts, and not of type array"),
        ("columns = \"A\"", "`columns` has to be a table, and not of type string"),
    ] {
        let (line, problem) = mistake_of(settings);
        assert!(problem.starts_with(expected), "{settings} gave {problem}");
        assert_eq!(line, Some(4), "{settings}");
    }
}

#[test]
fn names_that_salesforce_cannot_have_are_refused() {
    let no_api_name = "is not an API name; these have letters, digits and underscores";
    for (setting, name) in [("object", "My Object"), ("external-id", "a.b"), ("object", "")] {
        let (line, problem) =
            mistake(&format!("[loads.a]\noperation = \"insert\"\n{setting} = \"{name}\""));
        assert_eq!((line, problem), (Some(3), format!("{setting}: `{name}` {no_api_name}")));
    }
}

#[test]
fn what_a_load_lacks_is_named_where_it_begins() {
    for (text, line, expected) in [
        (
            "\n[loads.a]\nexternal-id = \"A\"\n",
            2,
            "load `a` has no object; write one, like `object = \"Lead\"`",
        ),
        (
            "\n\n[loads.a]\nobject = \"A\"\n",
            3,
            "load `a` is an upsert without an external id; write the field by which rows find their \
             record, like `external-id = \"ErpKey__c\"`, or another `operation`",
        ),
        (
            "[loads.a]\nobject = \"A\"\noperation = \"upsert\"\n",
            3,
            "load `a` is an upsert without an external id",
        ),
        ("[loads.a]\n", 1, "load `a` has no object"),
        ("loads.a.files = \"x\"\n", 1, "load `a` has no object"),
    ] {
        let (found, problem) = mistake(text);
        assert!(problem.starts_with(expected), "{text:?} gave {problem}");
        assert_eq!(found, Some(line), "{text:?}");
    }
}

#[test]
fn settings_that_do_not_fit_together_are_named() {
    for (settings, line, expected) in [
        (
            "api = \"bulk\"\nallow-duplicates = true",
            4,
            "Bulk API cannot do `allow-duplicates` as Collections does; write `api = \
             \"collections\"` or `\"auto\"`",
        ),
        (
            "assignment-rule = true\napi = \"bulk\"",
            5,
            "Bulk API cannot do `assignment-rule = true` (name the rule's id instead) as",
        ),
        (
            "mapping = \"mappings/contacts.sdl\"\ncolumns = { A = \"B\" }",
            5,
            "`columns` and `mapping` say both which column fills which field; leave one of them out",
        ),
        (
            "columns = { A = \"B\" }\n\nleave-out = \"Note\"",
            6,
            "a column that `columns` does not name is not sent; take `leave-out` away",
        ),
        (
            "constants = { Type = \"Customer\" }",
            4,
            "`constants` stands beside `columns`; write the columns there as well, or in a mapping \
             file a line such as `\"Customer\"=Type`",
        ),
        (
            "mapping = \"mappings/contacts.sdl\"\nconstants = { Type = \"Customer\" }",
            5,
            "`constants` stands beside `columns`",
        ),
    ] {
        let (found, problem) = mistake_of(settings);
        assert!(problem.starts_with(expected), "{settings} gave {problem}");
        assert_eq!(found, Some(line), "{settings}");
    }
}

#[test]
fn a_mapping_file_that_is_missing_or_wrong_is_named_with_its_own_line() {
    for (settings, expected) in [
        (
            "mapping = \"nowhere.sdl\"",
            "could not read the mapping file /etc/loads/nowhere.sdl: entity not found",
        ),
        (
            "mapping = \"broken.sdl\"",
            "mapping file /etc/loads/broken.sdl, line 3: there is no `=`; a line is \
             `CsvColumn=Field__c`, a comment starts with `#`",
        ),
    ] {
        assert_eq!(mistake_of(settings), (Some(4), expected.to_owned()), "{settings}");
    }
}

#[test]
fn columns_and_constants_that_cannot_be_followed_are_named() {
    for (settings, line, expected) in [
        (
            "[loads.accounts.columns]\nA = \"B\"\n\" A \" = \"C\"",
            6,
            "column `A` is mapped on line 5 already; to fill several fields write a list",
        ),
        (
            "[loads.accounts.columns]\nA = \"B, C\"",
            5,
            "column `A`: `B, C` is no field; write several like [\"LastName\", \"Alias__c\"]",
        ),
        ("[loads.accounts.columns]\nA = [\"B\", \"\"]", 5, "column `A`: a field has no name"),
        ("[loads.accounts.columns]\n\" \" = \"B\"", 5, "there is a column without a name"),
        (
            "[loads.accounts.columns]\nA = 1",
            5,
            "`A` has to be text, or a list of texts, and not of type integer",
        ),
        (
            "[loads.accounts.columns]\nA = \"B\"\n'\"Web\"' = \"LeadSource\"",
            6,
            "`Web` in quotes is no column but a value for all rows; write it under `constants`",
        ),
        ("columns = {}", 4, "no column fills a field; write them like `Email = \"Email\"`"),
        (
            "columns = { A = \"\" }",
            4,
            "column `A`: it fills no field; name one, or take the column away",
        ),
        (
            "[loads.accounts.columns]\nKey = \"ErpKey__c\"\nA = []",
            6,
            "column `A`: it fills no field",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\nC = \" \"",
            6,
            "constant of `C`: it is empty; leave it out, or write \"#N/A\" to empty the field",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\nC = 2026-11-29",
            6,
            "constant of `C`: it has to be text, a number, true or false, and not of type datetime; write it in quotes",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\nC = [1]",
            6,
            "constant of `C`: it has to be text, a number, true or false, and not of type array",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\nC = 0x10",
            6,
            "constant of `C`: it has to be text, a number",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\nC = inf",
            6,
            "constant of `C`: `inf` is no number that a field can have",
        ),
        (
            "columns = { A = \"B\" }\n[loads.accounts.constants]\n\"C,D\" = 1",
            6,
            "constant of `C,D`: `C,D` is no field",
        ),
        (
            "columns = { A = \"B\" }\ndecimal = \"comma\"\n[loads.accounts.constants]\nC = 1\nD = 1.5",
            8,
            "constant of `D`: decimals stand behind a comma in this load; write it as a cell has it, \"1,5\"",
        ),
    ] {
        let (found, problem) = mistake_of(settings);
        assert!(problem.starts_with(expected), "{settings} gave {problem}");
        assert_eq!(found, Some(line), "{settings}");
    }
}

#[test]
fn a_mapping_that_no_org_could_follow_is_named_with_load_and_line() {
    for (settings, line, expected) in [
        (
            "[loads.accounts.columns]\nNr = \"ErpKey__c\"\nA = \"Name\"\n\nB = [\"Phone\", \"NAME\"]",
            8,
            "load `accounts`: column `B`: `NAME` is filled by column `A` already on line 6; a field",
        ),
        (
            "columns = { Nr = \"ErpKey__c\", A = \"Type\" }\n\nconstants = { Type = \"Customer\" }",
            6,
            "load `accounts`: constant `Customer`: `Type` is filled by column `A` already on line 4",
        ),
        (
            "columns = { Nr = \"ErpKey__c\", A = \"Type\" }\n[loads.accounts.constants]\nType = \"x\"",
            6,
            "load `accounts`: constant `x`: `Type` is filled by column `A` already on line 4",
        ),
        (
            "constants = { Type = \"x\" }\ncolumns = { A = \"Name\" }",
            5,
            "load `accounts`: no column fills `ErpKey__c`, by which rows find their record; write one \
             like `Number = \"ErpKey__c\"`, or name another external id",
        ),
        (
            "\n[loads.accounts.columns]\nNr = \"ErpKey__c\"\nA = \"Parent.Owner.Name\"",
            7,
            "load `accounts`: column `A`: `Parent.Owner.Name` goes over two relationships",
        ),
        (
            "mapping = \"twice.sdl\"",
            4,
            "load `accounts`: mapping file /etc/loads/twice.sdl, line 3: column `Mail`: `email` is \
             filled by column `E-Mail` already on line 2",
        ),
    ] {
        let (found, problem) = mistake_of(settings);
        assert!(problem.starts_with(expected), "{settings} gave {problem}");
        assert_eq!(found, Some(line), "{settings}");
    }
    let hostile =
        "[loads.accounts.columns]\nNr = \"ErpKey__c\"\n\"\\u001b]0;x\\u0007\" = \"Na me\"";
    let (_, problem) = mistake_of(hostile);
    assert!(!problem.contains(char::is_control), "{problem}");
}

/// Loads that insert, each with a line of its own: its name, then one setting. Each takes four lines.
fn loads(settings: &[(&str, &str)]) -> String {
    let load = |(name, setting): &(&str, &str)| {
        format!("[loads.{name}]\nobject = \"A\"\noperation = \"insert\"\n{setting}\n")
    };
    settings.iter().map(load).collect()
}

#[test]
fn patterns_that_cannot_be_are_named() {
    for (settings, line, expected) in [
        (
            &[("a", "files = \"x*\""), ("b", "files = [\"y\",\n\"x*\"]")][..],
            9,
            "the pattern `x*` is of load `a` on line 4 already; a file is of one load",
        ),
        (&[("a", "files = [\"x\", \"x\"]")], 4, "the pattern `x` is of load `a` on line 4 already"),
        (
            &[("a", "files = [\"x\",\n\"a[b\"]")],
            5,
            "`a[b` is no pattern: unclosed character class; missing ']'; write it like `exports/*/accounts_*.csv`",
        ),
        (&[("a", "files = \"a{b\"")], 4, "`a{b` is no pattern: unclosed alternate group"),
        (&[("a", "files = \"a\\\\\"")], 4, "`a\\` is no pattern: dangling '\\'"),
        (
            &[("a", "files = \"[a][bä].csv\"")],
            4,
            "`[a][bä].csv`: letters beyond ASCII do not go into `[]`; write them like `{ä,ö}`",
        ),
        (&[("a", "files = \"\"")], 4, "a pattern of `files` is empty; write it like"),
        (
            &[("a", "files = \"a**.csv\"")],
            4,
            "`a**.csv`: `**` stands for folders, alone between slashes; write it like `exports/**/accounts_*.csv`",
        ),
    ] {
        let text = loads(settings);
        let (found, problem) = mistake(&text);
        assert!(problem.starts_with(expected), "{text} gave {problem}");
        assert_eq!(found, Some(line), "{text}");
    }
    let (_, long) = mistake(&loads(&[("a", &format!("files = {:?}", "x".repeat(1_025)))]));
    assert!(long.ends_with("…` is longer than the name of a blob can be"), "{long}");
    let many: Vec<String> = (0..=1_000).map(|number| number.to_string()).collect();
    let (_, many) = mistake(&loads(&[("a", &format!("files = {many:?}"))]));
    assert_eq!(many, "there are more than 1000 patterns");
}

#[test]
fn a_load_after_one_that_is_not_there_or_after_itself_is_named() {
    for (settings, line, expected) in [
        (
            &[("accounts", ""), ("b", "after = [\"accounts\",\n\"accuonts\"]")][..],
            9,
            "after: there is no load `accuonts` in this file; did you mean `accounts`?",
        ),
        (
            &[("a", "after = \"default\""), ("b", "")],
            4,
            "after: there is no load `default` in this file; there are `a`, `b`",
        ),
        (
            &[("a", "after = \"a\"")],
            4,
            "after: `a` after `a`: each would wait for the next one, so none could begin; take one \
             `after` away",
        ),
        (
            // `a` waits for the cycle, and is not of it.
            &[
                ("a", "after = \"c\""),
                ("b", "after = [\"e\",\n\"d\"]"),
                ("c", "after = \"b\""),
                ("d", "after = \"c\""),
                ("e", ""),
            ],
            9,
            "after: `b` after `d` after `c` after `b`: each would wait for the next one",
        ),
    ] {
        let text = loads(settings);
        let (found, problem) = mistake(&text);
        assert!(problem.starts_with(expected), "{text} gave {problem}");
        assert_eq!(found, Some(line), "{text}");
    }
    let diamond = [
        ("d", "after = [\"b\", \"c\"]"),
        ("c", "after = \"a\""),
        ("b", "after = [\"a\", \"a\"]"),
        ("a", ""),
    ];
    let diamond = parse(&loads(&diamond)).unwrap();
    let names: Vec<_> = diamond.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(names, ["d", "c", "b", "a"]);
    assert_eq!(diamond.named("d").unwrap().after, ["b", "c"]);
}

#[test]
fn names_and_tables_that_cannot_be_are_named() {
    for (text, line, expected) in [
        ("\n[load.a]", 2, "unknown key `load`; did you mean `loads`?"),
        ("[accounts]", 1, "unknown key `accounts`; it can be one of `defaults`, `loads`"),
        ("loads = 1", 1, "`loads` has to be a table, and not of type integer"),
        ("[[loads]]", 1, "`loads` has to be a table, and not of type array"),
        ("[loads]\na = \"Account\"", 2, "`a` has to be a table, and not of type string"),
        ("defaults = true", 1, "`defaults` has to be a table, and not of type boolean"),
        (
            "[defaults]\nobject = \"A\"",
            2,
            "`object` is of one load alone; write it below `[loads.NAME]`",
        ),
        ("[defaults]\nmapping = \"A\"", 2, "`mapping` is of one load alone"),
        ("[defaults]\nfiles = \"A\"", 2, "`files` is of one load alone"),
        ("[defaults]\nafter = \"A\"", 2, "`after` is of one load alone"),
        ("[defaults]\ncolumns = {}", 2, "`columns` is of one load alone"),
        ("[defaults]\nconstants = {}", 2, "`constants` is of one load alone"),
        ("[defaults]\ndate = 1", 2, "unknown key `date`; did you mean `dates`?"),
        ("[defaults]\nlanes = 4", 2, "unknown key `lanes`; it can be one of `external-id`,"),
        ("[defaults]\ndates = \"x\"", 2, "dates: `x` is no value of it"),
        ("[loads.default]", 1, "`default` is the load that the environment says"),
        (
            "[loads.Accounts]",
            1,
            "`Accounts` is no name of a load; write 64 small letters, digits, `-` and `_` at most, like `accounts-2026`",
        ),
        ("[loads.\"a b\"]", 1, "`a b` is no name of a load"),
        ("[loads.\"größe\"]", 1, "`größe` is no name of a load"),
        ("[loads.\"\"]", 1, "`` is no name of a load"),
        ("[loads.a.b]", 1, "unknown key `b`;"),
    ] {
        let (found, problem) = mistake(text);
        assert!(problem.starts_with(expected), "{text:?} gave {problem}");
        assert_eq!(found, Some(line), "{text:?}");
    }
    let name = "a".repeat(65);
    let (_, long) = mistake(&format!("[loads.{name}]"));
    assert!(long.contains("is no name of a load"), "{long}");
    let name = "a-_9".repeat(16);
    assert!(parse(&format!("[loads.{name}]\nobject = \"A\"\noperation = \"insert\"")).is_ok());
    let many: String = (0..=1_000)
        .map(|number| format!("[loads.n{number}]\nobject = \"A\"\noperation = \"insert\"\n"))
        .collect();
    assert_eq!(mistake(&many), (Some(3_001), "there are more than 1000 loads".to_owned()));
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    for (text, line, expected) in [
        ("[loads.a]\nobject = A", 2, "it is no TOML: "),
        ("[loads.a]\nobject = \"A\nb = 1", 2, "it is no TOML: "),
        ("[loads.a]\n[loads.b]\n[loads.a]", 3, "it is no TOML: duplicate key"),
        ("[loads.a]\nobject = \"A\"\nobject = \"B\"", 3, "it is no TOML: duplicate key"),
        ("[loads.a\r\nx", 1, "it is no TOML: "),
        ("[loads.a]\nfiles = [\"a\"", 2, "it is no TOML: "),
    ] {
        let (found, problem) = mistake(text);
        assert!(problem.starts_with(expected) && problem.len() > 20, "{text:?} gave {problem}");
        assert_eq!(found, Some(line), "{text:?}: {problem}");
    }
}

#[test]
fn the_first_mistake_of_the_file_is_named() {
    let two = "[loads.b]\nobject = 1\n\n[loads.a]\nobject = 2\n";
    for _ in 0..20 {
        assert_eq!(mistake(two).0, Some(2));
    }
}

#[test]
fn text_of_a_file_neither_steers_a_terminal_nor_floods_it() {
    let hostile = r"\u001b]0;owned\u0007\u202e\nerror: forged";
    let long = "x".repeat(100_000);
    for text in [
        format!("\"{hostile}\" = 1"),
        format!("[loads.\"{hostile}\"]"),
        format!("[loads.a]\n\"{hostile}\" = 1"),
        format!("[loads.a]\nobject = \"{hostile}\""),
        format!("[loads.a]\noperation = \"{hostile}\""),
        format!("[loads.a]\ntruncate = \"{hostile}\""),
        format!("[loads.a]\nfiles = [\"{hostile}[\"]"),
        format!("[loads.a]\nmapping = \"{hostile}\"\nobject = \"A\"\noperation = \"insert\""),
        format!("[loads.a]\nafter = [\"{hostile}\"]\nobject = \"A\"\noperation = \"insert\""),
        format!("[loads.a.columns]\n\"{hostile}\" = 1"),
        format!("[loads.a.columns]\nA = [\"{hostile},\"]"),
        format!("[loads.a.constants]\n\"{hostile}\" = []"),
        format!("[loads.a]\n{long} = 1"),
        format!("[loads.{long}]"),
        format!("[loads.a]\nobject = \"{long}\""),
        format!("[loads.a]\ntruncate = \"{long}\""),
        format!("[loads.a]\nfiles = [\"{long}\"]"),
        format!("[loads.a.columns]\n{long} = [\"\", \"\"]"),
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}", "{a=".repeat(100_000)),
        format!("[{}]", ["a"; 50_000].join(".")),
    ] {
        let (_, problem) = mistake(&text);
        let begin: String = text.chars().take(60).collect();
        assert!(!problem.contains(|it: char| it.is_control() || it == '\u{202e}'), "{begin}");
        assert!(problem.chars().count() <= 601, "{begin} gave {problem}");
    }
}

proptest! {
    /// A right file with any piece in place of another is read, or refused in a line that it has.
    #[test]
    fn a_damaged_file_is_read_or_refused_in_one_of_its_lines(
        from in 0..RIGHT.len(),
        length in 0..20_usize,
        piece in "[\\[\\]{}\"'=,.#\\\\a-c0-9\u{1b}ä\n ]{0,6}",
    ) {
        let until = (from + length).min(RIGHT.len());
        let text = [&RIGHT[..from], &piece, &RIGHT[until..]].concat();

        if let Err(InvalidLoads { line, problem, .. }) = parse(&text) {
            let lines = text.split('\n').count();
            prop_assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{text}: {line:?}");
            prop_assert!(!problem.is_empty() && !problem.contains(char::is_control), "{problem}");
        }
    }
}

/// A file without a mistake.
const RIGHT: &str = r#"[defaults]
time-zone = "Europe/Berlin"
[loads.accounts]
object = "Account"
external-id = "ErpKey__c"
files = ["accounts*.csv", 'exports/**/a[0-9].csv{,.gz}']
columns = { Kundennr = "ErpKey__c", Name = ["Name", "Alias__c"] }
constants = { Type = "Customer", Seats__c = 1.5 }
[loads.contacts]
object = "Contact"
operation = "insert"
call-rows = 50
mapping = "mappings/contacts.sdl"
after = ["accounts"]
"#;

#[test]
fn the_file_that_is_damaged_is_right() {
    assert_eq!(parse(RIGHT).unwrap().iter().count(), 2);
}

/// A file that is as large as it may be is read at once.
#[test]
fn a_large_file_takes_no_long_time() {
    let column = |number: usize| format!("\"c{number}\" = \"f{number}\"\n");
    let text = "[loads.accounts]\nobject = \"Account\"\noperation = \"insert\"\n\
                [loads.accounts.columns]\n"
        .to_owned()
        + &(0..40_000).map(column).collect::<String>();
    assert!(text.len() < 1 << 20);

    let loads = parse(&text).unwrap();

    assert_eq!(sdl(loads.named("accounts").unwrap()).last().unwrap().0, 40_004);
}
