#!/usr/bin/env bash
# Loads a file of at least MEGABYTES with the producer, two consumers and Redis in one control
# group of MEMORY megabytes without swap, and checks every row. Azurite, the Salesforce simulator and
# what checks are outside of it. Draws the memory of each process over time.
#
#   prove.sh ROWS MEGABYTES MEMORY SVG|- [NAME=VALUE…]
#
# A megabyte is 1,000,000 bytes; NAME=VALUE changes a setting of the programs. Needs root, or sudo
# without a password, to make the group; ends with code 3 where that cannot be done.
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/prove.XXXXXX")
source "$(dirname "$0")/programs.sh"
source "$root/scripts/memory-group.sh"

rows=$1
bytes_min=$(($2 * 1000000))
memory=$3
svg=$4
[[ $svg == [-/]* ]] || svg=$PWD/$svg
settings=("${@:5}")
file=prove.csv
samples=$run/memory.tsv
# Those in the group, beside the producer, which ends by itself.
others=(redis consumer-1 consumer-2)

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  heading "A control group of $memory MB without swap"
  make_group "batch-sync-prove.$$" $((memory * 1000000)) || no_group
  say "  $group"
  [[ ${#settings[@]} == 0 ]] || say "  not as by default: ${settings[*]}"

  heading "Programs and services"
  build
  find_services
  start_services "${in_group[@]}"
  own_settings "$azure" "$redis_url" "$salesforce" ${settings[@]+"${settings[@]}"}
  cd "$run"

  heading "A file of $(grouped "$rows") rows"
  "$programs/generate-upload" --rows "$rows" --file "$file" --json >generated.json
  local bytes
  bytes=$(json bytes <generated.json)
  ((bytes >= bytes_min)) || fail "the file has only $(grouped "$bytes") bytes"
  say "  $(grouped "$bytes") bytes"

  heading "Blob → producer → Redis → two consumers → Salesforce, all but the ends in $memory MB"
  start_in=("${in_group[@]}")
  start_consumer consumer-1
  start_consumer consumer-2
  load
  say_memory
  [[ $svg == - ]] || draw "$svg"

  heading "Check"
  check
  heading "Proven in $SECONDS s"
}

no_group() {
  say ""
  say "!!! NOT PROVEN: no control group can be made here: $group_problem"
  say "!!! That the product loads a large file in $memory MB was not tested."
  exit 3
}

heading() { printf "\n== %s\n" "$*" >&2; }

grouped() { LC_ALL=C sed -E ':a; s/([0-9])([0-9]{3})(,|$)/\1,\2\3/; ta' <<<"$1"; }

# A number out of a JSON object.
json() { node -e 'process.stdin.on("data", (text) => console.log(JSON.parse(text)[process.argv[1]]))' "$1"; }

# Loads the file, and notes the memory of all every second.
load() {
  local begin=$SECONDS code=0 name
  printf 'second\tproducer\tconsumer-1\tconsumer-2\tredis\tgroup\tcache\n' >"$samples"
  start producer "$programs/producer" sync --file "$file" --run-id prove --json
  while running producer; do
    sample $((SECONDS - begin))
    for name in "${others[@]}"; do
      running "$name" || fail "$name has ended in mid-run ($(killed) killed for want of memory): $(tail -n 3 "$run/$name.log")"
    done
    # Who misses a process waits for it for ever.
    (($(killed) == 0)) || fail "the group's $memory MB did not suffice: $(killed) processes were killed"
    sleep 1
  done
  seconds=$((SECONDS - begin))
  wait "$(pid_of producer)" || code=$?
  ((code == 0)) || fail "the producer ended with code $code: $(tail -n 5 "$run/producer.log")"
  (($(killed) == 0)) || fail "the group's $memory MB did not suffice: $(killed) processes were killed"
}

sample() { # SECOND
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$(resident_of producer)" "$(resident_of consumer-1)" \
    "$(resident_of consumer-2)" "$(resident_of redis)" "$(group_bytes)" "$(group_cache_bytes)" >>"$samples"
}

# Bytes; none of a process that has just ended.
resident_of() { # NAME
  awk '/^VmRSS:/ { bytes = $2 * 1024 } END { printf "%d", bytes }' "/proc/$(pid_of "$1")/status" 2>/dev/null || echo 0
}

pid_of() { cut -d' ' -f1 "$run/$1.pid"; } # NAME

say_memory() {
  say "  $(grouped "$rows") rows in $seconds s: $(grouped $((rows / (seconds > 0 ? seconds : 1)))) rows/s"
  awk -F '\t' '
    NR == 1 { for (i = 2; i <= NF; i++) name[i] = $i; next }
    { for (i = 2; i <= NF; i++) if ($i > most[i]) most[i] = $i
      if ($6 - $7 > held) held = $6 - $7 }
    END {
      for (i = 2; i <= 5; i++) printf "  %-12s %6.1f MB at most\n", name[i], most[i] / 1e6
      printf "  all together %6.1f MB at most, without the files that the system keeps in free memory\n", held / 1e6
    }' "$samples" >&2
  say "  the group    $(awk -v bytes="$(group_peak)" 'BEGIN { printf "%6.1f", bytes / 1e6 }') MB at most, with them; its limit is $memory MB; nothing was killed"
}

draw() { # SVG
  node "$root/scripts/draw-memory.mjs" "$samples" "$memory" "$(grouped "$rows") rows" >"$1"
  say "  drawn: $1"
}

# By two that share no code with what loaded the file: the second decoder, and a hash over all rows
# that Salesforce holds.
check() {
  "$programs/producer" verify prove >&2 || fail "the ledger is not that of the file"
  node "$root/scripts/check-digest.mjs" "$azure" high-volume-ingest "$file" "$salesforce" ||
    fail "Salesforce does not hold exactly the rows of the file"
}

finish() {
  local code=$?
  stop_all
  remove_group
  if ((code == 0 || code == 3 || code == 130 || code == 143)); then
    rm -rf "$run"
  else
    # Gigabytes that can be made again.
    rm -rf "$run/azurite"
    say "  logs: $run"
  fi
}

main
