#!/usr/bin/env bash
# Ends what `make up` started, and nothing else. Data and logs stay in .local/up.
set -euo pipefail
run=$(cd "$(dirname "$0")/.." && pwd)/.local/up
source "$(dirname "$0")/services.sh"

started=()
for name in redis azurite simulator consumer; do
  if running "$name"; then
    started+=("$name")
  else
    rm -f "$run/$name.pid"
  fi
done
if ((${#started[@]} == 0)); then
  say "  nothing to end"
else
  stop_all
  say "  ended: ${started[*]}"
fi
