#!/usr/bin/env bash
# Breaks everything at random instants, for MINUTES minutes, from SEED on; see
# crates/end-to-end/tests/pipeline/torture/. A failure says its seed and keeps the logs and what
# Redis held. GO_ON=1 goes on after one, KEEP=1 keeps them of every round.
set -euo pipefail
source "$(dirname "$0")/services.sh"

find_services
find_faketime
cd "$root"
cargo build --workspace --bins --locked --quiet
MINUTES=${MINUTES:-10} cargo test -p end-to-end --test pipeline --locked --quiet -- \
  --exact torture::whatever_breaks_no_row_is_lost_and_none_counted_twice --nocapture
