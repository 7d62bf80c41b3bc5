#!/usr/bin/env bash
# run.sh PROGRAM ARGUMENT…: builds our programs and becomes one of them.
set -euo pipefail
source "$(dirname "$0")/programs.sh"

cd "$root"
need_env_file
build
exec "$programs/$1" "${@:2}"
