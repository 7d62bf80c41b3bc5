# shellcheck shell=bash
# Redis and Azurite: found or installed, started, stopped. Sourced by the other
# scripts, which set `run` to the folder where their processes keep data and logs.
#
# What is installed goes to .services/ in this folder, never to the machine, so
# no root is needed, no system service appears, and deleting it undoes it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
own=$root/.services
run=${run:-$root/.local/run}
started=()
# What `start` puts before a command: nothing, or what it is to run in.
start_in=()
redis_min=6.2
node_min=18

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# --- find or install --------------------------------------------------------

# Sets REDIS_SERVER and AZURITE to command paths; the Rust tests read the same.
find_services() {
  mkdir -p "$own"
  exec 9>"$own/lock"
  # Two first runs at once must not install over each other. Where there is no
  # flock (macOS) they would only do the same work twice.
  if command -v flock >/dev/null; then flock 9; fi
  find_redis
  find_azurite
  exec 9>&-
  export REDIS_SERVER AZURITE
}

find_redis() {
  REDIS_SERVER=${REDIS_SERVER:-$(command -v redis-server || true)}
  if [[ -z $REDIS_SERVER ]]; then
    REDIS_SERVER=$own/redis/redis-server
    [[ -x $REDIS_SERVER ]] || install_redis
  fi
  local version
  version=$("$REDIS_SERVER" --version 2>/dev/null | sed -n 's/.* v=\([0-9.]*\) .*/\1/p') || true
  [[ -n $version ]] || fail "$REDIS_SERVER does not run; install Redis $redis_min or newer, or set REDIS_SERVER to its path"
  at_least "$redis_min" "$version" || fail "Redis $redis_min or newer is needed, $REDIS_SERVER is $version; set REDIS_SERVER to a newer one"
}

# The package redis-tools holds the whole server (redis-check-rdb is redis-server
# under another name), and apt adds the libraries that this machine lacks.
install_redis() {
  command -v apt-get >/dev/null || fail "no redis-server found; install Redis $redis_min or newer (for example: dnf install redis, brew install redis)"
  say "  getting Redis from the distribution's packages (kept in .services/)"
  local work=$own/redis.new log=$own/redis.log
  rm -rf "$work"
  unpack_packages "$work/tree" redis-tools >"$log" 2>&1 ||
    fail "could not get Redis (see $log); install it with: sudo apt-get install redis-server"
  mkdir "$work/lib"
  find "$work/tree" -name '*.so*' -exec cp -a {} "$work/lib/" \;
  cp "$work/tree/usr/bin/redis-check-rdb" "$work/redis-server.bin"
  cat >"$work/redis-server" <<'WRAPPER'
#!/bin/bash
# Written by scripts/services.sh. The name it is called by makes it the server.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec -a redis-server "$here/redis-server.bin" "$@"
WRAPPER
  chmod +x "$work/redis-server"
  rm -rf "$work/tree" "$own/redis"
  mv "$work" "$own/redis"
}

