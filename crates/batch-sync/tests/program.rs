//! The program as a person calls it.

use std::{fs, path::Path, process::Command};

use test_support::{RedisServer, azurite_command, redis_program};

fn batch_sync(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_batch-sync"));
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    command
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where the services of the tests find what they need, such as Node.js.
#[expect(clippy::disallowed_methods, reason = "the demonstration starts services, as the tests do")]
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

#[test]
fn messages_name_the_commands_of_this_program() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();

    for (arguments, expected) in [
        (&["show", "nightly"][..], "there is no run nightly; `batch-sync runs` lists them"),
        (&["runs"], "no runs yet; start one: batch-sync sync --file big-data-import.csv"),
    ] {
        let output = batch_sync(folder.path())
            .args(arguments)
            .env("REDIS_URL", redis.url())
            .output()
            .unwrap();

        let said = words(&output.stdout) + &words(&output.stderr);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn settings_that_do_not_fit_together_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();

    let output = batch_sync(folder.path()).args(["consume", "check"]).output().unwrap();

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(words(&output.stderr).contains("SALESFORCE_LOGIN_URL"), "{output:?}");
}

#[test]
fn man_pages_and_completions_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");

    let written = batch_sync(folder.path()).arg("man").arg(&pages).output().unwrap();
    let script = batch_sync(folder.path()).args(["completions", "bash"]).output().unwrap();

    assert!(written.status.success() && script.status.success(), "{written:?} {script:?}");
    for (page, word) in [
        ("batch-sync.1", "Begin with: batch\\-sync demo"),
        ("batch-sync-sync.1", "\\-\\-max\\-rejects"),
        ("batch-sync-consume-count.1", "nightly"),
    ] {
        let page = fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(word), "{page}");
    }
    // As bash asks when somebody presses TAB behind the last word.
    for (typed, expected) in [
        (&["sync", "--max-rej"][..], "--max-rejects"),
        (&["consume", "ch"], "check"),
        (&["consume", "count", "--js"], "--json"),
        (&["check", "--operation", "ups"], "upsert"),
    ] {
        let (last, before) = (typed.last().unwrap(), typed.len());
        let previous = if before > 1 { typed[before - 2] } else { "batch-sync" };
        let ask = format!(
            "COMP_WORDS=(batch-sync {}); COMP_CWORD={before}; _batch__sync batch-sync {last} {previous}; \
             echo \"${{COMPREPLY[@]}}\"",
            typed.join(" ")
        );
        let file = folder.path().join("completions");
        fs::write(&file, &script.stdout).unwrap();
        let ask = format!("source '{}'; {ask}", file.display());
        let bash = std::process::Command::new("bash").args(["--norc", "-c", &ask]).output();
        assert_eq!(words(&bash.unwrap().stdout).trim(), expected, "{typed:?}");
    }
}

#[test]
fn the_demonstration_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();

    let output = batch_sync(folder.path()).arg("demo").env("PATH", folder.path()).output().unwrap();

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = words(&output.stderr);
    assert!(said.contains("redis-server") && said.contains("npm install"), "{said}");
}

#[test]
fn the_demonstration_loads_and_verifies_a_file_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = batch_sync(folder.path());
    demo.args(["demo", "--rows", "3000"]).env("TMPDIR", folder.path());
    // A setting of the caller's own must not count.
    demo.env("REDIS_URL", "redis://127.0.0.1:1").env("SALESFORCE_LOGIN_URL", "http://127.0.0.1:1");
    let redis = redis_program();
    // A name without a folder is found along the PATH.
    if redis.is_absolute() {
        demo.env("REDIS_SERVER", redis);
    }
    demo.env("AZURITE", azurite_command().remove(0)).env("PATH", path());

    let output = demo.output().unwrap();

    let said = words(&output.stdout) + &words(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("every row of the file is delivered or rejected, once"), "{said}");
    assert!(said.contains("each delivered row has a record of its own"), "{said}");
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it left something");
}
