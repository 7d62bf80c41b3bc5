#!/usr/bin/env bash
# Runs one foreign client against a simulator: run.sh jsforce|simple-salesforce URL KEY
# KEY is the private key, in PEM, that the simulator has the public half of.
# tests/foreign_clients.rs starts the simulator and calls this.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../../scripts/foreign-clients.sh"

find_foreign_clients
case $1 in
  jsforce) exec "$NODE" "$here/jsforce.mjs" "$2" "$3" ;;
  simple-salesforce) exec "$PYTHON" "$here/simple_salesforce_check.py" "$2" "$3" ;;
  *) fail "no such client: $1" ;;
esac
