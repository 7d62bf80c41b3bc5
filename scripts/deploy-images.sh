#!/usr/bin/env bash
# The images of deploy/Dockerfile, built and run: 100,000 rows through containers as in production (an unprivileged
# user, a read-only file system, no capabilities, 96 MiB), with Redis, Azurite and the simulator on this machine. Every
# row is checked.
#
# Image registries are not needed: the images that the Dockerfile begins with are stood in for by Debian packages, and
# its `cargo` hands over the programs that were compiled before. All else is done as the Dockerfile says.
# Ends with 3 where no container can run, and says why.
set -euo pipefail
mkdir -p "$(dirname "$0")/../.local"
run=$(cd "$(dirname "$0")/../.local" && mktemp -d "$PWD/images.XXXXXX")
source "$(dirname "$0")/programs.sh"

rows=100000
file=big-data-import.csv
token=0123456789abcdef
# podman takes no longer name for this folder than 50 characters, wherever this repository is.
runroot=$(mktemp -d /tmp/images.XXXXXX)
store=(--root "$run/store" --runroot "$runroot" --storage-driver vfs)
# On loopback, where the services are. Limits of files and processes as a daemon has them: some machines let
# nobody raise them.
hardened=(--network host --read-only --read-only-tmpfs=false --memory 96m --memory-swap 96m --pids-limit 128
  --cap-drop all --security-opt no-new-privileges --ulimit nofile=20000:20000 --ulimit nproc=1000:1000)

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  say "== images"
  find_containers
  build -p batch-sync
  build_images
  check_images
  say "== 100,000 rows through containers"
  find_services
  start_services
  load
}

