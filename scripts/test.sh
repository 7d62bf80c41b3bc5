#!/usr/bin/env bash
# Every test. The tests start their own Redis and Azurite, on ports of their own;
# this script only sees to it that both are here, a browser, and the Salesforce
# clients of others that prove the simulator.
set -euo pipefail
source "$(dirname "$0")/foreign-clients.sh"
source "$(dirname "$0")/browser.sh"

say "== services"
find_services
say "  Redis:    $REDIS_SERVER"
say "  Azurite:  $AZURITE"
find_faketime
say "  faketime: $FAKETIME_LIB"
find_tinyproxy
say "  tinyproxy: $TINYPROXY"
find_browser
say "  Chromium: $CHROMIUM"
find_foreign_clients
say "  jsforce:  $JSFORCE"
say "  Python:   $PYTHON (simple-salesforce)"
say "== tests"
cd "$root"
# The programs too: the end-to-end tests start them as processes.
cargo build --workspace --bins --tests --locked --quiet
cargo test --workspace --exclude end-to-end --locked --no-fail-fast
# They mostly wait for programs that wait for each other.
cargo test -p end-to-end --locked --no-fail-fast -- --test-threads "$((2 * $(getconf _NPROCESSORS_ONLN)))"
say "== tests of the page"
test_page
say "== the HTTP API against its description"
"$root/scripts/fuzz-api.sh"
say "== 500 MB in 160 MB of memory"
proof=0
"$root/scripts/prove-500mb.sh" || proof=$?
# 3: no control group can be made here. The last lines say so, and nothing else hides them.
((proof == 0 || proof == 3)) || exit "$proof"
