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
        let (module, name) = test.split_once("::").unwrap_or(("", test));
        let folder = crates.join(package).join("tests");
        let files = match module {
            "" => [format!("{target}.rs"), format!("{target}/main.rs")],
            _ => [format!("{target}/{module}.rs"), format!("{target}/{module}/mod.rs")],
        };
        let file = files
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

/// What `make mutants ONLY=guarantees` takes out, line by line.
#[test]
fn every_proof_has_a_mechanism_that_can_be_taken_out() {
    let broken: serde_json::Value = serde_json::from_str(include_str!("../broken.json")).unwrap();
    let broken = broken.as_array().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let is_proof = |words: &&str| words.starts_with("e2e ") || words.starts_with("cargo test -p ");
    let proofs: Vec<&str> = PAGE.split('`').skip(1).step_by(2).filter(is_proof).collect();

    // But for the legend.
    for proof in proofs.iter().filter(|proof| !proof.ends_with("--test pipeline")) {
        let is_there = broken.iter().any(|line| line["proof"] == **proof);
        assert!(is_there, "`{proof}`: broken.json does not say what it proves");
    }
    for line in broken {
        let proof = line["proof"].as_str().unwrap();
        assert!(proofs.contains(&proof), "`{proof}` is not on the page");
        for change in line["changes"].as_array().unwrap() {
            let words = |name: &str| change[name].as_str();
            let file = words("file").unwrap();
            let text = fs::read_to_string(root.join(file)).unwrap();
            let was = words("was").unwrap();
            let within = words("within").unwrap_or(was);
            for (whole, part) in [(text.as_str(), within), (within, was)] {
                assert_eq!(
                    whole.matches(part).count(),
                    1,
                    "`{proof}`: {file} has {part:?} so often"
                );
            }
        }
    }
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
