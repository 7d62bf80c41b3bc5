//! The file `.env`. Nothing in it is replaced by anything else: a value is what stands there.
//!
//! | line | value |
//! |---|---|
//! | `NAME=value` | what stands there; `$`, `#`, `\` and quotes inside it are characters like any other |
//! | `NAME='two words'` | what is between the quotes, as it stands |
//! | `NAME="two \"words\""` | the same, but for `\"`, `\\`, `\$` and `\n` |
//! | `NAME=`, `NAME=''` | none: it counts as not set |
//! | `# …`, or blank | |
//!
//! `export` before the name changes nothing. Behind a quoted value a comment may stand; a value
//! without quotes that holds a blank is refused, since nobody could tell a comment from a password.

use std::{collections::BTreeMap, fs, io, path::Path};

pub(crate) type Variables = BTreeMap<String, String>;

/// What a `.env` says.
#[derive(Debug, Default)]
pub(crate) struct DotEnv {
    /// Without those that are empty.
    pub(crate) variables: Variables,
    /// Whether not only its owner can read it.
    pub(crate) is_open: bool,
}

impl DotEnv {
    /// Reads the file; one that is not there says nothing. What is wrong is said without quoting a
    /// line, which may hold a secret.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error: io::Error| format!("{}: {error}", path.display());
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(unreadable)?,
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| format!("{}: not UTF-8; save it as UTF-8", path.display()))?;
        let variables = variables(text.trim_start_matches('\u{feff}'))
            .map_err(|problem| format!("{}: {problem}", path.display()))?;
        let is_open = is_open(&fs::metadata(path).map_err(unreadable)?);
        Ok(Self { variables, is_open })
    }
}

#[cfg(unix)]
fn is_open(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    file.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_open(_file: &fs::Metadata) -> bool {
    false
}

fn variables(text: &str) -> Result<Variables, String> {
    let mut variables = Variables::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_matches(BLANK);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let problem = |problem| format!("line {}: {problem}", index + 1);
        let (name, value) = line.split_once('=').ok_or_else(|| problem("not NAME=value"))?;
        let name = name.strip_prefix("export ").unwrap_or(name).trim_matches(BLANK);
        if !is_name(name) {
            return Err(problem("not NAME=value"));
        }
        let value = value_of(value.trim_matches(BLANK)).map_err(problem)?;
        // The last line of a name counts, also when it is empty.
        match value.is_empty() {
            true => variables.remove(name),
            false => variables.insert(name.to_owned(), value),
        };
    }
    Ok(variables)
}

const BLANK: [char; 2] = [' ', '\t'];

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
}

fn value_of(text: &str) -> Result<String, &'static str> {
    const UNCLOSED: &str = "the value begins with a quote that does not end on this line";
    let (value, behind) = if let Some(text) = text.strip_prefix('\'') {
        let (value, behind) = text.split_once('\'').ok_or(UNCLOSED)?;
        (value.to_owned(), behind)
    } else if let Some(text) = text.strip_prefix('"') {
        in_double_quotes(text)?.ok_or(UNCLOSED)?
    } else if text.starts_with('#') || text.contains(BLANK) {
        return Err("put a value with blanks, or with # at its beginning, into single quotes; \
                    comments stand on lines of their own");
    } else {
        (text.to_owned(), "")
    };
    let behind = behind.trim_start_matches(BLANK);
    if behind.is_empty() || behind.starts_with('#') {
        Ok(value)
    } else {
        Err("something stands behind the quote that ends the value; for a value that holds both \
             quotes, leave out those around it")
    }
}

