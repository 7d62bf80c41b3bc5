//! The page of guarantees names proofs that exist.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{fs, path::Path};

const PAGE: &str = include_str!("../GUARANTEES.md");

/// Commands between backticks, with `e2e` written out.
fn commands() -> Vec<String> {
    let quoted = PAGE.split('`').skip(1).step_by(2).map(str::to_owned);
    let written_out = quoted.map(|command| match command.strip_prefix("e2e ") {
        Some(test) => format!("cargo test -p end-to-end --test pipeline {test}"),
        None => command,
    });
    written_out.filter(|command| !command.contains('\n')).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut named = 0;
    for command in commands() {
        let Some(words) = command.strip_prefix("cargo test -p ") else { continue };
        let words: Vec<&str> = words.split(' ').collect();
        let [package, "--test", target, test] = words[..] else { continue };
        named += 1;
        let (module, name) = test.split_once("::").unwrap();
        let folder = crates.join(package).join("tests").join(target);
        let file = [format!("{module}.rs"), format!("{module}/mod.rs")]
            .map(|file| folder.join(file))
            .into_iter()
            .find(|file| file.exists())
            .unwrap_or_else(|| panic!("`{command}`: no module {module}"));
        let source = fs::read_to_string(file).unwrap();
        let at = source.find(&format!("fn {name}()"));
        let at = at.unwrap_or_else(|| panic!("`{command}`: there is no such test"));
        let attributes = source[..at].rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("test"), "`{command}`: it is no test");
        assert!(!attributes.contains("ignore"), "`{command}`: it is not run by `make test`");
    }
    assert!(named > 40, "only {named} tests are named");
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = include_str!("../../../Makefile");
    for command in commands() {
        let Some(target) = command.strip_prefix("make ").and_then(|rest| rest.split(' ').next())
        else {
            continue;
        };
        assert!(makefile.contains(&format!("\n{target}: ## ")), "there is no `make {target}`");
    }
}
