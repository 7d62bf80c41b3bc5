#!/usr/bin/env bash
# Starts Redis, Azurite, the Salesforce simulator and one consumer in the
# background, on the ports that .env names. `make down` ends them.
set -euo pipefail
run=$(cd "$(dirname "$0")/.." && pwd)/.local/up
source "$(dirname "$0")/programs.sh"

main() {
  cd "$root"
  need_env_file
  local redis azurite simulator
  redis=$(redis_port "$(setting REDIS_URL)")
  azurite=$(azurite_port "$(setting AZURE_STORAGE_CONNECTION_STRING)")
  simulator=$(simulator_port "$(setting SALESFORCE_LOGIN_URL)")
  # All of them before the first start: a clash must not leave half of it up.
  check_port redis "$redis" "REDIS_URL=redis://localhost:PORT"
  check_port azurite "$azurite" "AZURE_STORAGE_CONNECTION_STRING=$(azurite_connection PORT)"
  check_port simulator "$simulator" "SALESFORCE_LOGIN_URL=http://127.0.0.1:PORT"

  find_services
  build
  stop_on_exit # until all of it runs
  bring_up redis "$redis" start_redis
  bring_up azurite "$azurite" start_azurite
  bring_up simulator "$simulator" start_simulator
  bring_up_consumer
  trap - EXIT INT TERM HUP

  say ""
  say "logs: .local/up/*.log · end it: make down"
  say "next: make generate, then make sync FILE=big-data-import.csv"
}

# The port of a setting that names this machine, or nothing when it names another.
redis_port() { # URL
  [[ $1 =~ ^redis://([^@/]*@)?(localhost|127\.0\.0\.1)(:([0-9]+))?(/.*)?$ ]] && echo "${BASH_REMATCH[4]:-6379}"
  return 0
}

azurite_port() { # CONNECTION-STRING
  if [[ $1 == *UseDevelopmentStorage=true* ]]; then
    echo 10000
  elif [[ $1 =~ BlobEndpoint=http://(localhost|127\.0\.0\.1):([0-9]+)/ ]]; then
    echo "${BASH_REMATCH[2]}"
  fi
}

simulator_port() { # URL
  [[ $1 =~ ^http://(localhost|127\.0\.0\.1):([0-9]+)/?$ ]] && echo "${BASH_REMATCH[2]}"
  return 0
}

check_port() { # NAME PORT HOW-TO-CHANGE
  if [[ -z $2 ]]; then return; fi
  if running "$1"; then
    port_is_open "$2" || fail "$1 was started on another port than .env names now; make down, then make up"
  elif port_is_open "$2"; then
    fail "$1: port $2 is taken by another program; stop that, or choose a free port in .env: $3"
  fi
}

bring_up() { # NAME PORT START
  if [[ -z $2 ]]; then
    say "  $1: not started, .env names one that is not on this machine"
  elif running "$1"; then
    say "  $1: runs already, port $2"
  else
    "$3" "$2"
    say "  $1: started, port $2"
  fi
}

bring_up_consumer() {
  if running consumer; then
    say "  consumer: runs already"
  else
    start_consumer consumer
    say "  consumer: started"
  fi
}

main
