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
    # Both need no library but libc.
    [[ -x $PROMETHEUS && -x $PROMTOOL ]] ||
      install_files prometheus prometheus PROMETHEUS usr/bin/prometheus usr/bin/promtool
  fi
  exec 7>&-
  "$PROMTOOL" --version >/dev/null 2>&1 || fail "$PROMTOOL does not run; install Prometheus, or set PROMTOOL to its path"
  "$PROMETHEUS" --version >/dev/null 2>&1 || fail "$PROMETHEUS does not run; install Prometheus, or set PROMETHEUS to its path"
  export PROMETHEUS PROMTOOL
}
