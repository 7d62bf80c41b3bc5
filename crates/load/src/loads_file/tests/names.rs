//! Which load a name asks for, and which one a file's name.

use super::{super::NoLoad, *};

fn loads_with(files: &[(&str, &[&str])]) -> Result<Loads, InvalidLoads> {
    let load = |(name, files): &(&str, &[&str])| {
        format!("[loads.{name}]\nobject = \"A\"\noperation = \"insert\"\nfiles = {files:?}\n")
    };
    parse(&files.iter().map(load).collect::<String>())
}

fn with_default(loads: Loads) -> Loads {
    let environment = LoadSettings {
        object: Some("Lead".to_owned()),
        operation: Some(Operation::Insert),
        ..LoadSettings::default()
    };
    loads.with_default(&environment, &read).unwrap()
}

#[test]
fn a_pattern_fits_names_of_blobs() {
    for (pattern, fitting, others) in [
        ("a.csv", &["a.csv"][..], &["A.csv", "x/a.csv", "a.csv.gz", "aXcsv"][..]),
        ("a*.csv", &["a.csv", "a-1.csv", "a.b.csv"], &["x/a.csv", "a/b.csv", "ab.csvx"]),
        ("*", &["a.csv", ".a"], &["a/b"]),
        ("**", &["a.csv", "a/b.csv", "a/b/c.csv"], &[]),
        ("exports/*/a.csv", &["exports/x/a.csv"], &["exports/a.csv", "exports/x/y/a.csv"]),
        ("exports/**/a.csv", &["exports/a.csv", "exports/x/y/a.csv"], &["a.csv", "xexports/a.csv"]),
        ("**/a.csv", &["a.csv", "x/a.csv", "x/y/a.csv"], &["x/ba.csv"]),
        ("exports/**", &["exports/a", "exports/x/a"], &["exports", "a/exports/x"]),
        ("{a,b}.csv", &["a.csv", "b.csv"], &["c.csv", "ab.csv", "{a,b}.csv"]),
        ("a.csv{,.gz}", &["a.csv", "a.csv.gz"], &["a.csv.zip"]),
        ("a?.csv", &["a1.csv"], &["a.csv", "a12.csv", "a/.csv"]),
        ("größe{ß,ä}*.csv", &["größeß.csv", "größeä-Ä.csv"], &["grösseß.csv", "größe.csv"]),
        ("a[0-9].csv", &["a1.csv"], &["ax.csv"]),
        (r"a\*.csv", &["a*.csv"], &["ab.csv", r"a\b.csv"]),
    ] {
        let loads = loads_with(&[("one", &[pattern])]).unwrap();
        let fits = |name: &&&str| loads.of_file(name).unwrap().is_some();
        assert_eq!(fitting.iter().find(|name| !fits(name)), None, "{pattern} has to fit");
        assert_eq!(others.iter().find(fits), None, "{pattern} must not fit");
    }
}

#[test]
fn the_load_of_a_file_is_the_one_whose_pattern_fits_or_else_the_default() {
    let loads = loads_with(&[
        ("accounts", &["accounts*.csv", "exports/**"]),
        ("contacts", &["contacts*.csv", "**/*.txt"]),
        ("archive", &["archive/*", "archive/c*", "exports/old/**"]),
    ])
    .unwrap();
    let name_of = |loads: &Loads, file: &str| match loads.of_file(file) {
        Ok(load) => load.map(|load| load.name.clone()).unwrap_or_default(),
        Err(NoLoad::Several { loads, .. }) => loads.join("+"),
        Err(other) => panic!("{file}: {other}"),
    };
    let both = with_default(loads.clone());
    for (file, expected) in [
        ("accounts-1.csv", "accounts"),
        ("contacts.csv", "contacts"),
        ("archive/contacts.csv", "archive"),
        ("exports/a.txt", "accounts+contacts"),
        ("exports/old/a.txt", "accounts+contacts+archive"),
    ] {
        assert_eq!(name_of(&loads, file), expected, "{file}");
        assert_eq!(name_of(&both, file), expected, "{file}");
    }
    assert_eq!(name_of(&loads, "leads.csv"), "");
    assert_eq!(name_of(&both, "leads.csv"), "default");
    assert_eq!(name_of(&Loads::default(), "leads.csv"), "");

    let refused = loads.of_file("exports/a\u{1b}[2J.txt").unwrap_err().to_string();
    assert_eq!(
        refused,
        r"the loads `accounts`, `contacts` have patterns that fit exports/a\u001b[2J.txt; say which with --load, or make the patterns of `files` narrower"
    );
}

#[test]
fn who_asks_for_a_load_that_is_not_there_is_told_which_ones_are() {
    let loads = loads_with(&[("accounts", &[]), ("contacts", &[])]).unwrap();
    assert_eq!(loads.named("contacts").unwrap().name, "contacts");
    for (loads, name, expected) in [
        (
            &loads,
            "contcts",
            "there is no load `contcts`; did you mean `contacts`? There are `accounts`, `contacts`",
        ),
        (&loads, "default", "there is no load `default`; there are `accounts`, `contacts`"),
        (
            &with_default(loads.clone()),
            "x\n",
            r"there is no load `x\n`; there are `accounts`, `contacts`, `default`",
        ),
        (
            &Loads::default(),
            "x",
            "there is no load `x`; there are none; name a file of loads in LOADS_FILE, or set \
             SALESFORCE_OBJECT",
        ),
    ] {
        assert_eq!(loads.named(name).unwrap_err().to_string(), expected);
    }
}
