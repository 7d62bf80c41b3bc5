#!/usr/bin/env python3
"""Takes the mechanism behind each line of crates/end-to-end/GUARANTEES.md out, one at a time, and
says whether the test that the line names fails then.

crates/end-to-end/broken.json says what is taken out: of each file, a piece of its text (`was`, once
in the file, or once in `within`, which is), and what stands there instead (`becomes`). All of it is
compiled at once, in a copy of the repository; a variable takes one thing out at a time. Scripts in
Lua are read at run time, and so is the source that a test reads.

    scripts/mutants.sh guarantees [PART OF A PROOF …]     such as crashes::, or job-queue

A pass takes some minutes a test that waits for what does not come. JOBS says how many run at once.
"""

import concurrent.futures
import filecmp
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from mutation import LUA, ROOT, SWITCH, TARGET, change, copy_repository, read_scripts_at_run_time

LIST = "crates/end-to-end/broken.json"
COPY = os.path.join(TARGET, "guarantees")
TIMEOUT_SECONDS = 400
JOBS = int(os.environ.get("JOBS", "2"))

# A test starts programs without its own variables.
PASSED_ON = '.envs(std::env::vars().filter(|(name, _)| name == "MUTANT" || name == "LUA_SCRIPTS"))'


def main(wanted):
    with open(os.path.join(ROOT, LIST)) as opened:
        lines = list(enumerate(json.load(opened)))
    with tempfile.TemporaryDirectory(prefix="guarantees-") as fresh:
        copy_repository(fresh)
        put_switches_into(fresh, lines)
        copy = bring_up_to_date(fresh)
    lines = [line for line in lines if not wanted or any(part in line[1]["proof"] for part in wanted)]
    print(f"{len(lines)} mechanisms to take out; building", flush=True)
    programs = build(copy, {target_of(line) for _, line in lines})
    check_that_all_pass(copy, programs, lines)
    source = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        outcomes = list(pool.map(lambda line: take_out(copy, programs, source, line), lines))
    seen = sum(outcomes)
    print(f"{len(lines)} lines: {seen} were seen to fail, {len(lines) - seen} were not")
    sys.exit(0 if seen == len(lines) else 1)


def bring_up_to_date(fresh):
    """Gives the copy that is built: what did not change since the last time keeps its date, so that
    cargo does not compile it again."""
    if os.path.isdir(COPY):
        compared = filecmp.dircmp(fresh, COPY, ignore=[])
        bring_over(compared)
    else:
        shutil.copytree(fresh, COPY)
    return COPY


def bring_over(compared):
    differing = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, False)[1]
    for name in compared.right_only:
        gone = os.path.join(compared.right, name)
        shutil.rmtree(gone) if os.path.isdir(gone) else os.remove(gone)
    for name in [*compared.left_only, *differing]:
        source, target = (os.path.join(side, name) for side in (compared.left, compared.right))
        shutil.copytree(source, target) if os.path.isdir(source) else shutil.copy(source, target)
    for below in compared.subdirs.values():
        bring_over(below)


def is_compiled(line, one):
    return one["file"].endswith(".rs") and not line.get("source_is_read")


def put_switches_into(copy, lines):
    places = {}
    for number, line in lines:
        for one in line["changes"]:
            if is_compiled(line, one):
                place = one["file"], one.get("within", one["was"]), one["was"]
                places.setdefault(place, {}).setdefault(one["becomes"], []).append(number)
    for (file, within, was), instead in places.items():
        changed = within.replace(was, switched(was, instead))
        change(os.path.join(copy, file), within, changed)
    for crate in sorted({file.split("/")[1] for file, _, _ in places}):
        with open(os.path.join(copy, f"crates/{crate}/src/lib.rs"), "a") as opened:
            opened.write(SWITCH)
    read_scripts_at_run_time(copy)
    for test in sorted(glob.glob(os.path.join(copy, "crates/*/tests/**/*.rs"), recursive=True)):
        with open(test) as opened:
            starts_programs = ".env_clear()" in opened.read()
        if starts_programs:
            change(test, ".env_clear()", f".env_clear(){PASSED_ON}")


def switched(was, instead):
    def condition(numbers):
        return " || ".join(f'crate::is_mutant("{number}")' for number in numbers)
    if was.endswith("=>"):
        numbers = [number for some in instead.values() for number in some]
        return f"{was[:-2]}if !({condition(numbers)}) =>"
    arms = "".join(f"if {condition(numbers)} {{ {becomes} }} else "
                   for becomes, numbers in instead.items())
    return f"{arms}{{ {was} }}" if was.endswith(";") else f"({arms}{{ {was} }})"


