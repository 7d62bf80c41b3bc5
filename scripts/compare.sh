#!/usr/bin/env bash
# Loads ROWS rows by Collections and by Bulk API 2.0, also past faults of Salesforce and kills of
# consumers, and compares rows and rejects one by one; see crates/end-to-end/tests/pipeline/bulk.rs.
set -euo pipefail
source "$(dirname "$0")/services.sh"

: "${ROWS:=200000}"
export ROWS
find_services
cd "$root"
cargo build --workspace --bins --locked --quiet
# One after another: each has a Redis, an Azurite and a Salesforce of its own.
cargo test -p end-to-end --test pipeline --locked --quiet -- \
  --test-threads=1 --nocapture bulk::
