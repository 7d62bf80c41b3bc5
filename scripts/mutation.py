"""A copy of the repository with changes in it, of which a variable switches one on: for mutants.py and
guarantees.py."""

import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LUA = "crates/job-queue/src/lua"

# Not the usual one: cargo would take what is built here for the code as it is.
TARGET = os.path.join(ROOT, "target", "mutants")

SWITCH = '''
#[allow(missing_docs, clippy::all)]
pub(crate) fn is_mutant(name: &str) -> bool {
    static MUTANT: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").ok());
    MUTANT.as_deref() == Some(name)
}
'''


def copy_repository(copy):
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    for file in listed.decode().split("\0"):
        source, target = os.path.join(ROOT, file), os.path.join(copy, file)
        if file and os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)


def change(path, before, after):
    with open(path) as opened:
        text = opened.read()
    assert before in text, (path, before)
    with open(path, "w") as opened:
        opened.write(text.replace(before, after))


def read_scripts_at_run_time(copy):
    scripts = os.path.join(copy, "crates/job-queue/src/redis/scripts.rs")
    change(scripts, "Script::new(text!(", "Script::new(&text!(")
    change(scripts,
           """concat!(
            include_str!("../lua/parts/known.lua"),
            include_str!("../lua/parts/keys.lua"),
            $(include_str!(concat!("../lua/", $file, ".lua"))),+
        )""",
           """["parts/known", "parts/keys", $($file),+].map(|name| std::fs::read_to_string(format!(
            "{}/{name}.lua", std::env::var("LUA_SCRIPTS").unwrap())).unwrap()).concat()""")


def scripts_of(folder):
    """Every script, from `folder`."""
    return sorted(os.path.relpath(os.path.join(at, file), folder)
                  for at, _, files in os.walk(folder) for file in files)
