#!/usr/bin/env bash
# Runs mutants.py, with the services that its tests start.
set -euo pipefail
source "$(dirname "$0")/services.sh"

find_services
find_faketime
exec "$root/scripts/mutants.py" "$@"
