//! Of how a file is read.

use super::*;
use crate::cli::read_args::EncodingArg;

fn args(delimiter: &str, quote: &str, encoding: &str) -> ReadArgs {
    ReadArgs {
        batch_rows: None,
        batch_bytes_max: None,
        batch_keep_together: Some("Parent".to_owned()),
        record_bytes_max: 1 << 20,
        header_bytes_max: 64 << 10,
        header_columns_max: 2_000,
        csv_delimiter: delimiter.to_owned(),
        csv_quote: quote.to_owned(),
        csv_escape: "none".to_owned(),
        csv_encoding: EncodingArg { name: encoding.to_owned(), is_of_this_command: false },
    }
}

impl ReadSettings {
    /// Nothing is set.
    pub(super) fn default_for_tests() -> Self {
        Self::new(&args("auto", "\"", "utf-8")).unwrap()
    }
}

#[test]
fn delimiters_can_be_typed_in_a_shell() {
    let cases = [("auto", None), ("tab", Some(b'\t')), (r"\t", Some(b'\t')), (";", Some(b';'))];

    for (text, delimiter) in cases {
        let settings = ReadSettings::new(&args(text, "\"", "utf-8")).unwrap();
        assert_eq!(settings.delimiter, delimiter, "{text:?}");
    }
}

#[test]
fn an_escape_character_is_a_backslash_or_none_and_kept_with_the_run() {
    let cases = [("none", None), ("backslash", Some(b'\\')), ("\\", Some(b'\\'))];

    for (text, escape) in cases {
        let args = ReadArgs { csv_escape: text.to_owned(), ..args(",", "\"", "utf-8") };
        let settings = ReadSettings::new(&args).unwrap();
        assert_eq!((settings.dialect().escape, settings.ingest().escape), (escape, escape));
        let kept: ReadSettings = serde_json::from_str(&settings.as_kept()).unwrap();
        assert_eq!(kept, settings);
    }
    let args = ReadArgs { csv_escape: "^".to_owned(), ..args(",", "\"", "utf-8") };
    let message = ReadSettings::new(&args).unwrap_err().to_string();
    assert_eq!(message, "CSV_ESCAPE must be none or backslash, not \"^\"");
}

#[test]
fn a_setting_that_is_not_understood_is_named() {
    let cases = [
        (args("::", "\"", "utf-8"), "CSV_DELIMITER"),
        (args(",", "", "utf-8"), "CSV_QUOTE"),
        (args(",", "\"", "ebcdic"), "CSV_ENCODING"),
    ];

    for (args, name) in cases {
        let message = ReadSettings::new(&args).unwrap_err().to_string();
        assert!(message.starts_with(name), "{message}");
    }
}

#[test]
fn what_the_file_told_of_its_encoding_and_compression_is_kept_with_the_run() {
    let settings = ReadSettings::new(&args(",", "\"", "utf-8")).unwrap();

    let packing = Some(Packing::Gzip);
    let told = settings.clone().with(Dialect::default(), packing, Some("UTF-16LE"));
    let untold = settings.with(Dialect::default(), None, None);

    assert_eq!((told.keeps_bytes(), untold.keeps_bytes()), (false, true));
    assert!(told.transcoder().is_ok());
    let kept: ReadSettings = serde_json::from_str(&told.as_kept()).unwrap();
    assert_eq!((kept.packing, kept.of_rejects_file().packing), (packing, None));
}

#[test]
fn the_ledger_gives_back_what_it_was_given() {
    let settings = ReadSettings::new(&args("tab", "'", "latin1")).unwrap();

    let copy = settings.clone().for_copy_of(&settings, vec!["LOCK".to_owned()], false);
    for settings in [settings, copy] {
        let kept = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ReadSettings>(&kept).unwrap(), settings);
    }
}

#[test]
fn a_copy_is_read_as_a_spreadsheet_writes_unless_something_else_is_set_for_it() {
    let spreadsheet = Dialect::default();
    for (quote, escape) in [("'", "none"), ("'", "backslash"), ("\"", "backslash")] {
        let args = ReadArgs { csv_escape: escape.to_owned(), ..args(",", quote, "latin1") };
        let settings = ReadSettings::new(&args).unwrap();
        let (read, codes) = (settings.dialect(), Vec::new);

        let said = settings.clone().for_copy_of(&settings, codes(), true);
        assert_eq!((said.dialect(), &*said.encoding), (spreadsheet, "latin1"));
        let copy = settings.clone().for_copy_of(&settings, codes(), false);
        assert_eq!((copy.delimiter, copy.dialect(), &*copy.encoding), (None, spreadsheet, "utf-8"));
        assert_eq!(copy.replay_text, Some(read), "of records in one cell");
        // Its own rejects file is written as it was read.
        let again = settings.clone().for_rejects_of(&copy, codes());
        assert_eq!((again.dialect(), again.replay_text), (spreadsheet, Some(read)));
        assert_eq!(settings.clone().for_saved_copy().dialect(), spreadsheet);

        let other = ReadSettings { quote: b'|', escape: Some(b'^'), ..settings.clone() };
        let copy = other.clone().for_copy_of(&settings, codes(), false);
        assert_eq!((copy.quote, copy.escape), (b'|', Some(b'^')), "set for the copy");
    }
}

#[test]
fn a_run_of_a_producer_that_knew_less_settings_goes_on() {
    let kept = r#"{"delimiter":44,"quote":34,"encoding":"utf-8","recordBytesMax":1048576,
        "batchRows":100,"batchBytesMax":1048576}"#;

    let settings = serde_json::from_str::<ReadSettings>(kept).unwrap();

    let ReadSettings { replay, keep_together, packing, .. } = settings.clone();
    assert_eq!((replay, keep_together, packing), (None, None, None));
    assert_eq!(settings.batch_size(), BatchSize { rows: 100, bytes_max: 1 << 20 });
    let mut ingest = settings.start();
    ingest.push(format!("{}c\n1\n", "c,".repeat(100_000)).into());
    assert!(ingest.next_batch().is_ok(), "it was begun with any header");
}
