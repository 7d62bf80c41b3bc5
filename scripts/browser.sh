# shellcheck shell=bash
# What the tests of the page need: a Chromium, and the npm packages that drive it.
# Sourced by the other scripts, in place of services.sh where they need both.

source "$(dirname "${BASH_SOURCE[0]}")/services.sh"

browser_tests=$root/crates/end-to-end/browser

# Sets CHROMIUM to a command path; the tests read it.
find_browser() {
  exec 8>"$own/browser.lock"
  if command -v flock >/dev/null; then flock 8; fi
  find_chromium
  # The folder gets its name last: that it is there says that all before went well.
  cmp -s "$browser_tests/package-lock.json" "$own/browser/package-lock.json" || install_browser_packages
  ln -sfn "$own/browser/node_modules" "$browser_tests/node_modules"
  exec 8>&-
  export CHROMIUM
}

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    CHROMIUM=${CHROMIUM:-$(command -v "$name" || true)}
  done
  [[ -n $CHROMIUM ]] || install_chromium
  "$CHROMIUM" --version >/dev/null 2>&1 || fail "$CHROMIUM does not run; install Chromium, or set CHROMIUM to its path"
}

# Unlike Redis it cannot live in a folder of ours: it needs a hundred libraries.
install_chromium() {
  local log=$own/chromium.log
  [[ $(id -u) == 0 && -n $(command -v apt-get) ]] || fail "no Chromium found; install it (sudo apt-get install chromium), or set CHROMIUM to its path"
  say "  installing Chromium from the distribution's packages"
  { apt-get -q update && apt-get -q install --yes --no-install-recommends chromium; } >"$log" 2>&1 </dev/null ||
    fail "could not install Chromium (see $log)"
  CHROMIUM=$(command -v chromium) || fail "the package chromium has no command chromium (see $log)"
}

install_browser_packages() {
  say "  getting the npm packages of the page's tests (60 MB, kept in .services/)"
  local work=$own/browser.new log=$own/browser.log
  rm -rf "$own/browser"
  npm_packages "$browser_tests" "$work" "$log" || fail "could not install the npm packages of the page's tests (see $log)"
  mv "$work" "$own/browser"
}

test_page() {
  (cd "$browser_tests" && node --test ./*.test.js)
}
