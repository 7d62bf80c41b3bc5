#!/usr/bin/env bash
# What people install besides images and chart, for the machine that this runs on, into dist/: an archive with the
# program, a wheel for Python's installers, a package for Debian and Ubuntu, and a list of all parts (SBOM). Then each is
# tried as after an installation.
#   scripts/packages.sh              builds and tries
#   scripts/packages.sh --chroot     installs the .deb in a new system besides (root, debootstrap and the network)
#   scripts/packages.sh --release    builds what a release publishes, with cargo-auditable, and tries nothing
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/packages.XXXXXX")
source "$(dirname "$0")/python.sh"

# For programs that come as wheels; older than what runs programs in Python.
python_min=3.8
cargo_deb=3.8.0
dist=$root/dist
target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
# What a person's own shell and settings would add.
nothing=(env -i "PATH=$PATH")
# Ten times what systemd counts of what they cannot do without: the network, and the files of the machine.
exposure_max=15
mode=${1:-}
not_tried=()

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  case $mode in
    "" | --chroot | --release) ;;
    *) fail "unknown argument $mode; there are --chroot and --release" ;;
  esac
  [[ $(uname -s) == Linux ]] || fail "packages are built on Linux only"
  cd "$root"
  version=$(scripts/version.sh)
  # Of a file in an archive: the same commit gives the same archive.
  epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
  rm -rf "$dist"
  mkdir -p "$dist"
  say "== build $version"
  # What the metrics say the build is of.
  BUILD_REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
  export BUILD_REVISION
  find_tools
  build_program
  build_wheel
  build_deb
  build_archive
  build_sbom
  if [[ $mode != --release ]]; then
    say "== try"
    find_services
    try_archive
    try_wheel
    try_deb
  fi
  say "== done"
  (cd "$dist" && sha256sum -- * >&2)
  local it
  for it in ${not_tried[@]+"${not_tried[@]}"}; do say "  NOT TRIED: $it"; done
}

