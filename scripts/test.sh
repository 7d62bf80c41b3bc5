#!/usr/bin/env bash
# Every test. The tests start their own Redis and Azurite, on ports of their own;
# this script only sees to it that both are here.
set -euo pipefail
source "$(dirname "$0")/services.sh"

say "== services"
find_services
say "  Redis:   $REDIS_SERVER"
say "  Azurite: $AZURITE"
say "== tests"
cd "$root"
# The programs too: the end-to-end tests start them as processes.
cargo build --workspace --bins --tests --locked --quiet
cargo test --workspace --locked --no-fail-fast
