#!/usr/bin/env bash
# Each fuzz target for so many seconds, from its corpus on. What is found stays in target/fuzz; a
# file that makes a target fail goes into fuzz/corpus, where `make test` replays it for ever.
set -euo pipefail
source "$(dirname "$0")/services.sh"

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "SECONDS must be a number of seconds, such as 60"
cargo +nightly --version >/dev/null 2>&1 ||
  fail "fuzzing needs a nightly compiler; install it with: rustup toolchain install nightly"
cargo +nightly fuzz --version >/dev/null 2>&1 ||
  fail "fuzzing needs cargo-fuzz; install it with: cargo install --locked cargo-fuzz"

cd "$root"
found=${CARGO_TARGET_DIR:-$root/target}/fuzz
# The same versions as everywhere. No sanitizer: the code is free of `unsafe`, and panics, endless
# loops and memory beyond the limit are found without one.
cp Cargo.lock fuzz/Cargo.lock
options=(--sanitizer none --target-dir "$found/build")
say "== build"
cargo +nightly fuzz build "${options[@]}"
for target in $(cargo +nightly fuzz list); do
  log=$found/$target.log
  mkdir -p "$found/corpus/$target"
  if ! cargo +nightly fuzz run "${options[@]}" "$target" "$found/corpus/$target" "fuzz/corpus/$target" \
    -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=4096 -print_final_stats=1 \
    >"$log" 2>&1; then
    grep -E 'panicked|ERROR|Test unit written' -A 2 "$log" >&2 || tail -n 20 "$log" >&2
    fail "$target failed (see $log); put the file that is named there into fuzz/corpus/$target when it is mended"
  fi
  say "== $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s," \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB at most"
done
