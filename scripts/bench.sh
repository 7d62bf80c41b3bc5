#!/usr/bin/env bash
# Every measurement, each beside its plain counterpart, as a table and as JSON.
#
#     scripts/bench.sh [SCENE …]     such as latency; without one, all
#
# BENCH_ROWS=50000000 says how large the large file is (ten million rows).
set -euo pipefail
source "$(dirname "$0")/programs.sh"
source "$(dirname "$0")/foreign-clients.sh"

neighbour=$root/crates/end-to-end/benches/neighbour
NEIGHBOUR=$own/neighbour
results=$root/.local/bench.json

main() {
  find_services
  find_node
  find_neighbour
  export NODE NEIGHBOUR BENCH_FIGURES
  cd "$root"
  build
  mkdir -p "$(dirname "$results")"
  BENCH_FIGURES=$(mktemp)
  trap 'rm -f "$BENCH_FIGURES"' EXIT
  if (($# == 0)); then
    export BENCH_DECODE=1
    cargo bench --locked --quiet -p ingest-core --bench decode
    cargo bench --locked --quiet -p job-queue --bench queue
  fi
  cargo bench --locked --quiet -p end-to-end --bench performance -- "$@"
  node "$root/scripts/bench-table.mjs" "$BENCH_FIGURES" "$root" "$results"
}

# The Node.js programs that stand beside ours, with the packages of their lock file.
find_neighbour() {
  mkdir -p "$own"
  exec 6>"$own/neighbour.lock"
  if command -v flock >/dev/null; then flock 6; fi
  # The folder gets its name last: that it is there says that all before went well.
  if ! cmp -s "$neighbour/package-lock.json" "$NEIGHBOUR/package-lock.json"; then
    say "  getting what the Node.js programs need from the npm registry (kept in .services/)"
    rm -rf "$NEIGHBOUR"
    npm_packages "$neighbour" "$own/neighbour.new" "$own/neighbour.log" ||
      fail "could not install it (see $own/neighbour.log)"
    mv "$own/neighbour.new" "$NEIGHBOUR"
  fi
  cp "$neighbour"/*.mjs "$NEIGHBOUR/"
  exec 6>&-
}

main "$@"