/// The value before the quote that ends it, and what stands behind; none when none ends it.
fn in_double_quotes(text: &str) -> Result<Option<(String, &str)>, &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        value.push(match character {
            '"' => return Ok(Some((value, &text[at + 1..]))),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\' | '$'))) => escaped,
                Some((_, 'n')) => '\n',
                _ => return Err("in double quotes write \\\\ for \\, or take single quotes"),
            },
            other => other,
        });
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        variables(text).map(|variables| variables.into_iter().collect())
    }

    #[test]
    fn a_value_is_what_stands_there() {
        for (line, value) in [
            ("A=$ecret", "$ecret"),
            ("A=${HOME}", "${HOME}"),
            ("A=pa$$w0rd!", "pa$$w0rd!"),
            (r"A=back\slash\n", r"back\slash\n"),
            ("A=a#b", "a#b"),
            ("A=it's", "it's"),
            (r#"A=a"b"c"#, r#"a"b"c"#),
            ("A=a=b;c=d==", "a=b;c=d=="),
            ("A='$ecret \\ # \"x\"'", "$ecret \\ # \"x\""),
            (r#"A="$ecret # x""#, "$ecret # x"),
            (r#"A="a \"b\" \\ \$c""#, r#"a "b" \ $c"#),
            ("A=\"a\\nb\"", "a\nb"),
            ("A='\"'", "\""),
            ("A='a' # why", "a"),
            ("export A=a", "a"),
            (" A = a \t\r", "a"),
            ("A=ünï", "ünï"),
        ] {
            let expected = Ok(vec![("A".to_owned(), value.to_owned())]);
            assert_eq!(read(&format!("# comment\n\n{line}\n")), expected, "{line}");
        }
    }

    #[test]
    fn an_empty_value_counts_as_not_set_and_the_last_line_of_a_name_counts() {
        assert_eq!(read("A=\nB=''\nC=\"\"\n"), Ok(vec![]));
        assert_eq!(read("A=1\nA=2"), Ok(vec![("A".to_owned(), "2".to_owned())]));
        assert_eq!(read("A=1\nA="), Ok(vec![]));
    }

    #[test]
    fn a_line_that_could_be_meant_otherwise_is_refused_by_its_number_and_not_quoted() {
        for (line, problem) in [
            ("hunter2", "not NAME=value"),
            ("hunter2 x=y", "not NAME=value"),
            ("=hunter2", "not NAME=value"),
            ("A=hunter2 # a comment, or part of it", "put a value with blanks"),
            ("A=hunter2 hunter2", "put a value with blanks"),
            ("A=#hunter2", "put a value with blanks"),
            ("A='hunter2", "a quote that does not end"),
            ("A=\"hunter2\\\"", "a quote that does not end"),
            ("A='hunter2'x", "something stands behind the quote"),
            ("A=\"hunter2\\x\"", "write \\\\ for \\"),
        ] {
            let refusal = read(&format!("B=1\n{line}\n")).unwrap_err();
            assert!(refusal.starts_with("line 2: "), "{line}: {refusal}");
            assert!(refusal.contains(problem), "{line}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{line}: {refusal}");
        }
    }

    #[test]
    fn the_file_to_copy_can_be_read() {
        let example = variables(include_str!("../../../.env.example")).unwrap();

        assert_eq!(example["CSV_QUOTE"], "\"");
        assert_eq!(example["SALESFORCE_TIMEOUT"], "9m 30s");
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing_and_one_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert_eq!(DotEnv::read(&path).unwrap().variables, Variables::new());

        fs::write(&path, [b'A', b'=', 0xff]).unwrap();
        let refusal = DotEnv::read(&path).unwrap_err();
        assert!(refusal.ends_with(".env: not UTF-8; save it as UTF-8"), "{refusal}");

        fs::write(&path, "\u{feff}A=1\n").unwrap();
        assert_eq!(DotEnv::read(&path).unwrap().variables["A"], "1");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_open_when_more_than_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "A=1\n").unwrap();
        for (mode, open) in [(0o600, false), (0o400, false), (0o640, true), (0o644, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(DotEnv::read(&path).unwrap().is_open, open, "{mode:o}");
        }
    }
}
