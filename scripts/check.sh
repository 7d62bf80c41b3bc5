#!/usr/bin/env bash
# Formatting, lints, documents, and what the dependencies are allowed to be.
set -euo pipefail
source "$(dirname "$0")/services.sh"

cd "$root"
say "== format"
cargo fmt --all --check
say "== lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
say "== documentation"
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet
say "== documents"
command -v python3 >/dev/null || fail "no python3 found; install Python 3.11 or newer (it checks the documents)"
(
  cd scripts/docs
  export PYTHONDONTWRITEBYTECODE=1
  python3 -m unittest --quiet test_docs
  python3 links.py
  python3 words.py
)
scripts/docs.sh
# Each command that they name, parsed by the programs.
cargo test -p batch-sync --lib --locked --quiet tests >/dev/null || cargo test -p batch-sync --lib --locked tests
say "== dependencies"
if cargo deny --version >/dev/null 2>&1; then
  # Advisories come from a database on the network: CI checks them in a job of its own.
  cargo deny --log-level error check bans licenses sources
else
  say "  skipped: cargo-deny is not installed (cargo install --locked cargo-deny); CI runs it"
fi
say "== scripts and workflows"
scripts/version.sh >/dev/null
scripts/lint.sh
