#!/usr/bin/env bash
# Alerts and dashboard of deploy/monitoring, with a real Prometheus and the real programs: makes the faults, sees the
# alerts fire and end, and asks every query of the dashboard. Eight minutes and the build.
#
# The alerts are those of alerts.yaml for a time that passes 20 times as fast (`monitoring.py scale`): `for`, ranges and
# spans of time are divided by 20, thresholds are not changed.
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/monitoring.XXXXXX")
source "$(dirname "$0")/programs.sh"
source "$(dirname "$0")/prometheus.sh"

# As `make test` builds them: how fast they are does not matter here.
programs=${programs%release}debug
readonly factor=20
# More often would not do: a scrape of a consumer takes three seconds while Redis does not answer, and may not take
# longer than the interval.
readonly scrape_seconds=4
monitoring=$root/deploy/monitoring

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  heading "Rules"
  find_prometheus
  check_rules

  heading "Programs"
  (cd "$root" && cargo build --workspace --bins --locked --quiet)
  find_services
  start_services
  start_everything
  local begin azurite_port
  azurite_port=${azure##*127.0.0.1:} azurite_port=${azurite_port%%/*}
  begin=$(date +%s)

  heading "What goes wrong now and then raises no alert"
  hiccups
  said silent "$prometheus" "$begin"

  heading "No consumer"
  no_consumer
  heading "Redis stopped"
  redis_stopped
  heading "Redis full"
  redis_full
  heading "Daily limit used up"
  daily_limit_used_up
  heading "Token refused"
  token_refused
  heading "Salesforce away"
  salesforce_away
  heading "One row in ten is rejected"
  many_rejects
  heading "File replaced while it is read"
  run_failed
  heading "Run interrupted"
  run_interrupted

  heading "Run held"
  run_held
  heading "Azure away"
  azure_away
  heading "What the programs export"
  check_metrics
  heading "No server, and then nobody"
  nobody_left

  heading "Afterwards"
  said all-fired "$prometheus" "$begin" BatchSyncTargetDown
  said queries "$prometheus" "$monitoring/dashboard.json" "$begin"
  heading "Done in $SECONDS s"
}

heading() { printf "\n== %s\n" "$*" >&2; }

said() { python3 "$root/scripts/monitoring.py" "$@"; }

check_rules() {
  "$PROMTOOL" check rules "$monitoring/alerts.yaml" >&2
  (cd "$monitoring" && "$PROMTOOL" test rules alerts_test.yaml) >&2
  "$PROMTOOL" check config --syntax-only "$monitoring/prometheus.yaml" >&2
}

# --- what is watched -----------------------------------------------------------

