# shellcheck shell=bash
# Prometheus and promtool: found or installed. Sourced by the other scripts, also beside programs.sh.

# Beside another that sources it this is once more, before anything was started.
source "$(dirname "${BASH_SOURCE[0]}")/services.sh"

# Sets PROMETHEUS and PROMTOOL to command paths.
find_prometheus() {
  mkdir -p "$own"
  exec 7>"$own/prometheus.lock"
  if command -v flock >/dev/null; then flock 7; fi
  PROMETHEUS=${PROMETHEUS:-$(command -v prometheus || true)}
  PROMTOOL=${PROMTOOL:-$(command -v promtool || true)}
  if [[ -z $PROMETHEUS || -z $PROMTOOL ]]; then
    PROMETHEUS=$own/prometheus/prometheus PROMTOOL=$own/prometheus/promtool
    [[ -x $PROMETHEUS && -x $PROMTOOL ]] || install_prometheus
  fi
  exec 7>&-
  "$PROMTOOL" --version >/dev/null 2>&1 || fail "$PROMTOOL does not run; install Prometheus, or set PROMTOOL to its path"
  "$PROMETHEUS" --version >/dev/null 2>&1 || fail "$PROMETHEUS does not run; install Prometheus, or set PROMETHEUS to its path"
  export PROMETHEUS PROMTOOL
}

# Both programs need no library but libc.
install_prometheus() {
  command -v apt-get >/dev/null || fail "no prometheus and promtool found; install Prometheus (for example: dnf install prometheus, brew install prometheus)"
  say "  getting Prometheus from the distribution's packages (kept in .services/)"
  local work=$own/prometheus.new log=$own/prometheus.log
  rm -rf "$work" "$own/prometheus"
  unpack_packages "$work/tree" prometheus >"$log" 2>&1 ||
    fail "could not get Prometheus (see $log); install it with: sudo apt-get install prometheus"
  mv "$work/tree/usr/bin/prometheus" "$work/tree/usr/bin/promtool" "$work/"
  rm -rf "$work/tree"
  mv "$work" "$own/prometheus"
}
