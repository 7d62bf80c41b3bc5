#!/usr/bin/env bash
# Attacks one server and two consumers in many ways for MINUTES minutes, beside honest runs; see
# crates/end-to-end/tests/pipeline/attack/. Each program is in a control group as large as
# deploy/compose.yaml says, where this user may make one.
set -euo pipefail
source "$(dirname "$0")/services.sh"

readonly MEMORY_BYTES=$((96 << 20))

# Makes a group for each program in a folder of groups, and names the folder.
make_groups() {
  local root limit groups group
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    root=/sys/fs/cgroup limit=memory.max
  else
    root=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
  fi
  groups=$root/batch-sync-attack-$$
  mkdir "$groups" 2>/dev/null || return 1
  CONTROL_GROUPS=$groups
  if [[ $limit == memory.max ]]; then
    echo +memory >"$groups/cgroup.subtree_control" || return 1
  fi
  for group in server consumer-1 consumer-2; do
    mkdir "$groups/$group"
    echo "$MEMORY_BYTES" >"$groups/$group/$limit" || return 1
  done
}

remove_groups() {
  local group figure
  for group in server consumer-1 consumer-2; do
    for figure in memory.peak memory.max_usage_in_bytes; do
      [[ ! -e $CONTROL_GROUPS/$group/$figure ]] ||
        echo "$group has held $(<"$CONTROL_GROUPS/$group/$figure") bytes, those of the kernel included"
    done
    rmdir "$CONTROL_GROUPS/$group" || true
  done
  rmdir "$CONTROL_GROUPS" || true
}

find_services
cd "$root"
cargo build --workspace --bins --release --locked --quiet
if make_groups; then
  export CONTROL_GROUPS
  trap remove_groups EXIT
else
  unset CONTROL_GROUPS
  echo "no control groups for this user: memory is judged by what the programs say they have held"
fi
MINUTES=${MINUTES:-10} ROWS=${ROWS:-200000} cargo test -p end-to-end --test pipeline --release --locked --quiet -- \
  --exact attack::honest_runs_go_on_beside_a_mixed_attack --nocapture
