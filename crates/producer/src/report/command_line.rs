//! Commands in messages, ready to be pasted into a shell.

use ingest_core::{RunId, commands::producer};
use job_queue::Output;

use crate::report::output_names::folder;

/// What goes on with a run.
pub(crate) fn resume_command(run: &RunId) -> String {
    format!("{} resume {run}", producer())
}

/// What ends a run for good.
pub(crate) fn cancel_command(run: &RunId) -> String {
    format!("{} cancel {run}", producer())
}

/// What loads a file.
pub(crate) fn sync_command(file: &str) -> String {
    format!("{} sync --file {}", producer(), shell_word(file))
}

/// What loads a file that was put into the container: one among rejects files holds rows of a run.
pub(crate) fn load_command(file: &str) -> String {
    match file.starts_with(folder(Output::Rejects)) {
        true => format!("{} replay RUN --file {}", producer(), shell_word(file)),
        false => sync_command(file),
    }
}

/// What puts a file of this folder into the container.
pub(crate) fn upload_command(file: &str) -> String {
    format!("{} upload {}", producer(), shell_word(file))
}

/// What is done with a file that was put into the container.
pub(crate) fn next_commands(file: &str) -> String {
    let load = load_command(file);
    match file.starts_with(folder(Output::Rejects)) {
        true => format!("load it: {load}"),
        false => {
            format!("check it: {} check --file {}; load it: {load}", producer(), shell_word(file))
        }
    }
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
    fn the_commands_can_be_pasted() {
        assert_eq!(resume_command(&"nightly".parse().unwrap()), "producer resume nightly");
        let cases = [
            ("a/big-data.csv", "a/big-data.csv"),
            ("two words.csv", "'two words.csv'"),
            ("it's.csv", r"'it'\''s.csv'"),
        ];

        for (file, word) in cases {
            assert_eq!(sync_command(file), format!("producer sync --file {word}"));
            assert_eq!(load_command(file), sync_command(file));
        }
        assert_eq!(
            load_command("rejects/my copy.csv"),
            "producer replay RUN --file 'rejects/my copy.csv'"
        );
        assert_eq!(load_command("rejects.csv"), "producer sync --file rejects.csv");
    }
}
