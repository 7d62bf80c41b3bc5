#!/usr/bin/env bash
# run.sh PROGRAM ARGUMENT…: builds one of our programs and becomes it.
set -euo pipefail
source "$(dirname "$0")/programs.sh"

cd "$root"
need_env_file
build "$1"
exec "$programs/$1" "${@:2}"