# Sets FAKETIME_LIB to a library that gives one process a clock of its own; the
# Rust tests read it.
find_faketime() {
  mkdir -p "$own"
  exec 9>"$own/faketime.lock"
  if command -v flock >/dev/null; then flock 9; fi
  FAKETIME_LIB=${FAKETIME_LIB:-$own/faketime/libfaketimeMT.so.1}
  [[ -r $FAKETIME_LIB || $FAKETIME_LIB != "$own"/* ]] ||
    install_files faketime libfaketime FAKETIME_LIB '*/libfaketimeMT.so.1'
  exec 9>&-
  [[ $(LD_PRELOAD=$FAKETIME_LIB FAKETIME='2001-01-01 12:00:00' date +%Y 2>/dev/null) == 2001 ]] ||
    fail "$FAKETIME_LIB does not change the time; install libfaketime, or set FAKETIME_LIB to its path"
  export FAKETIME_LIB
}

# Sets TINYPROXY to a forward proxy, as companies have one; the Rust tests read it.
find_tinyproxy() {
  mkdir -p "$own"
  exec 9>"$own/tinyproxy.lock"
  if command -v flock >/dev/null; then flock 9; fi
  TINYPROXY=${TINYPROXY:-$(command -v tinyproxy || true)}
  if [[ -z $TINYPROXY ]]; then
    TINYPROXY=$own/tinyproxy/tinyproxy
    # In this package the program comes without a service that starts by itself.
    [[ -x $TINYPROXY ]] || install_files tinyproxy tinyproxy-bin TINYPROXY usr/bin/tinyproxy
  fi
  exec 9>&-
  [[ $("$TINYPROXY" -v 2>/dev/null) == tinyproxy* ]] ||
    fail "$TINYPROXY does not run; install tinyproxy, or set TINYPROXY to its path"
  export TINYPROXY
}

# install_files NAME PACKAGE VARIABLE PATH…: puts files of a package of the distribution into .services/NAME. A path may be a
# pattern; VARIABLE names one that is somewhere else.
install_files() {
  local name=$1 package=$2 variable=$3 path work=$own/$1.new log=$own/$1.log
  shift 3
  command -v apt-get >/dev/null ||
    fail "no $name found; install it with the packages of your system, and set $variable to its path"
  say "  getting $name from the distribution's packages (kept in .services/)"
  rm -rf "$work" "${own:?}/$name"
  unpack_packages "$work/tree" "$package" >"$log" 2>&1 ||
    fail "could not get $name (see $log); install it with: sudo apt-get install $package"
  for path in "$@"; do
    find "$work/tree" -path "$work/tree/$path" -exec cp {} "$work/" \;
  done
  rm -rf "$work/tree"
  mv "$work" "$own/$name"
}

# unpack_packages FOLDER PACKAGE…: downloads packages of the distribution, and
# what they need, and unpacks them without installing: no root is needed, and the
# machine stays as it is.
unpack_packages() {
  local tree=$1 work=$1.apt
  shift
  rm -rf "$work"
  mkdir -p "$work"/{lists,cache,debs/partial} "$tree"
  cat >"$work/apt.conf" <<CONF
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Cache::archives "$work/debs";
Debug::NoLocking "true";
Acquire::Languages "none";
APT::Sandbox::User "";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
  apt-get -q -c "$work/apt.conf" update &&
    apt-get -q -c "$work/apt.conf" install --yes --download-only --no-install-recommends --reinstall "$@" &&
    find "$work/debs" -name '*.deb' -exec dpkg-deb -x {} "$tree" \; &&
    rm -rf "$work"
}

find_azurite() {
  AZURITE=${AZURITE:-$(command -v azurite-blob || true)}
  [[ -z $AZURITE ]] || return 0
  command -v node >/dev/null || fail "no node found; install Node.js $node_min or newer (it runs Azurite, the local Azure Blob Storage)"
  local version
  version=$(node --version)
  at_least "$node_min" "${version#v}" || fail "Node.js $node_min or newer is needed, this is $version"
  AZURITE=$own/node_modules/.bin/azurite-blob
  # The copy is made last: it says that all before went well.
  cmp -s "$root/scripts/azurite/package-lock.json" "$own/azurite-lock.json" || install_azurite
}

install_azurite() {
  say "  getting Azurite from the npm registry (365 MB, kept in .services/)"
  local work=$own/azurite.new log=$own/azurite.log
  rm -rf "$own/node_modules" "$own/azurite-lock.json"
  npm_packages "$root/scripts/azurite" "$work" "$log" || fail "could not install Azurite (see $log)"
  mv "$work/node_modules" "$own/"
  mv "$work/package-lock.json" "$own/azurite-lock.json"
  rm -rf "$work"
}

# npm_packages FROM TO LOG: puts into TO just what the lock file in FROM names, each package
# checked against its hash there, and runs none of the scripts that packages bring along.
npm_packages() {
  command -v npm >/dev/null || fail "no npm found; install it (it comes with Node.js, or as the package npm)"
  rm -rf "$2"
  mkdir -p "$2"
  cp "$1"/package{,-lock}.json "$2/"
  npm ci --prefix "$2" --ignore-scripts --no-audit --no-fund --loglevel=error >"$3" 2>&1 </dev/null
}

# at_least 6.2 7.0.15
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n1) == "$1" ]]; }