def build(copy, wanted):
    """Test programs by crate and target."""
    targets = [f"--test={target}" for _, target in sorted(wanted)]
    built = subprocess.run(
        ["cargo", "build", "--workspace", "--bins", *targets, "--message-format=json"], cwd=copy,
        stdout=subprocess.PIPE, text=True, env={**os.environ, "CARGO_TARGET_DIR": TARGET})
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    if built.returncode != 0:
        for message in messages:
            if (message.get("message") or {}).get("level") == "error":
                print(message["message"]["rendered"])
        sys.exit("the copy does not compile with the changes in it")
    programs = {}
    for message in messages:
        if message.get("executable") and message["profile"]["test"]:
            crate = message["manifest_path"].split("/")[-2]
            programs[crate, message["target"]["name"]] = message["executable"]
    return programs


def target_of(line):
    """Crate and target of the test: of `cargo test -p CRATE --test TARGET NAME`, or of `e2e NAME`."""
    words = line["proof"].split(" ")
    return ("end-to-end", "pipeline") if words[0] == "e2e" else (words[3], words[5])


def test_of(programs, line):
    """Program, its crate, and the name of the test in it."""
    crate, target = target_of(line)
    return programs[crate, target], crate, line["proof"].split(" ")[-1]


def run(copy, program, crate, names, env):
    try:
        ended = subprocess.run(
            [program, "--exact", *names, "--test-threads", str(JOBS)],
            cwd=os.path.join(copy, "crates", crate), text=True, errors="replace",
            timeout=TIMEOUT_SECONDS if len(names) == 1 else None,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **env})
    except subprocess.TimeoutExpired:
        return False, f"it did not end within {TIMEOUT_SECONDS} s"
    return ended.returncode == 0, ended.stdout


def check_that_all_pass(copy, programs, lines):
    tests = {}
    for _, line in lines:
        program, crate, name = test_of(programs, line)
        tests.setdefault((program, crate), set()).add(name)
    for (program, crate), names in tests.items():
        env = {"LUA_SCRIPTS": os.path.join(copy, LUA)}
        passed, said = run(copy, program, crate, sorted(names), env)
        if not passed:
            print(f"{said}\nonce more, with nothing taken out", flush=True)
            passed, said = run(copy, program, crate, sorted(names), env)
        if not passed:
            sys.exit(f"{said}\nthese fail with nothing taken out")
        if f" {len(names)} passed" not in said:
            sys.exit(f"{said}\nthere should be {len(names)} tests")


def take_out(copy, programs, source, numbered):
    number, line = numbered
    program, crate, name = test_of(programs, line)
    env = {"LUA_SCRIPTS": os.path.join(copy, LUA), "MUTANT": str(number)}
    scripts = [one for one in line["changes"] if one["file"].endswith(".lua")]
    if scripts:
        env["LUA_SCRIPTS"] = os.path.join(copy, f"lua-{number}")
        shutil.rmtree(env["LUA_SCRIPTS"], ignore_errors=True)
        shutil.copytree(os.path.join(copy, LUA), env["LUA_SCRIPTS"])
        for one in scripts:
            take_out_of(os.path.join(env["LUA_SCRIPTS"], os.path.relpath(one["file"], LUA)), one)
    if line.get("source_is_read"):
        with source:
            for one in line["changes"]:
                take_out_of(os.path.join(copy, one["file"]), one)
            passed, said = run(copy, program, crate, [name], env)
            for one in line["changes"]:
                restore(os.path.join(copy, one["file"]), one)
    else:
        passed, said = run(copy, program, crate, [name], env)
    verdict = "NOT SEEN TO FAIL" if passed else "fails"
    print(f"{verdict}: {line['proof']} without: {line['mechanism']}{'' if passed else why(said)}",
          flush=True)
    return not passed


def take_out_of(path, one):
    within = one.get("within", one["was"])
    change(path, within, within.replace(one["was"], one["becomes"]))


def restore(path, one):
    change(path, one["becomes"], one["was"])


def why(said):
    """What the test said as it failed."""
    panicked = re.search(r"panicked at [^\n]*\n([^\n]*)", said)
    return f"\n    {(panicked.group(1) if panicked else said.strip())[:160]}"


if __name__ == "__main__":
    main(sys.argv[1:])
