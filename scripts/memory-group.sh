# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set is read where this is sourced
# A control group with a limit of memory and no swap: cgroup v2, or v1 with its memory controller.
# Sourced. Only root can make one, or who has sudo without a password.

group=
group_problem=

# make_group NAME BYTES: sets `group`, and `in_group`, which is put before a command to run it inside.
# Fails where there can be none, and says why in `group_problem`.
make_group() {
  as_root=()
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || {
      group_problem="that takes root, or sudo without a password"
      return 1
    }
    as_root=(sudo -n)
  fi
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    group=/sys/fs/cgroup/$1
    # The system's services have it switched on almost everywhere; if not, it may be refused.
    grep -qw memory /sys/fs/cgroup/cgroup.subtree_control || write_group +memory /sys/fs/cgroup/cgroup.subtree_control || true
    create_group memory.max && write_group "$2" "$group/memory.max" &&
      write_group_if_there 0 "$group/memory.swap.max" || return 1
  elif [[ -d /sys/fs/cgroup/memory ]]; then
    group=/sys/fs/cgroup/memory/$1
    create_group memory.limit_in_bytes && write_group "$2" "$group/memory.limit_in_bytes" &&
      write_group 0 "$group/memory.swappiness" &&
      write_group_if_there "$2" "$group/memory.memsw.limit_in_bytes" || return 1
  else
    group_problem="this system has no control groups of memory (/sys/fs/cgroup)"
    return 1
  fi
  # shellcheck disable=SC2016 # for the inner shell
  in_group=(bash -c 'echo "$$" | "${@:3:$2}" tee "$1/cgroup.procs" >/dev/null && shift "$((2 + $2))" && exec "$@"'
    in-group "$group" "${#as_root[@]}" ${as_root[@]+"${as_root[@]}"})
}

create_group() { # FILE-THAT-IT-MUST-HAVE
  ${as_root[@]+"${as_root[@]}"} mkdir "$group" 2>/dev/null || {
    group_problem="$group cannot be made, as in most containers"
    group=
    return 1
  }
  [[ -e $group/$1 ]] || {
    remove_group
    group_problem="the groups here have no limit of memory"
    return 1
  }
}

write_group() { # VALUE FILE
  printf '%s' "$1" | ${as_root[@]+"${as_root[@]}"} tee "$2" >/dev/null 2>&1 || {
    group_problem="$2 cannot be written"
    return 1
  }
}

# Without swap, or without a count of it, there is no such file.
write_group_if_there() { [[ ! -e $2 ]] || write_group "$1" "$2"; }

# What it holds at the moment, with files that the system keeps because nobody needs the memory.
group_bytes() { cat "$group/memory.current" 2>/dev/null || cat "$group/memory.usage_in_bytes"; }
group_cache_bytes() { awk '$1 == "file" || $1 == "total_cache" { print $2 }' "$group/memory.stat"; }
group_peak() { cat "$group/memory.peak" 2>/dev/null || cat "$group/memory.max_usage_in_bytes" 2>/dev/null || echo 0; }

# How many of its processes were killed because the memory did not suffice.
killed() {
  if [[ -e $group/memory.events ]]; then
    awk '$1 == "oom_kill" { print $2 }' "$group/memory.events"
  else
    awk '$1 == "oom_kill" { print $2 }' "$group/memory.oom_control"
  fi
}

# Once nothing runs in it any more.
remove_group() {
  [[ -z $group ]] || ${as_root[@]+"${as_root[@]}"} rmdir "$group" || true
  group=
}
