//! The certificates of authorities that the environment names.

use std::{ffi::OsString, fs::File, io::Read, path::Path};

/// Variable with a file of certificates, which counts in place of those of the system.
const FILE: &str = "SSL_CERT_FILE";

/// What is wrong with the setting that names a file of authorities. Some clients would go on without it, and find
/// later that they trust nobody, or others than they were told to.
#[must_use]
pub fn unreadable_authorities() -> Option<String> {
    unreadable(variable(FILE)?)
}

fn unreadable(file: OsString) -> Option<String> {
    let path = Path::new(&file);
    // A folder can be opened, and not be read.
    let error = File::open(path).and_then(|mut file| file.read(&mut [0])).err()?;
    Some(format!(
        "{FILE}: the certificates to trust could not be read from `{}` ({error}); name a PEM file, or remove the \
         setting",
        path.display()
    ))
}

#[expect(clippy::disallowed_methods, reason = "as the clients of TLS read it")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named_and_one_that_is_there_is_fine() {
        let missing = unreadable("/dev/null/none".into()).unwrap();

        let words = "the certificates to trust could not be read from `/dev/null/none`";
        assert!(missing.starts_with("SSL_CERT_FILE: ") && missing.contains(words), "{missing}");
        assert!(unreadable("/dev".into()).is_some(), "a folder is none");
        assert!(unreadable("".into()).is_some(), "an empty one is none");
        assert_eq!(unreadable("/dev/null".into()), None);
    }
}
