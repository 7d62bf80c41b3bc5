//! Commands in messages, ready to be pasted into a shell.

use ingest_core::RunId;

/// What goes on with a run.
pub(crate) fn resume_command(file: &str, run: &RunId) -> String {
    format!("producer sync --file {} --run-id {run}", shell_word(file))
}

/// What loads a file.
pub(crate) fn sync_command(file: &str) -> String {
    format!("producer sync --file {}", shell_word(file))
}

/// A file name as one word of a POSIX shell.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_resumes_can_be_pasted() {
        let run = "nightly".parse().unwrap();
        let cases = [
            ("a/big-data.csv", "a/big-data.csv"),
            ("two words.csv", "'two words.csv'"),
            ("it's.csv", r"'it'\''s.csv'"),
        ];

        for (file, word) in cases {
            let expected = format!("producer sync --file {word} --run-id nightly");
            assert_eq!(resume_command(file, &run), expected);
        }
    }
}
