# shellcheck shell=bash
# Python packages for the tests, pinned, in environments of their own. Sourced by
# the other scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/services.sh"

python_min=3.11

# python_venv NAME REQUIREMENTS: sees to it that .services/python/NAME has just
# the packages that the file pins by hash, and sets PYTHON to the command that runs with
# them. One that has them already takes no time and no network.
python_venv() {
  local venv=$own/python/$1 requirements=$2
  PYTHON=$venv/bin/python
  mkdir -p "$own/python"
  exec 7>"$own/python/lock"
  if command -v flock >/dev/null; then flock 7; fi
  # The copy is made last: it says that all before went well.
  if ! cmp -s "$requirements" "$venv/requirements.txt" || ! "$PYTHON" -c '' 2>/dev/null; then
    install_venv "$1" "$requirements"
    cp "$requirements" "$venv/requirements.txt"
  fi
  exec 7>&-
}

install_venv() { # NAME REQUIREMENTS
  local venv=$own/python/$1 log=$own/python/$1.log version pip=(-m pip)
  command -v python3 >/dev/null || fail "no python3 found; install Python $python_min or newer (it runs programs of others that the tests talk to)"
  version=$(python3 -c 'import platform; print(platform.python_version())') || fail "python3 does not run"
  at_least "$python_min" "$version" || fail "Python $python_min or newer is needed, this is $version"
  say "  getting the Python packages of $1 (kept in .services/)"
  rm -rf "$venv"
  if ! python3 -m venv "$venv" >"$log" 2>&1; then
    # Debian and Ubuntu keep the pip that belongs inside in a package of its own.
    python3 -m venv --clear --without-pip "$venv" >>"$log" 2>&1 || fail "could not make a Python environment (see $log)"
    find_pip "$log"
  fi
  # Wheels only: packages in source form would run code of theirs to be installed.
  "$PYTHON" "${pip[@]}" install --disable-pip-version-check --no-input --quiet \
    --require-hashes --only-binary :all: --requirement "$2" >>"$log" 2>&1 </dev/null || fail "could not install what $2 names (see $log)"
}

# Sets pip to the one in the distribution's package, which runs where it is.
find_pip() { # LOG
  local tree=$own/python/pip
  command -v apt-get >/dev/null || fail "this Python cannot put pip into an environment; install what it lacks (see $1)"
  if [[ ! -d $tree ]]; then
    unpack_packages "$tree.new" python3-pip-whl >>"$1" 2>&1 ||
      fail "could not get pip (see $1); install it with: sudo apt-get install python3-venv"
    mv "$tree.new" "$tree"
  fi
  local wheels=("$tree"/usr/share/python-wheels/pip-*.whl)
  [[ -e ${wheels[0]} ]] || fail "no pip in $tree; install it with: sudo apt-get install python3-venv"
  pip=("${wheels[0]}/pip")
}