# Docker is not needed either: buildah builds and podman runs without a daemon.
find_containers() {
  [[ $(uname -s) == Linux ]] || cannot "containers run on Linux only"
  local name missing=()
  for name in buildah podman runc; do
    command -v "$name" >/dev/null || missing+=("$name")
  done
  if ((${#missing[@]} > 0)); then
    [[ $(id -u) == 0 && -n $(command -v apt-get) ]] || cannot "install ${missing[*]}, or run this as root on Debian or Ubuntu"
    say "  installing ${missing[*]} from the distribution's packages"
    { apt-get -q update && apt-get -q install --yes --no-install-recommends "${missing[@]}"; } >"$own/containers.log" 2>&1 </dev/null ||
      cannot "could not install ${missing[*]} (see $own/containers.log)"
  fi
  [[ $(id -u) == 0 ]] || cannot "containers with limits of memory are run by root"
}

cannot() {
  say "  NOT CHECKED: no image was built and run: $*"
  exit 3
}

image() { BUILDAH_ISOLATION=chroot buildah "${store[@]}" "$@"; }
# Without systemd podman runs no health check by itself, and says so each time. Here they are run by hand.
container() { podman --log-level fatal "${store[@]}" --runtime runc --cgroup-manager cgroupfs "$@"; }

build_images() {
  stand_in_base
  stand_in_build
  sed -e 's#^FROM rust:[^ ]* AS build$#FROM localhost/stand-in/build AS build#' \
    -e 's#^FROM gcr.io/distroless/[^ ]* AS base$#FROM localhost/stand-in/base AS base#' \
    "$root/deploy/Dockerfile" >"$run/Dockerfile"
  (($(diff "$root/deploy/Dockerfile" "$run/Dockerfile" | grep -c '^>') == 2)) || fail "the Dockerfile begins with other images than are stood in for"
  local target
  for target in batch-sync producer consumer generate-upload; do
    # Only docker's format has health checks.
    image build --format docker --pull-never --file "$run/Dockerfile" --ignorefile "$root/deploy/Dockerfile.dockerignore" \
      --target "$target" --build-arg VERSION=1.2.3 --build-arg REVISION=abc --tag "localhost/batch-sync/$target" \
      "$root" >"$run/$target.build.log" 2>&1 || {
      tail -n 20 "$run/$target.build.log" >&2
      fail "the image of $target could not be built"
    }
  done
}

# What distroless' cc has: glibc, libgcc, time zones, certificates, an unprivileged user. No shell.
stand_in_base() {
  local tree=$run/base
  unpack_packages "$tree" libc6 libgcc-s1 tzdata >"$run/base.log" 2>&1 || cannot "could not get Debian's libc6 (see $run/base.log)"
  rm -rf "$tree"/usr/share/{doc,man,locale,lintian}
  mkdir -p "$tree/etc/ssl/certs" "$tree/tmp"
  chmod 1777 "$tree/tmp"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$tree/etc/passwd"
  echo 'nonroot:x:65532:' >"$tree/etc/group"
  if [[ -r /etc/ssl/certs/ca-certificates.crt ]]; then cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"; fi
  stand_in base "$tree" 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'USER 65532'
}

# A shell with cp and mkdir, and a cargo that has compiled before.
stand_in_build() {
  local tree=$run/build name
  unpack_packages "$tree" busybox-static >"$run/build.log" 2>&1 || cannot "could not get Debian's busybox-static (see $run/build.log)"
  mkdir -p "$tree/usr/local/bin" "$tree/programs" "$tree/tmp"
  for name in sh cp mkdir cat ls; do ln -sf busybox "$tree/bin/$name"; done
  for name in batch-sync producer consumer generate-upload salesforce-simulator; do cp "$programs/$name" "$tree/programs/"; done
  cat >"$tree/usr/local/bin/cargo" <<'CARGO'
#!/bin/sh
set -e
[ "$*" = "build --release --locked -p batch-sync -p producer -p consumer -p generate-upload -p salesforce-simulator" ]
# What the build may see, and no settings, secrets or local data.
[ -e Cargo.lock ] && [ -d crates/producer/src ] && [ "$(ls -a)" = "$(printf '.\n..\nCargo.lock\nCargo.toml\ncrates\ndeploy\ntarget')" ]
mkdir -p target/release
cp /programs/* target/release/
CARGO
  chmod +x "$tree/usr/local/bin/cargo"
  stand_in build "$tree" 'ENV PATH=/usr/local/bin:/bin'
}

stand_in() { # NAME TREE LINE…
  printf '%s\n' 'FROM scratch' 'COPY . /' "${@:3}" >"$run/$1.stand-in"
  image build --format docker --file "$run/$1.stand-in" --tag "localhost/stand-in/$1" "$2" >>"$run/$1.log" 2>&1 || {
    tail -n 5 "$run/$1.log" >&2
    cannot "buildah cannot build here (see $run/$1.log)"
  }
  rm -rf "$2"
}

# What an orchestrator reads of an image.
check_images() {
  local program
  for program in batch-sync producer consumer generate-upload; do
    image inspect --type image "localhost/batch-sync/$program" >"$run/$program.json"
    "${PYTHON:-python3}" - "$program" "$run/$program.json" <<'CHECK' || fail "the image of $program is not as it should be"
import json, sys
program, file = sys.argv[1:]
with open(file) as opened:
    config = json.load(opened)["Docker"]["config"]
both = {"3001/tcp", "9090/tcp"}
ports = {"batch-sync": both, "producer": both, "consumer": {"9090/tcp"}}.get(program, set())
# What runs in an image of all programs, only those know who start it.
health = [f"/usr/local/bin/{program}", "health", "--live"] if ports and program != "batch-sync" else None
labels = config["Labels"]
found = {
    "user": config["User"], "entrypoint": config["Entrypoint"], "ports": set(config.get("ExposedPorts") or {}),
    "health": ((config.get("Healthcheck") or {}).get("Test") or [None])[1:] or None,
    "version": labels.get("org.opencontainers.image.version"), "revision": labels.get("org.opencontainers.image.revision"),
}
wanted = {
    "user": "65532", "entrypoint": [f"/usr/local/bin/{program}"], "ports": ports, "health": health,
    "version": "1.2.3", "revision": "abc",
}
wrong = {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}
sys.exit(f"{program}: found, wanted: {wrong}" if wrong else 0)
CHECK
  done
}

load() {
  # Where a container is killed for its memory, a file says so in the folder of who started it.
  cd "$run"
  # The defaults, with these addresses; deploy/mappings is in the images.
  own_settings "$azure" "$redis_url" "$salesforce" MAPPING_FILE=deploy/mappings/lead.sdl BATCH_ROWS=100
  sed -e '/^#/d; /^$/d; /=$/d' -e "s/='\(.*\)'$/=\1/" "$run/.env" >"$run/settings"
  local metrics serve said code=0
  said=$(container run --rm "${hardened[@]}" localhost/batch-sync/batch-sync --version 2>"$run/batch-sync.log") || not_run batch-sync $?
  [[ $said == "batch-sync "* ]] || fail "the image of all programs says: $said"
  container run --rm "${hardened[@]}" --env-file "$run/settings" localhost/batch-sync/generate-upload \
    --rows "$rows" --file "$file" --awkward >"$run/generate.log" 2>&1 || not_run generate $?
  metrics=$(free_port)
  begin consumer consumer --env "METRICS_LISTEN=127.0.0.1:$metrics"
  serve=$(free_port)
  begin serve producer --env "HTTP_LISTEN=127.0.0.1:$serve" --env "API_TOKEN=$token" -- serve
  healthy consumer
  healthy serve
  container run --rm --name "$(basename "$run")-sync" "${hardened[@]}" --no-healthcheck --env-file "$run/settings" \
    localhost/batch-sync/producer sync --json --file "$file" >"$run/report.json" 2>"$run/sync.log" || code=$?
  ((code == 0)) || fail "the producer ended with code $code: $(tail -n 2 "$run/sync.log")"
  node "$root/scripts/check-rows.mjs" "$azure" high-volume-ingest "$file" "$salesforce" ||
    fail "Salesforce does not hold exactly the rows of the file"
  end consumer
  end serve
}

# The name of a container, of which others have none of the same.
named() { echo "$(basename "$run")-$1"; }

begin() { # NAME IMAGE OPTION… [-- ARGUMENT…]
  local name=$1 image=$2 options=()
  shift 2
  while (($# > 0)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  (($# == 0)) || shift
  container run --detach --name "$(named "$name")" "${hardened[@]}" --env-file "$run/settings" "${options[@]}" \
    "localhost/batch-sync/$image" "$@" >"$run/$name.log" 2>&1 || not_run "$name" $?
}

# not_run NAME CODE: 125 is podman's own, when it could not make a container, and 126 and 127 are runc's; but those are
# also said of a program that is not there. All others are the program's.
not_run() {
  local said
  said=$(tail -n 2 "$run/$1.log" | tr '\n' ' ')
  (($2 < 125 || $2 > 127)) || [[ $2 != 125 && ! $said =~ cgroup|permi ]] || cannot "podman cannot run a container here: $said"
  fail "the container of $1 ended with code $2: $said"
}

# The image's own health check says so.
healthy() { # NAME
  local deadline=$((SECONDS + 60))
  until container healthcheck run "$(named "$1")" >"$run/$1.health" 2>&1; do
    [[ $(container inspect --format '{{.State.Running}}' "$(named "$1")") == true ]] || {
      container logs "$(named "$1")" >&2
      fail "the container of $1 has ended"
    }
    ((SECONDS < deadline)) || fail "the container of $1 is not healthy: $(tail -n 1 "$run/$1.health")"
    sleep 0.2
  done
}

# As Kubernetes does: SIGTERM, then wait. What the program had of memory is read before.
end() { # NAME
  local pid peak user code killed
  pid=$(container inspect --format '{{.State.Pid}}' "$(named "$1")")
  peak=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status")
  user=$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")
  [[ $user == 65532 ]] || fail "$1 runs as $user"
  [[ $(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status") =~ ^0+$ ]] || fail "$1 has capabilities"
  [[ $(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status") == 1 ]] || fail "$1 may become more than it is"
  container stop --time 60 "$(named "$1")" >/dev/null
  code=$(container inspect --format '{{.State.ExitCode}}' "$(named "$1")")
  killed=$(container inspect --format '{{.State.OOMKilled}}' "$(named "$1")")
  [[ $code == 0 && $killed == false ]] || fail "$1 ended with code $code (out of memory: $killed)"
  say "  $1: at most ${peak} MiB of memory, as user $user, ended with code 0"
}

# Nothing stays: no container, no image, no process, and no data unless something went wrong.
finish() {
  local code=$?
  if command -v podman >/dev/null && [[ -d $run/store ]]; then
    container rm --all --force --time 1 >/dev/null 2>&1 || true
  fi
  stop_all
  rm -rf "$run/store" "$runroot" "$run/base" "$run/build"
  if ((code == 0 || code == 3 || code == 130 || code == 143)); then
    rm -rf "$run"
  else
    say "  logs: $run"
  fi
}

main
