//! Embeds the page: every file of `web/`, without a list that somebody must keep.

use std::{fmt::Write as _, fs, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo says where things are by variables")]
fn main() {
    // Asked for when it runs: a folder that was moved keeps this program.
    let web = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it") + "/web";
    let mut list = String::from("&[\n");
    let mut names: Vec<String> = fs::read_dir(&web)
        .expect("the page is in web/")
        .map(|entry| entry.expect("the folder can be read"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().expect("names of the page's files are ASCII"))
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    for name in names {
        let path = format!("{web}/{name}");
        writeln!(list, "    ({name:?}, include_bytes!({path:?})),")
            .expect("a String takes everything");
    }
    list.push_str("]\n");
    let folder = std::env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join("page.rs"), list).expect("cargo's folder can be written to");
    println!("cargo:rerun-if-changed={web}");
}