# --- start ------------------------------------------------------------------

# start NAME COMMAND…: in the background, in a process group of its own, so that
# Ctrl-C reaches the program in the foreground first and `stop_all` the others.
start() {
  local name=$1
  shift
  mkdir -p "$run"
  set -m
  nohup ${start_in[@]+"${start_in[@]}"} "$@" >"$run/$name.log" 2>&1 </dev/null &
  set +m
  local pid=$!
  started+=("$name")
  printf '%s %s\n' "$pid" "$(born "$pid")" >"$run/$name.pid"
}

start_redis() { # PORT
  mkdir -p "$run/redis"
  start redis "$REDIS_SERVER" --bind 127.0.0.1 --port "$1" --dir "$run/redis" \
    --appendonly yes --appendfsync everysec --save '' --maxmemory 256mb --maxmemory-policy noeviction
  await redis redis_answers "$1"
}

start_azurite() { # PORT
  mkdir -p "$run/azurite"
  start azurite "$AZURITE" --blobHost 127.0.0.1 --blobPort "$1" --location "$run/azurite" \
    --silent --skipApiVersionCheck --disableTelemetry
  await azurite port_is_open "$1"
}

# What reaches an Azurite on that port. The key is no secret: every Azurite has it.
azurite_connection() { # PORT
  local key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
  echo "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=$key;BlobEndpoint=http://127.0.0.1:$1/devstoreaccount1"
}

# await NAME CHECK…: until CHECK succeeds; fails with the log when NAME has ended.
await() {
  local name=$1 deadline=$((SECONDS + 60))
  shift
  until "$@"; do
    running "$name" || fail "$name has ended: $(tail -n 3 "$run/$name.log" | tr '\n' ' ')"
    ((SECONDS < deadline)) || fail "$name did not answer within 60 s (see $run/$name.log)"
    sleep 0.1
  done
  # The answer may have come from a stranger on the same port.
  sleep 0.1
  running "$name" || fail "$name has ended: $(tail -n 3 "$run/$name.log" | tr '\n' ' ')"
}

redis_answers() { # PORT
  local answer=''
  { exec 8<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'PING\r\n' >&8
  read -r -t 1 answer <&8 || true
  exec 8>&-
  [[ $answer == +PONG* ]]
}

port_is_open() { (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port that nobody listens on, below the range that the kernel hands out to
# outgoing connections.
free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)) && port_is_open "$port"; do :; done
  echo "$port"
}

# --- stop -------------------------------------------------------------------

# When a process was started; with its id it names one process for good. Nothing
# for one that has ended, also while its parent has yet to notice.
born() { # PID
  if [[ -d /proc/self ]]; then
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
  else
    ps -o lstart= -p "$1" || true
  fi
}

# Whether the process that was started here as NAME still runs.
running() { # NAME
  local pid mark
  [[ -r $run/$1.pid ]] || return 1
  read -r pid mark <"$run/$1.pid"
  [[ -n $mark && $(born "$pid") == "$mark" ]]
}

# Everything this script started, the last one first: the services outlive
# those that use them.
stop_all() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    stop "${started[i]}"
  done
}

# However the script ends, nothing that it started is left.
stop_on_exit() {
  trap stop_all EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

stop() { # NAME
  local pid deadline=$((SECONDS + 20))
  if running "$1"; then
    read -r pid _ <"$run/$1.pid"
    kill "$pid" 2>/dev/null || true
    while running "$1"; do
      ((SECONDS < deadline)) || kill -9 "$pid" 2>/dev/null || true
      sleep 0.05
    done
  fi
  rm -f "$run/$1.pid"
}
