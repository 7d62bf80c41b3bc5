#!/usr/bin/env bash
# Prints the version that is built here, and sees to it that everything says the same one: the workspace, the chart, the
# changelog. With a tag: fails unless it is of this version.
#   scripts/version.sh [v1.2.3]
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?$ ]] || fail "Cargo.toml has no version: $version"
chart=deploy/chart/batch-sync/Chart.yaml
grep -qxF "version: $version" "$chart" || fail "$chart: its version is not $version"
grep -qxF "appVersion: \"$version\"" "$chart" || fail "$chart: its appVersion is not $version"
grep -qxF "ARG VERSION=$version" deploy/Dockerfile || fail "deploy/Dockerfile: its VERSION is not $version"
if (($# > 0)); then
  [[ $1 == "v$version" ]] || fail "the tag is $1, and what is built is $version; raise the version in Cargo.toml, or tag v$version"
  grep -qF "## [$version] - " CHANGELOG.md || fail "CHANGELOG.md has no entry for $version with a date"
fi
echo "$version"