find_tools() {
  command -v cargo >/dev/null || fail "no cargo found; install Rust (rustup picks the version this project names)"
  command -v dpkg-deb >/dev/null || fail "no dpkg-deb found; a .deb is built on Debian or Ubuntu, or where their package dpkg is installed"
  python_venv packages "$root/scripts/packages/requirements.txt"
  tools=$(dirname "$PYTHON")
  # The versions of all crates in the program itself, for scanners: of releases.
  auditable=()
  if cargo auditable --version >/dev/null 2>&1; then auditable=(auditable); fi
  if [[ $mode == --release ]]; then
    ((${#auditable[@]} > 0)) ||
      fail "no cargo-auditable found (cargo install --locked cargo-auditable)"
  fi
  find_cargo_deb
}

find_cargo_deb() {
  PATH=$own/cargo/bin:$PATH
  [[ $(cargo deb --version 2>/dev/null) != "cargo-deb $cargo_deb" ]] || return 0
  say "  getting cargo-deb $cargo_deb (compiled once, kept in .services/)"
  cargo install --quiet --locked --root "$own/cargo" "cargo-deb@$cargo_deb" >"$run/cargo-deb.log" 2>&1 ||
    fail "could not install cargo-deb: $(tail -n 1 "$run/cargo-deb.log")"
}

# The program, and what it says of itself: manual pages and completions.
build_program() {
  cargo ${auditable[@]+"${auditable[@]}"} build --release --locked --quiet -p batch-sync
  program=$target/release/batch-sync
  local package=$target/release/package
  rm -rf "$package"
  mkdir -p "$package/man" "$package/completions"
  "$program" man "$package/man"
  # As Debian has them; every man reads them.
  gzip -n -9 "$package"/man/*
  "$program" completions bash >"$package/completions/batch-sync.bash"
  "$program" completions zsh >"$package/completions/_batch-sync"
  "$program" completions fish >"$package/completions/batch-sync.fish"
}

# Compiles what cargo-auditable changed once more, without that: the wheel has a file with its parts.
build_wheel() {
  "$tools/maturin" build --quiet --release --locked --manifest-path crates/batch-sync/Cargo.toml --out "$dist"
  wheel=$(only "$dist"/*.whl)
}

build_deb() {
  # Put back: maturin's stands in its place.
  cargo ${auditable[@]+"${auditable[@]}"} build --release --locked --quiet -p batch-sync
  SOURCE_DATE_EPOCH=$epoch cargo deb --quiet --no-build --locked -p batch-sync --output "$dist/"
  deb=$(only "$dist"/*.deb)
}

build_archive() {
  local name tree=$run/archive
  name=batch-sync-$version-$(uname -m)-linux-gnu
  archive=$dist/$name.tar.gz
  mkdir -p "$tree/$name"
  cp "$program" LICENSE README.md CHANGELOG.md "$tree/$name/"
  cp -r "$target/release/package/man" "$target/release/package/completions" deploy/systemd "$tree/$name/"
  chmod -R u=rwX,go=rX "$tree/$name"
  tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - "$name" |
    gzip -n -9 >"$archive"
}

# The one that maturin makes, which is in the wheel too.
build_sbom() {
  "$PYTHON" -m zipfile -e "$wheel" "$run/wheel"
  cp "$(only "$run"/wheel/*.dist-info/sboms/batch-sync.cyclonedx.json)" "$dist/batch-sync-$version-$(uname -m).cdx.json"
}

only() { # FILE…
  if (($# != 1)) || [[ ! -e $1 ]]; then fail "one file was expected: $*"; fi
  echo "$1"
}

# --- try --------------------------------------------------------------------

# in_an_empty_folder COMMAND…: with a PATH and nothing else, not even HOME; the folder stays empty.
in_an_empty_folder() {
  local empty=$run/empty code=0
  mkdir -p "$empty"
  (cd "$empty" && "${nothing[@]}" "$@") || code=$?
  rmdir "$empty" || fail "$1 left something in the folder where it ran"
  return "$code"
}

runs() { # PROGRAM
  local said code=0
  said=$(in_an_empty_folder "$1" --version)
  [[ $said == "batch-sync $version" ]] || fail "$1 --version says: $said"
  in_an_empty_folder "$1" sync --file x.csv >"$run/sync.log" 2>&1 || code=$?
  ((code == 2)) || fail "$1 sync without settings ended with code $code: $(tail -n 1 "$run/sync.log")"
}

# Redis and Azurite are found along the PATH, or named as the tests name them.
demonstrates() { # PROGRAM
  in_an_empty_folder env "REDIS_SERVER=$REDIS_SERVER" "AZURITE=$AZURITE" "$1" demo >"$run/demo.log" 2>&1 || {
    tail -n 20 "$run/demo.log" >&2
    fail "$1 demo did not end well (see $run/demo.log)"
  }
}

try_archive() {
  mkdir -p "$run/unpacked"
  tar -xzf "$archive" -C "$run/unpacked"
  local folder
  folder=$(only "$run"/unpacked/*)
  runs "$folder/batch-sync"
  demonstrates "$folder/batch-sync"
  say "  $(basename "$archive"): runs in an empty folder without HOME, and loads 100,000 rows there"
}

# With installers that see no network: the wheel needs nothing.
try_wheel() {
  local uv=("${nothing[@]}" "UV_CACHE_DIR=$run/uv" UV_OFFLINE=1 UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never "$tools/uv")
  "${uv[@]}" venv --quiet --python "$PYTHON" "$run/venv"
  "${uv[@]}" pip install --no-index --no-deps --quiet --python "$run/venv/bin/python" "$wheel"
  runs "$run/venv/bin/batch-sync"
  demonstrates "$run/venv/bin/batch-sync"
  local said
  said=$(cd "$run" && "${uv[@]}" tool run --quiet --python "$PYTHON" --from "$wheel" batch-sync --version)
  [[ $said == "batch-sync $version" ]] || fail "uvx says: $said"
  say "  $(basename "$wheel"): installed into a new environment, loads 100,000 rows from there; runs by uvx"
}

try_deb() {
  local tree=$run/deb file
  dpkg-deb -x "$deb" "$tree"
  dpkg-deb -e "$deb" "$tree/DEBIAN"
  for file in usr/bin/batch-sync usr/share/man/man1/batch-sync.1.gz usr/share/man/man1/batch-sync-consume-check.1.gz \
    usr/share/bash-completion/completions/batch-sync usr/share/zsh/vendor-completions/_batch-sync \
    usr/share/fish/vendor_completions.d/batch-sync.fish usr/share/doc/batch-sync/copyright \
    etc/batch-sync/batch-sync.env; do
    [[ -s $tree/$file ]] || fail "$(basename "$deb") has no $file"
  done
  [[ $(dpkg-deb -f "$deb" Version) == "$version"-* ]] || fail "$(basename "$deb") has another version than $version"
  grep -qx /etc/batch-sync/batch-sync.env "$tree/DEBIAN/conffiles" || fail "an upgrade would overwrite the settings"
  for file in postinst prerm postrm; do sh -n "$tree/DEBIAN/$file" || fail "$file is no script"; done
  bash -n "$tree/usr/share/bash-completion/completions/batch-sync" || fail "bash cannot read the completions"
  runs "$tree/usr/bin/batch-sync"
  try_units "$tree"
  say "  $(basename "$deb"): has what it should, and runs unpacked; needs $(dpkg-deb -f "$deb" Depends)"
  if [[ $mode == --chroot ]]; then install_deb; else not_tried+=("an installation of the .deb: --chroot"); fi
}

try_units() { # TREE
  command -v systemd-analyze >/dev/null || {
    not_tried+=("the units of systemd: there is no systemd-analyze here")
    return 0
  }
  local units=$1/usr/lib/systemd/system unit
  # Those that ours name, as a system has them.
  for unit in basic sysinit shutdown network-online multi-user; do printf '[Unit]\nDescription=%s\n' "$unit" >"$units/$unit.target"; done
  for unit in batch-sync-serve.service batch-sync-consumer@1.service; do
    verified "$1" "$unit" || fail "systemd refuses $unit: $(cat "$run/units.log")"
    systemd-analyze security --no-pager --offline=true --root="$1" --threshold="$exposure_max" "$unit" >"$run/security.log" 2>&1 ||
      fail "$unit is more exposed than it was: $(tail -n 1 "$run/security.log")"
    say "  $(sed -n 's/^→ //p' "$run/security.log")"
  done
  # A fault has to be seen.
  sed -i 's/^ProtectSystem=strict/ProtectSystem=strickt/' "$units/batch-sync-serve.service"
  ! verified "$1" batch-sync-serve.service || fail "systemd-analyze verify passes a unit with a wrong value"
}

# Says nothing of what it passes; a word of warning is a fault too.
verified() { # ROOT UNIT
  systemd-analyze verify --man=no --root="$1" "$2" >"$run/units.log" 2>&1 && [[ ! -s $run/units.log ]]
}

# A system of its own, of the release that runs here, in which apt gets what the package needs; then it is removed again.
install_deb() {
  local tree=$run/debian suite
  suite=$(source /etc/os-release && echo "$VERSION_CODENAME")
  if [[ $(id -u) != 0 ]] || ! command -v debootstrap >/dev/null; then fail "--chroot takes root and debootstrap"; fi
  debootstrap --variant=minbase "$suite" "$tree" >"$run/debootstrap.log" 2>&1 ||
    fail "could not make a system of $suite (see $run/debootstrap.log)"
  cp "$deb" "$tree/tmp/"
  local inside=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$tree")
  "${inside[@]}" apt-get -q install --yes --no-install-recommends "/tmp/$(basename "$deb")" >"$run/install.log" 2>&1 ||
    fail "could not install the package (see $run/install.log)"
  [[ $("${inside[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups batch-sync --version) == "batch-sync $version" ]] ||
    fail "the installed program does not run"
  "${inside[@]}" apt-get -q purge --yes batch-sync >>"$run/install.log" 2>&1 || fail "could not remove the package (see $run/install.log)"
  local left
  left=$(find "$tree" -xdev -path "$tree/tmp" -prune -o -path "$tree/var" -prune -o -name '*batch-sync*' -print)
  [[ -z $left ]] || fail "the removed package left: $left"
  say "  $(basename "$deb"): installed in a new $suite with what it needs, run there by an unprivileged user, and purged"
}

finish() {
  local code=$?
  if ((code == 0 || code == 130 || code == 143)); then
    rm -rf "$run"
  else
    rm -rf "$run/debian"
    say "  logs: $run"
  fi
}

main
