#!/usr/bin/env python3
"""Changes the code that rows depend on, one place at a time, and says which changes no test notices.

What is changed: each condition and each write of the queue's Lua scripts, and the conditions and
the arms of the Rust code below. The tests are compiled once, in a copy of the repository, with
all changes in them; a variable switches on one at a time. A mutant that is known to change nothing
is in EQUIVALENT, with the reason.

    scripts/mutants.sh [PART OF A MUTANT'S NAME …]     such as settle.lua, or request.rs
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from mutation import LUA, ROOT, SWITCH, TARGET, copy_repository, read_scripts_at_run_time, scripts_of

# Of each file, what is changed besides its arms and conditions: a piece of it, and what for.
RUST = {
    "crates/consumer/src/retry/request_error.rs": [],
    "crates/consumer/src/retry/row_error.rs": [
        ("(0, u32::MAX - retries_max)", "(0, retries_max)"),
        ("rows > 1 && refused == rows", "refused == rows"),
        ("rows > 1 && refused == rows", "rows > 1"),
    ],
    "crates/consumer/src/retry/message.rs": [],
    "crates/load/src/operation.rs": [
        ("self != Self::Insert", "true"),
        ("matches!(self, Self::Upsert | Self::Insert)", "true"),
        ("matches!(self, Self::Upsert | Self::Update)", "true"),
    ],
    "crates/producer/src/import/backpressure.rs": [
        ("own.jobs >= self.high.jobs || own.bytes >= self.high.bytes",
         "own.jobs > self.high.jobs || own.bytes >= self.high.bytes"),
        ("own.jobs >= self.high.jobs || own.bytes >= self.high.bytes",
         "own.jobs >= self.high.jobs || own.bytes > self.high.bytes"),
        ("all_bytes >= self.high.bytes && own.bytes >= self.minimum()",
         "all_bytes >= self.high.bytes"),
        ("all_bytes >= self.high.bytes && own.bytes >= self.minimum()",
         "own.bytes >= self.minimum()"),
        ("own.jobs <= self.low.jobs && own.bytes <= self.low.bytes && has_room",
         "own.jobs < self.low.jobs && own.bytes <= self.low.bytes && has_room"),
        ("own.jobs <= self.low.jobs && own.bytes <= self.low.bytes && has_room",
         "own.jobs <= self.low.jobs && own.bytes < self.low.bytes && has_room"),
        ("own.jobs <= self.low.jobs && own.bytes <= self.low.bytes && has_room",
         "own.jobs <= self.low.jobs && own.bytes <= self.low.bytes"),
        ("batches < self.jobs && bytes < self.bytes", "batches <= self.jobs && bytes < self.bytes"),
        ("batches < self.jobs && bytes < self.bytes", "batches < self.jobs && bytes <= self.bytes"),
        ("bytes.min(self.minimum()).min(PUSH_BYTES_MAX)", "bytes.min(self.minimum())"),
        ("bytes.min(self.minimum()).min(PUSH_BYTES_MAX)", "bytes.min(PUSH_BYTES_MAX)"),
        ("args.queue_bytes_high / 2", "args.queue_bytes_high"),
        ("jobs_high / 2", "jobs_high - 1"),
    ],
    "crates/producer/src/report/reject_limit.rs": [
        ("rejected > most", "rejected >= most"),
        ("with_outcome >= SHARE_ROWS_MIN && share > most",
         "with_outcome > SHARE_ROWS_MIN && share > most"),
        ("with_outcome >= SHARE_ROWS_MIN && share > most",
         "with_outcome >= SHARE_ROWS_MIN && share >= most"),
        ("with_outcome >= SHARE_ROWS_MIN && share > most", "share > most"),
        ("rejected + ledger.delivered()", "ledger.delivered()"),
    ],
    "crates/producer/src/cli/reject_limit.rs": [
        ("(0.0..=100.0).contains(percent)", "true"),
    ],
    "crates/ingest-core/src/position.rs": [
        ("bytes[index] == b'\\r' || !after_cr", "true"),
        ("usize::from(*rest.first()? == b'\\n')", "1"),
        ("usize::from(*rest.first()? == b'\\n')", "0"),
        ("*last == b'\\r'", "false"),
    ],
    "crates/ingest-core/src/batch.rs": [
        ("records >= self.limits.rows_max.max(1) || self.bytes >= self.limits.bytes_max.max(1)",
         "records > self.limits.rows_max.max(1) || self.bytes >= self.limits.bytes_max.max(1)"),
        ("records >= self.limits.rows_max.max(1) || self.bytes >= self.limits.bytes_max.max(1)",
         "records >= self.limits.rows_max.max(1)"),
        ("self.bytes + bytes > self.limits.bytes_max", "self.bytes + bytes >= self.limits.bytes_max"),
        ("self.rows.is_empty() && self.rejects.is_empty()", "self.rows.is_empty()"),
        ("self.start.sequence + 1", "self.start.sequence"),
    ],
    "crates/ingest-core/src/replay.rs": [
        ("&& columns.code == Reject::MISPLACED_QUOTE", ""),
        ("is_number && !code.is_empty() && (first == last || is_code(&code))",
         "is_number && (first == last || is_code(&code))"),
        ("is_number && !code.is_empty() && (first == last || is_code(&code))",
         "is_number && !code.is_empty()"),
        ("is_number && !code.is_empty() && (first == last || is_code(&code))",
         "!code.is_empty() && (first == last || is_code(&code))"),
        ("is_missing || (may_be_missing && self.are_empty(raw, columns.first))", "is_missing"),
        ("is_missing || (may_be_missing && self.are_empty(raw, columns.first))",
         "may_be_missing && self.are_empty(raw, columns.first)"),
        ("fields >= full && are_added(self.columns)", "are_added(self.columns)"),
        ("fields > full && are_added(full)", "fields > full"),
    ],
    "crates/job-queue/src/queue/claim.rs": [],
    "crates/job-queue/src/queue/feeder.rs": [],
    "crates/job-queue/src/ledger/target.rs": [
        ("self.operation.is_some() || self.id.is_some()", "self.operation.is_some()"),
        ("self.operation.is_some() || self.id.is_some()", "self.id.is_some()"),
        ("self.may_mean(target) && (says_what_is_done || target.operation != \"delete\")",
         "self.may_mean(target)"),
        ("self.may_mean(target) && (says_what_is_done || target.operation != \"delete\")",
         "says_what_is_done || target.operation != \"delete\""),
        ("same(object, &target.object)", "true"),
        ("same(operation, &target.operation)", "true"),
        ("same(external_id, target.external_id.as_deref().unwrap_or_default())", "true"),
        ("self != other && Self { mapping: other.mapping.clone(), ..self.clone() } == *other",
         "Self { mapping: other.mapping.clone(), ..self.clone() } == *other"),
    ],
    "crates/job-queue/src/ledger/entry.rs": [
        ("self.state == RunState::Cancelled", "self.state != RunState::Cancelled"),
        ("self.feeder_alive && self.count(\"waits_for_room\")? > 0",
         "self.count(\"waits_for_room\")? > 0"),
        ("self.delivered().saturating_add(self.rejected)", "self.delivered()"),
        ("self.created.saturating_add(self.updated)", "self.created"),
    ],
}

# What tests can tell a change in a crate: packages and targets.
TESTS = {
    "ingest-core": ["--lib", "--test=ingest"],
    "job-queue": ["--lib", "--test=redis"],
    "consumer": ["--lib"],
    "load": ["--lib"],
    "producer": ["--lib"],
}

# Mutants that behave as the original does, in all that anybody can see.
ONE_MILLISECOND = "only at an age that is so many milliseconds exactly; one bucket more or less"
EQUIVALENT = {
    "series.lua:15 '>' here: >=": ONE_MILLISECOND,
    "series.lua:17 '>' here: >=": ONE_MILLISECOND,
    "ingest-core/batch.rs records >= self.limits.rows_max.max(1) "
    "|| self.bytes >= self.limits.bytes_max.max(1) => records >= self.limits.rows_max.max(1)":
        "cut at the same record, for no record is without a byte; handed out one record later",
}

SKIPPED_AT_FIRST = [
    "nine_thousand_jobs", "outlives_a_redis", "a_lease_is_renewed", "a_long_run_has_wider",
]


def lua_mutants():
    """(name, file, text) of each change of a script; alike ones on a line are numbered."""
    names = collections.Counter()
    for file in scripts_of(os.path.join(ROOT, LUA)):
        with open(os.path.join(ROOT, LUA, file)) as opened:
            text = opened.read()
        code = re.sub(r"--[^\n]*", lambda comment: " " * len(comment.group()), text)
        for start, end, became, what in sorted(lua_changes(code)):
            line = text.count("\n", 0, start) + 1
            was = " ".join(text[start:end].split())
            name = f"{os.path.basename(file)}:{line} {what}: {was}"
            names[name] += 1
            numbered = name if names[name] == 1 else f"{name} ({names[name]})"
            yield numbered, file, text[:start] + became + text[end:]


def lua_changes(code):
    # Writes, and calls of our own functions, that stand alone.
    ours = ("add_to_series|count|count_one_less|drop_unkept|end_run|end_when_all_settled|enter|forget_later"
            "|forget_notes|keep|place|remove_job|update_round")
    statement = rf"^[ \t]*((?:redis\.call|{ours})\()"
    for found in re.finditer(statement, code, re.M):
        end = closing(code, found.end(1) - 1)
        yield found.start(1), end, "", "not done"
    for found in re.finditer(r"\b(?:else)?if\b(.*?)\bthen\b", code, re.S):
        yield found.start(1), found.end(1), f" not ({found.group(1)}) ", "inverted"
        for part in re.finditer(r"\b(and|or)\b", found.group(1)):
            other = {"and": "or", "or": "and"}[part.group()]
            at = found.start(1) + part.start()
            yield at, at + len(part.group()), other, f"'{other}' here"
    for found in re.finditer(r"(?<![<>=~])(>=|<=|>|<)(?!=)", code):
        other = {">=": ">", "<=": "<", ">": ">=", "<": "<="}[found.group()]
        yield found.start(), found.end(), other, f"'{other}' here"


def closing(code, opening):
    depth, quote = 0, None
    for at in range(opening, len(code)):
        if quote:
            quote = None if code[at] == quote else quote
        elif code[at] in "'\"":
            quote = code[at]
        elif code[at] in "()":
            depth += 1 if code[at] == "(" else -1
            if depth == 0:
                return at + 1
    raise ValueError(code[opening:opening + 80])


def rust_mutants(copy, is_wanted):
    """Puts all changes of a file into the copy, each behind a switch; (name, crate) of each."""
    for file, pieces in RUST.items():
        if not is_wanted(file):
            continue
        with open(os.path.join(ROOT, file)) as opened:
            text = opened.read()
        code, marker, tests = text.partition("#[cfg(test)]\nmod tests {")
        names, short = [], "/".join(file.split("/")[1:2] + file.split("/")[3:])

        def switch(what, names=names, short=short):
            names.append(f"{short} {' '.join(what.split())}")
            return f'crate::is_mutant("{short} {len(names)}")'

        for piece, became in pieces:
            # The piece may be inside an earlier change of itself: the last one is the original.
            at = code.rindex(piece)
            guarded = f"(if {switch(f'{piece} => {became}')} {{ {became} }} else {{ {piece} }})"
            code = code[:at] + guarded + code[at + len(piece):]
        lines = code.split("\n")
        for number, line in enumerate(lines):
            if "is_mutant" in line or " let " in line:
                continue
            arm = re.match(r"^(\s*)((?:\"|\| \"|\d|code(?= if ))[^=]*?)(?: if (.*))? => (.*)$", line)
            inverted = re.match(r"^(\s*(?:\} else )?if )((?!let)[^{}]*)( \{.*)$", line)
            if arm:
                indent, pattern, guard, rest = arm.groups()
                off = switch(f"without the arm {pattern}")
                guard = f"!{off}" + (f" && ({guard})" if guard else "")
                lines[number] = f"{indent}{pattern} if {guard} => {rest}"
            elif inverted and inverted.group(2).count("(") == inverted.group(2).count(")"):
                before, condition, rest = inverted.groups()
                lines[number] = f"{before}({switch(f'not ({condition})')} != ({condition})){rest}"
        with open(os.path.join(copy, file), "w") as opened:
            opened.write("\n".join(lines) + marker + tests)
        crate = file.split("/")[1]
        for number, name in enumerate(names, 1):
            yield name, crate, f"{short} {number}"


def build(copy, crates):
    """Test programs by crate."""
    programs = {crate: [] for crate in crates}
    for crate in crates:
        command = ["cargo", "test", "--no-run", "--message-format=json", "-p", crate]
        built = subprocess.run(
            command + TESTS[crate], cwd=copy, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "CARGO_TARGET_DIR": TARGET})
        if built.returncode != 0:
            for message in map(json.loads, built.stdout.splitlines()):
                if message.get("message", {}).get("level") == "error":
                    print(message["message"]["rendered"])
            sys.exit("the tests do not compile with the changes in them")
        for line in built.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["profile"]["test"]:
                # Another build must not take it away.
                program = os.path.join(copy, os.path.basename(message["executable"]))
                shutil.copy2(message["executable"], program)
                programs[crate].append((program, os.path.join(copy, "crates", crate)))
    return programs


def is_noticed(programs, crate, env, arguments=()):
    for program, folder in programs[crate]:
        is_redis = os.path.basename(program).startswith("redis")
        if arguments and not is_redis:
            continue
        try:
            ended = subprocess.run(
                [program, "-q", *(arguments if is_redis else ())], cwd=folder, timeout=240,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "RUST_BACKTRACE": "0", "PROPTEST_CASES": "64", **env})
        except subprocess.TimeoutExpired:
            return True
        if ended.returncode != 0:
            return True
    return False


def main():
    wanted = sys.argv[1:]

    def is_wanted(name):
        return not wanted or any(part in name for part in wanted)

    copy = tempfile.mkdtemp(prefix="mutants-")
    try:
        copy_repository(copy)
        rust = list(rust_mutants(copy, is_wanted))
        lua = [mutant for mutant in lua_mutants() if is_wanted(mutant[0])]
        for crate in TESTS:
            with open(os.path.join(copy, f"crates/{crate}/src/lib.rs"), "a") as opened:
                opened.write(SWITCH)
        read_scripts_at_run_time(copy)
        crates = sorted({crate for _, crate, _ in rust} | ({"job-queue"} if lua else set()))
        print(f"{len(lua)} changes of Lua, {len(rust)} of Rust; building", flush=True)
        programs = build(copy, crates)
        tried = []
        plain = {"LUA_SCRIPTS": os.path.join(copy, LUA)}
        for crate in crates:
            if is_noticed(programs, crate, plain):
                sys.exit(f"the tests of {crate} fail without any change")
        for name, crate, switch in rust:
            tried.append((name, is_noticed(programs, crate, {**plain, "MUTANT": switch})))
            report(*tried[-1])
        for name, file, text in lua:
            tried.append((name, is_lua_noticed(programs, copy, file, text)))
            report(*tried[-1])
        survivors = [name for name, noticed in tried if not noticed and name not in EQUIVALENT]
        known = sum(name in EQUIVALENT for name, _ in tried)
        print(f"{len(tried)} mutants: {len(tried) - known - len(survivors)} caught, "
              f"{known} the same in effect, {len(survivors)} survived")
        sys.exit(1 if survivors else 0)
    finally:
        shutil.rmtree(copy)


def is_lua_noticed(programs, copy, file, text):
    folder = os.path.join(copy, "lua")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, LUA), folder)
    with open(os.path.join(folder, file), "w") as opened:
        opened.write(text)
    env = {"LUA_SCRIPTS": folder}
    # The model sees most of them within seconds.
    model = {**env, "MODEL_SEED": "1", "MODEL_CASES": "12"}
    if is_noticed(programs, "job-queue", model, ["model"]):
        return True
    fast = [word for name in SKIPPED_AT_FIRST for word in ("--skip", name)] + ["--skip", "model"]
    return (is_noticed(programs, "job-queue", env, fast)
            or is_noticed(programs, "job-queue", env, SKIPPED_AT_FIRST))


def report(name, noticed):
    if not noticed:
        why = EQUIVALENT.get(name)
        print(f"{'same in effect' if why else 'SURVIVED'}: {name}" + (f" ({why})" if why else ""),
              flush=True)
    elif os.environ.get("MUTANTS_VERBOSE"):
        print(f"{time.strftime('%H:%M:%S')} caught: {name}", flush=True)


if __name__ == "__main__":
    main()
