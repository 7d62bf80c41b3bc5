//! The table of oddities in `docs/files.md` says what happens.

use crate::support::{read, settings};

#[test]
fn each_oddity_of_a_file_becomes_what_the_documents_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/files.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once("## Oddities of a file").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut read_rows = 0;
    for line in rows.take_while(|line| line.starts_with('|')) {
        let (file, becomes) = line[2..].split_once(" | ").unwrap();
        let file = file.trim_matches('`').replace('⏎', "\n");
        let file = file.replace("\\uFEFF", "\u{FEFF}").replace("\\u001A", "\u{1A}");
        let has_header = file.starts_with("Key") || file.starts_with("sep=");
        let file = if has_header { file } else { format!("Key,Name\n{file}") };

        let reading = read(settings(), &file).unwrap();

        let became: String = reading
            .records()
            .iter()
            .map(|record| match record.reject {
                Some(reject) => format!("`{}` ", reject.code),
                None => format!("`[{}]` ", String::from_utf8_lossy(record.raw)),
            })
            .collect();
        assert_eq!(format!("{became}|"), becomes.replace('⏎', "\n"), "{line}");
        read_rows += 1;
    }
    assert_eq!(read_rows, 26);
}