start_everything() {
  own_settings "$azure" "$redis_url" "$salesforce" BATCH_ROWS=100 QUEUE_DEPTH_HIGH=40 QUEUE_LEASE=5s \
    SALESFORCE_LIMIT_CHECK=5s CONSUMER_SHUTDOWN_GRACE=5s CONSUMER_DELIVERIES_MAX=1
  cd "$run"
  local port
  port=$(free_port)
  server=http://127.0.0.1:$port
  metrics_server=$(free_port) metrics_1=$(free_port) metrics_2=$(free_port) metrics_sync=$(free_port)
  METRICS_LISTEN=127.0.0.1:$metrics_server start server "$programs/producer" serve --http-listen "127.0.0.1:$port"
  await server port_is_open "$port"
  start_consumers

  said scale "$monitoring/alerts.yaml" "$factor" >"$run/alerts.yaml"
  cat >"$run/prometheus.yaml" <<CONFIG
global: { scrape_interval: ${scrape_seconds}s, scrape_timeout: ${scrape_seconds}s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: loader
    static_configs:
      - targets: ["127.0.0.1:$metrics_server", "127.0.0.1:$metrics_1", "127.0.0.1:$metrics_2"]
        labels: { namespace: check }
  # Only here while it loads a file.
  - job_name: command line
    static_configs: [{ targets: ["127.0.0.1:$metrics_sync"], labels: { namespace: check } }]
CONFIG
  local prometheus_port
  prometheus_port=$(free_port)
  prometheus=http://127.0.0.1:$prometheus_port
  start prometheus "$PROMETHEUS" --config.file "$run/prometheus.yaml" --storage.tsdb.path "$run/tsdb" \
    --web.listen-address "127.0.0.1:$prometheus_port" --log.level warn
  await prometheus answers "$prometheus/-/ready"
  say "  server on $server, Prometheus on $prometheus"
}

answers() { said get "$1" >/dev/null 2>&1; }

start_consumers() {
  METRICS_LISTEN=127.0.0.1:$metrics_1 start_consumer consumer-1
  METRICS_LISTEN=127.0.0.1:$metrics_2 start_consumer consumer-2
}

stop_consumers() {
  stop consumer-1
  stop consumer-2
}

generate() { # FILE ROWS [ARGUMENT…]
  "$programs/generate-upload" --file "$1" --rows "$2" --seed "$RANDOM" "${@:3}" >/dev/null
}

# load FILE: starts a run at the server, and names it.
load() {
  said post "$server/api/sync/start" "{\"fileName\": \"$1\"}" | sed -n 's/.*"runId": *"\([^"]*\)".*/\1/p'
}

ended() { # RUN [STATUS]
  said until "$server/api/sync/$1" status "${2:-completed}" 120
}

calls_in_flight() { # METRICS-PORT
  said get "http://127.0.0.1:$1/metrics" | grep -q '^batch_sync_salesforce_calls_in_flight [1-9]'
}

faults() { said post "$salesforce/__sim/faults" "$1" >/dev/null; }

# --- what goes wrong -----------------------------------------------------------

# What happens in an org on a usual day, by both APIs, and what people do with the server meanwhile.
hiccups() {
  faults '{"latencyMs": 20, "unavailablePermille": 10, "concurrentLimitPermille": 10, "rowLockPermille": 2, "jobDelayMs": 500}'
  generate usual.csv 20000 --bad-rows 10
  generate bulk.csv 20000
  local first
  first=$(load usual.csv)
  SALESFORCE_API=bulk "$programs/producer" sync --file bulk.csv --json >/dev/null 2>"$run/bulk.log"
  said get "$server/api/queue" >/dev/null
  said get "$server/api/sync/no-such-run" >/dev/null
  said get "$server/api/sync/$first/events" >/dev/null
  ended "$first"
  faults '{"unavailablePermille": 0, "concurrentLimitPermille": 0, "rowLockPermille": 0, "latencyMs": 0}'
}

# One of the two dies while it delivers. Its batches come back to the next one, which takes them for poison: here one
# death is enough.
no_consumer() {
  faults '{"latencyMs": 3000}'
  generate unserved.csv 20000
  local run_id
  run_id=$(load unserved.csv)
  await consumer-1 calls_in_flight "$metrics_1"
  kill -9 "$(cut -d ' ' -f 1 "$run/consumer-1.pid")"
  stop_consumers
  said expect "$prometheus" BatchSyncNoConsumer firing 60
  faults '{"latencyMs": 0}'
  start_consumers
  said expect "$prometheus" BatchSyncNoConsumer resolved 60
  said expect "$prometheus" BatchSyncPoisonBatch firing 60
  ended "$run_id"
}

redis_stopped() {
  local port=${redis_url##*:}
  stop redis
  said expect "$prometheus" BatchSyncRedisAway firing 60
  start_redis "$port"
  said expect "$prometheus" BatchSyncRedisAway resolved 60
}

# Its memory is used up while a server reads a file; the consumers deliver what is queued all the same.
redis_full() {
  generate crowded.csv 20000
  faults '{"latencyMs": 100}'
  local run_id
  run_id=$(load crowded.csv)
  said until "$server/api/sync/$run_id" status waiting 30
  redis_memory 1
  said expect "$prometheus" BatchSyncRedisFull firing 90
  redis_memory 256mb
  faults '{"latencyMs": 0}'
  said expect "$prometheus" BatchSyncRedisFull resolved 90
  ended "$run_id"
}

redis_memory() { # BYTES
  exec 8<>"/dev/tcp/127.0.0.1/${redis_url##*:}"
  printf 'CONFIG SET maxmemory %s\r\n' "$1" >&8
  local answer=''
  read -r -t 5 answer <&8 || true
  exec 8>&-
  [[ $answer == +OK* ]] || fail "Redis does not take maxmemory $1: $answer"
}

# Other clients have used up the day; then a new one begins.
daily_limit_used_up() {
  generate late.csv 10000
  said post "$salesforce/__sim/limits" '{"apiCalls": 4999000}' >/dev/null
  local run_id
  run_id=$(load late.csv)
  said expect "$prometheus" BatchSyncDailyLimitUsedUp firing 60 reason=daily_calls
  said expect "$prometheus" BatchSyncApiBudgetLow firing 60 limit=api_calls
  said post "$salesforce/__sim/limits" '{"apiCalls": 0}' >/dev/null
  said expect "$prometheus" BatchSyncDailyLimitUsedUp resolved 90
  said expect "$prometheus" BatchSyncApiBudgetLow resolved 60
  ended "$run_id"
}

# The secret was changed, and the consumers' tokens end.
token_refused() {
  generate refused.csv 10000
  faults '{"latencyMs": 200, "loginError": "invalid-client"}'
  local run_id
  run_id=$(load refused.csv)
  said post "$salesforce/__sim/tokens/expire" '{}' >/dev/null
  said expect "$prometheus" BatchSyncSignInRefused firing 60
  stop_consumers
  faults '{"latencyMs": 0, "loginError": null}'
  start_consumers
  said expect "$prometheus" BatchSyncSignInRefused resolved 90
  ended "$run_id"
}

salesforce_away() {
  generate away.csv 10000
  faults '{"unavailablePermille": 1000}'
  local run_id
  run_id=$(load away.csv)
  said expect "$prometheus" BatchSyncDeliveriesPaused firing 90 reason=trouble
  faults '{"unavailablePermille": 0}'
  said expect "$prometheus" BatchSyncDeliveriesPaused resolved 120
  ended "$run_id"
}

many_rejects() {
  generate rejects.csv 30000 --bad-rows 100
  local run_id
  run_id=$(load rejects.csv)
  said expect "$prometheus" BatchSyncManyRejects firing 90
  ended "$run_id"
  said expect "$prometheus" BatchSyncManyRejects resolved 90
}

# Somebody writes another file under its name while a server reads it.
run_failed() {
  generate replaced.csv 40000
  faults '{"latencyMs": 100}'
  local run_id
  run_id=$(load replaced.csv)
  said until "$server/api/sync/$run_id" status waiting 30
  generate replaced.csv 40000 --force
  faults '{"latencyMs": 0}'
  said expect "$prometheus" BatchSyncRunFailed firing 60
  said expect "$prometheus" BatchSyncRunFailed resolved 90
}

# The integration user may no longer write the object; then it may again.
run_held() {
  generate held.csv 10000
  faults '{"planned": [{"fault": "refused", "times": 1000000, "pathContains": "/composite",
    "refusal": {"status": 403, "errorCode": "INSUFFICIENT_ACCESS", "message": "no access"}}]}'
  local run_id
  run_id=$(load held.csv)
  said expect "$prometheus" BatchSyncRunHeld firing 90
  faults '{"planned": []}'
  said post "$server/api/sync/$run_id/resume" '' >/dev/null
  said expect "$prometheus" BatchSyncRunHeld resolved 60
  ended "$run_id"
}

