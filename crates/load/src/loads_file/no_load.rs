//! What to say when there is no load.

use ingest_core::{nearest, shown};

use crate::spelling::{listed, quoted};

/// There is no load, or not one alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoLoad {
    /// The name is mistyped, or the program has another `LOADS_FILE`, or started before the load was
    /// added: a server reads the file when it starts.
    #[error("there is no load {}; {}", quoted(name), those_there_are(name, known))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The name of the file fits several loads, and a guess could load it into the wrong object.
    #[error(
        "the loads {} have patterns that fit {}; say which with --load, or make the patterns of \
         `files` narrower",
        listed(loads.iter().map(String::as_str)),
        shown(file, FILE_CHARACTERS_MAX)
    )]
    Several {
        /// The blob.
        file: String,
        /// Their names.
        loads: Vec<String>,
    },
}

/// Characters of a blob's name that are shown.
const FILE_CHARACTERS_MAX: usize = 200;

fn those_there_are(name: &str, known: &[String]) -> String {
    let known = || known.iter().map(String::as_str);
    match (known().next(), nearest(name, known())) {
        (None, _) => "there are none; name a file of loads in LOADS_FILE, or set SALESFORCE_OBJECT"
            .to_owned(),
        (Some(_), None) => format!("there are {}", listed(known())),
        (Some(_), Some(near)) => format!("did you mean `{near}`? There are {}", listed(known())),
    }
}
