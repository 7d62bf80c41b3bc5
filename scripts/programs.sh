# shellcheck shell=bash
# Our own programs: built, started, given their settings. Sourced by the other
# scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/services.sh"

programs=${CARGO_TARGET_DIR:-$root/target}/release
[[ $programs == /* ]] || programs=$root/$programs

# build PROGRAM…: in release. Says so only when there is something to wait for,
# and shows what cargo printed only when it failed.
build() {
  command -v cargo >/dev/null || fail "no cargo found; install Rust (rustup picks the version this project names)"
  local begin=$SECONDS log said='' pid
  log=$(mktemp)
  (cd "$root" && exec cargo build --release --quiet "${@/#/--package=}") >"$log" 2>&1 &
  pid=$!
  while sleep 0.3 && kill -0 "$pid" 2>/dev/null; do
    [[ -n $said ]] || say "  building $* (release; the first time takes minutes)"
    said=yes
  done
  if ! wait "$pid"; then
    cat "$log" >&2
    rm -f "$log"
    fail "the build failed after $((SECONDS - begin)) s"
  fi
  rm -f "$log"
  [[ -z $said ]] || say "  built in $((SECONDS - begin)) s"
}

# Nobody has to write settings to try the programs on this machine.
need_env_file() {
  [[ -e $root/.env ]] || {
    cp "$root/.env.example" "$root/.env"
    say "  wrote .env from .env.example"
  }
}

# The value of a setting as the programs see it: environment, then .env.
setting() { # NAME
  local value=${!1:-}
  [[ -n $value ]] || value=$(sed -n "s/^$1=//p" "$root/.env" | tail -n 1)
  value=${value%\"} value=${value#\"}
  printf '%s' "$value"
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
