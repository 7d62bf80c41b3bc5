#!/usr/bin/env bash
# consumers.sh N: that many consumers in the foreground, until Ctrl-C.
set -euo pipefail
source "$(dirname "$0")/programs.sh"

cd "$root"
need_env_file
build
pids=()
for ((i = 1; i <= $1; i++)); do
  "$programs/consumer" &
  pids+=($!)
done
# Ctrl-C reaches them without us; we stay until the last one has ended.
trap : INT
trap 'kill "${pids[@]}" 2>/dev/null || true' TERM HUP
code=0
for pid in "${pids[@]}"; do
  until wait "$pid"; do
    ended=$?
    # A signal ends the waiting early, not the consumer.
    kill -0 "$pid" 2>/dev/null || {
      code=$ended
      break
    }
  done
done
exit "$code"
