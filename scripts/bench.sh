#!/usr/bin/env bash
# Every benchmark, one after the other: each figure beside its plain counterpart.
set -euo pipefail
source "$(dirname "$0")/programs.sh"

find_services
cd "$root"
build
cargo bench --workspace --bench '*' --locked --quiet
