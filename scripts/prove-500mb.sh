#!/usr/bin/env bash
# 500 MB in 160 MB of memory. When Redis rewrites its append-only file it may need twice the memory of
# the queue for a moment: with the default of 64 MiB that is more than is left of 160 MB.
exec "$(dirname "$0")/prove.sh" 6800000 500 160 - QUEUE_BYTES_HIGH=16777216
