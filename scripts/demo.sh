#!/usr/bin/env bash
# From nothing to 100,000 rows in a local Salesforce, checked. Needs Rust and
# Node.js; uses ports and a data folder of its own, and leaves nothing running.
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/demo.XXXXXX")
source "$(dirname "$0")/programs.sh"

rows=100000
file=big-data-import.csv
# The process group that gets the services.
finding=

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  heading "Programs and services"
  # The services come over the network while the programs take the processor.
  set -m
  (find_services) &
  finding=$!
  set +m
  build
  local built=$SECONDS
  wait "$finding" || exit 1
  find_services
  start_services
  # The smallest usual batches: enough of them that both consumers have some at any time.
  own_settings "$azure" "$redis_url" "$salesforce" BATCH_ROWS=100
  cd "$run"

  heading "A file of 100,000 rows in the blob container"
  "$programs/generate-upload" --rows "$rows" --file "$file" --awkward

  heading "Blob → producer → Redis → two consumers → Salesforce"
  start_consumer consumer-1
  start_consumer consumer-2
  local code=0
  "$programs/producer" sync --file "$file" || code=$?
  ((code == 0)) || fail "the producer ended with code $code"

  heading "Check"
  check_rows

  heading "Done in $SECONDS s (programs: $built s, the rest: $((SECONDS - built)) s)"
  say "  Again, step by step, with your own settings in .env:"
  say "    make up && make generate && make sync FILE=$file"
  say "  What each part does and why: README.md, ARCHITECTURE.md"
}

heading() { printf "\n== %s\n" "$*" >&2; }

# Every row of the file, asked of Salesforce and not of our own ledger.
check_rows() {
  node "$root/scripts/check-rows.mjs" "$azure" high-volume-ingest "$file" "$salesforce" ||
    fail "Salesforce does not hold exactly the rows of the file"
}

# Nothing stays: no process, and no data unless something went wrong (Ctrl-C and
# TERM are no failures).
finish() {
  local code=$?
  [[ -z $finding ]] || kill -- "-$finding" 2>/dev/null || true
  stop_all
  if ((code == 0 || code == 130 || code == 143)); then
    rm -rf "$run"
  else
    say "  logs of the demo: $run"
  fi
}

main
