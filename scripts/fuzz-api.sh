#!/usr/bin/env bash
# The HTTP API against its own description. schemathesis sends what openapi.json
# allows and what it forbids, and compares every answer with what it promises. Part
# of `make test`, with the programs that were built there; leaves nothing running.
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/fuzz-api.XXXXXX")
source "$(dirname "$0")/python.sh"

programs=${CARGO_TARGET_DIR:-$root/target}/debug
[[ $programs == /* ]] || programs=$root/$programs
token=fuzzed

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  find_services
  python_venv schemathesis "$root/scripts/fuzz-api.txt"
  start_services
  cd "$run"
  "$programs/generate-upload" --rows 2000 --bad-rows 20 --file big-data-import.csv --seed 1 >fill.log 2>&1
  # Done, with rejected rows.
  local code=0
  "$programs/producer" sync --file big-data-import.csv --run-id loaded >>fill.log 2>&1 || code=$?
  ((code == 3)) || fail "the run to ask about ended with code $code: $(tail -n 1 fill.log)"

  serve open
  # An upload may replace the file that others start.
  local uploads='^/api/files/\{name\}'
  fuzz "any run" 25 --exclude-path-regex "$uploads"
  fuzz "a run that is there" 20 --include-path-regex '^/api/sync/\{run\}'
  stop open
  export API_TOKEN=$token
  serve closed
  fuzz "with a token" 20 --header "Authorization: Bearer $token" --exclude-path-regex "$uploads"
  fuzz "uploads" 10 --header "Authorization: Bearer $token" --include-path-regex "$uploads"
}

# Neither your .env nor your shell's variables count.
start_services() {
  local name redis azurite simulator
  while read -r name; do unset "$name" "${name}_FILE"; done < <(sed -n 's/^\([A-Z_]*\)=.*/\1/p' "$root/.env.example")
  redis=$(free_port)
  start_redis "$redis"
  azurite=$(free_port)
  start_azurite "$azurite"
  simulator=$(free_port)
  start simulator "$programs/salesforce-simulator" --listen "127.0.0.1:$simulator"
  await simulator port_is_open "$simulator"
  export REDIS_URL=redis://127.0.0.1:$redis
  AZURE_STORAGE_CONNECTION_STRING=$(azurite_connection "$azurite")
  export AZURE_STORAGE_CONNECTION_STRING
  export SALESFORCE_LOGIN_URL=http://127.0.0.1:$simulator
  export SALESFORCE_CLIENT_ID=batch-sync SALESFORCE_CLIENT_SECRET=local-only-secret
  export SALESFORCE_OBJECT=Lead SALESFORCE_EXTERNAL_ID=External_Id__c
  export MAPPING_FILE=$root/deploy/mappings/lead.sdl
  start consumer "$programs/consumer"
}

# Sets url.
serve() { # NAME
  start "$1" "$programs/producer" serve --http-listen 127.0.0.1:0
  await "$1" grep -q '^listening on' "$run/$1.log"
  url=$(sed -n 's/^listening on \([^;]*\);.*/\1/p' "$run/$1.log")
}

# The same seed sends the same requests, as far as the time goes.
fuzz() { # WHAT SECONDS ARGUMENT…
  local config=$root/scripts/fuzz-api.toml log
  log=$run/schemathesis-${1// /-}.log
  [[ $1 != "a run that is there" ]] || config=$root/scripts/fuzz-api-run.toml
  "$PYTHON" -m schemathesis.cli --config-file "$config" run "$url/api/openapi.json" --checks all --seed 1 \
    --max-time "$2" --request-timeout 10 --no-color "${@:3}" >"$log" 2>&1 || {
    cat "$log" >&2
    fail "the HTTP API is not what openapi.json says ($1; the server's log: $run)"
  }
  say "  $1: $(sed -n 's/^ *\([0-9]* generated, [0-9]* passed\).*/\1/p' "$log")"
}

finish() {
  local code=$?
  stop_all
  if ((code == 0 || code == 130 || code == 143)); then
    rm -rf "$run"
  fi
}

main
