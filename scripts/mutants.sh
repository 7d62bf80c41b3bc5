#!/usr/bin/env bash
# Runs mutants.py, or guarantees.py, with the services that their tests start.
#
#     scripts/mutants.sh [PART OF A MUTANT'S NAME …]     such as settle.lua, or request.rs
#     scripts/mutants.sh guarantees [PART OF A PROOF …]   what GUARANTEES.md promises
set -euo pipefail
source "$(dirname "$0")/services.sh"

find_services
find_faketime
find_tinyproxy
case "${1-}" in
  guarantees) exec "$root/scripts/guarantees.py" "${@:2}" ;;
  *) exec "$root/scripts/mutants.py" "$@" ;;
esac