azure_away() {
  stop azurite
  said expect "$prometheus" BatchSyncAzureAway firing 90
  start_azurite "$azurite_port"
  said expect "$prometheus" BatchSyncAzureAway resolved 60
}

# The last things to go: nobody is left to say that it is over.
nobody_left() {
  stop server
  said expect "$prometheus" BatchSyncNoServer firing 60
  stop_consumers
  said expect "$prometheus" BatchSyncNothingScraped firing 90
}

run_interrupted() {
  generate interrupted.csv 40000
  faults '{"latencyMs": 100}'
  METRICS_LISTEN=127.0.0.1:$metrics_sync start sync "$programs/producer" sync --file interrupted.csv --run-id interrupted
  await sync answers "$server/api/sync/interrupted"
  said until "$server/api/sync/interrupted" status waiting 30
  kill -9 "$(cut -d ' ' -f 1 "$run/sync.pid")"
  said expect "$prometheus" BatchSyncRunInterrupted firing 90
  faults '{"latencyMs": 0}'
  said post "$server/api/sync/interrupted/resume" '' >/dev/null
  said expect "$prometheus" BatchSyncRunInterrupted resolved 60
  ended interrupted
}

# --- what the programs export ------------------------------------------------

check_metrics() {
  local port
  for port in "$metrics_server" "$metrics_1"; do
    said get "http://127.0.0.1:$port/metrics" | "$PROMTOOL" check metrics >&2
  done
}

# Nothing stays: no process, and no data unless something went wrong.
finish() {
  local code=$?
  stop_all
  if ((code == 0 || code == 130 || code == 143)); then
    rm -rf "$run"
  else
    say "  logs: $run"
  fi
}

main
