#!/usr/bin/env bash
# Lints the scripts and the workflows, by tools from PyPI that are pinned by hash. Each of them has to see a fault first:
# one that sees none would pass everything.
set -euo pipefail
source "$(dirname "$0")/python.sh"

main() {
  cd "$root"
  python_venv lint scripts/lint/requirements.txt
  # actionlint finds shellcheck along the PATH, for the scripts inside of workflows.
  PATH=$(dirname "$PYTHON"):$PATH
  faults=$(mktemp -d)
  trap 'rm -rf "$faults"' EXIT
  faults_are_seen
  # SC2119: functions with arguments that may be left out are called without them.
  scripts scripts/*.sh deploy/*.sh deploy/debian/* .ci/run crates/*/foreign-clients/*.sh
  actions .github/workflows/*.yml
  holes .github
}

scripts() { shellcheck --external-sources --source-path=SCRIPTDIR --exclude=SC2119 "$@"; }
actions() { actionlint -no-color "$@"; }
# All that it knows, but for matters of taste. Without a token for the project's site: what needs that is left out.
holes() { zizmor --offline --quiet --no-progress --persona=auditor --min-severity=medium "$@"; }

faults_are_seen() {
  # shellcheck disable=SC2016 # for a shell that does not run
  printf '#!/bin/bash\nrm -rf $1/*\n' >"$faults/script.sh"
  ! scripts "$faults/script.sh" >/dev/null 2>&1 || fail "shellcheck passes an unquoted name of a folder"
  mkdir -p "$faults/.github/workflows"
  # What each of them alone can see: a key that means nothing, and a title that somebody else writes into a script.
  printf 'on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    needs: y\n    steps: [{ run: "true" }]\n' >"$faults/needs.yml"
  ! actions "$faults/needs.yml" >/dev/null 2>&1 || fail "actionlint passes a job that needs one that is not there"
  # shellcheck disable=SC2016 # for a shell that does not run
  printf 'on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    steps: [{ run: "rm -rf $A/*" }]\n' >"$faults/script.yml"
  ! actions "$faults/script.yml" >/dev/null 2>&1 || fail "actionlint does not lint scripts inside of workflows"
  cat >"$faults/.github/workflows/hole.yml" <<'HOLE'
on: pull_request_target
jobs:
  x:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
HOLE
  ! holes "$faults/.github" >/dev/null 2>&1 || fail "zizmor passes a workflow that runs what strangers write"
}

main
