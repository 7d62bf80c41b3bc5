# shellcheck shell=bash
# Our own programs: built, started, given their settings. Sourced by the other
# scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/services.sh"

programs=${CARGO_TARGET_DIR:-$root/target}/release
[[ $programs == /* ]] || programs=$root/$programs

# All of them in release, whichever is needed: built alone, a program would have its
# dependencies compiled once more, with only the features that it asks for. Says so
# only when there is something to wait for, and shows cargo's words only on failure.
build() { # [-p MORE]
  command -v cargo >/dev/null || fail "no cargo found; install Rust (rustup picks the version this project names)"
  local begin=$SECONDS log notice code=0
  log=$(mktemp)
  (
    # Waits without a process that could outlive this one.
    exec {never}<> <(:)
    wait_for() { read -r -t "$1" -u "$never" || true; }
    wait_for 1
    say "  building the programs (release; the first time takes minutes)"
    for ((minutes = 1; ; minutes++)); do
      wait_for 60
      say "  still building, after $minutes min"
    done
  ) &
  notice=$!
  cargo build --manifest-path "$root/Cargo.toml" --release --quiet \
    -p producer -p consumer -p generate-upload -p salesforce-simulator -p batch-sync "$@" >"$log" 2>&1 || code=$?
  kill "$notice" 2>/dev/null || true
  wait "$notice" 2>/dev/null || true
  ((code == 0)) || cat "$log" >&2
  rm -f "$log"
  ((code == 0)) || fail "the build failed"
  ((SECONDS - begin <= 1)) || say "  built in $((SECONDS - begin)) s"
}

# Nobody has to write settings to try the programs on this machine.
need_env_file() {
  [[ -e $root/.env ]] || {
    # Secrets will be written into it.
    (umask 077 && sed -e 's/^SALESFORCE_OBJECT=$/&Lead/' -e 's/^SALESFORCE_EXTERNAL_ID=$/&External_Id__c/' \
      -e 's|^MAPPING_FILE=$|&deploy/mappings/lead.sdl|' "$root/.env.example" >"$root/.env")
    say "  wrote .env from .env.example, with the load of rows as \`make generate\` makes them"
  }
}

# The value of a setting as the programs see it: environment, then .env.
setting() { # NAME
  local value=${!1:-}
  [[ -n $value ]] || value=$(sed -n "s/^$1=//p" "$root/.env" | tail -n 1)
  if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
  printf '%s' "$value"
}

# own_settings AZURE REDIS-URL SALESFORCE-URL [NAME=VALUE…]: the programs that run in $run read the
# .env there: the defaults, with these addresses. Neither your own .env nor your shell's variables
# count, or a trial might write to your real Salesforce.
own_settings() {
  local azure=$1 redis_url=$2 salesforce=$3 name
  shift 3
  while read -r name; do unset "$name" "${name}_FILE"; done < <(sed -n 's/^\([A-Z_]*\)=.*/\1/p' "$root/.env.example")
  {
    sed -e '/^AZURE_STORAGE_CONNECTION_STRING=/d; /^REDIS_URL=/d; /^SALESFORCE_LOGIN_URL=/d' \
      -e '/^SALESFORCE_OBJECT=/d; /^SALESFORCE_EXTERNAL_ID=/d; /^MAPPING_FILE=/d' "$root/.env.example" | without "$@"
    echo "AZURE_STORAGE_CONNECTION_STRING=$azure"
    echo "REDIS_URL=$redis_url"
    echo "SALESFORCE_LOGIN_URL=$salesforce"
    echo SALESFORCE_OBJECT=Lead
    echo SALESFORCE_EXTERNAL_ID=External_Id__c
    echo "MAPPING_FILE='$root/deploy/mappings/lead.sdl'"
    ((${#@} == 0)) || printf '%s\n' "$@"
  } | (umask 077 && cat >"$run/.env")
}

# Lines of settings, but not of those.
without() { # [NAME=VALUE…]
  local names
  names=$(printf '^%s=|' "${@%%=*}")
  grep -vE "${names%|}"
}

# Redis, Azurite and the simulator, on free ports: $redis_url, $azure, $salesforce. A command before
# Redis' own, such as one that puts it in a control group, comes as arguments.
start_services() { # [COMMAND…]
  local redis azurite simulator
  redis=$(free_port)
  start_in=("$@")
  start_redis "$redis"
  start_in=()
  azurite=$(free_port)
  start_azurite "$azurite"
  simulator=$(free_port)
  start_simulator "$simulator"
  redis_url=redis://127.0.0.1:$redis
  azure=$(azurite_connection "$azurite")
  salesforce=http://127.0.0.1:$simulator
  say "  Redis on port $redis, Azurite (Azure Blob Storage) on $azurite, Salesforce simulator on $simulator"
}

start_simulator() { # PORT
  start simulator "$programs/salesforce-simulator" --listen "127.0.0.1:$1"
  await simulator port_is_open "$1"
}

# Up when it has logged in to Salesforce and compared the mapping with the object.
start_consumer() { # NAME
  start "$1" "$programs/consumer"
  await "$1" grep -q 'worker started' "$run/$1.log"
}
