#!/usr/bin/env bash
# Writes deploy/.env for compose.yaml, with a new API token and a new Redis password. Never
# overwrites an existing file.
set -euo pipefail
cd "$(dirname "$0")"
[[ ! -e .env && ! -L .env ]] || {
  echo "deploy/.env is there already; delete it for new secrets" >&2
  exit 1
}
secret() { od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'; }
password=$(secret)
umask 077
trap 'rm -f .env.new' EXIT
cat >.env.new <<SECRETS
# The secrets of compose.yaml. Values of your own go between single quotes.
API_TOKEN=$(secret)
REDIS_PASSWORD=$password
REDIS_URL=redis://:$password@redis:6379
# Of the simulator, which has no other.
SALESFORCE_CLIENT_SECRET=local-only-secret
SECRETS
mv .env.new .env
echo "wrote deploy/.env" >&2
