/**
 * The shim: a few lines of POSIX sh between the agent and an instance, which outlive the agent.
 *
 * It starts the instance in a session of its own, notes its pid, start time and the machine's boot
 * (so that the next agent knows the process from another with the same pid), keeps what it prints
 * in numbered segments, and writes its exit code by rename. It sets no traps: an ignored signal
 * would be inherited.
 *
 * Standard output and error each go through a pipe and a loop of `dd`: dd does not buffer, so a line
 * is in its file as soon as it is printed, and an instance never waits for an agent. One dd copies
 * 512 reads, 2 MiB at the most; a segment that is above 6 MiB then is full, so none exceeds 8 MiB. Of
 * an older segment only its number and the newlines up to its end are kept, so that lost lines are
 * counted. On a full disk, or where its folder is gone, output is thrown away rather than the instance
 * blocked; either way a loop ends with the output.
 *
 * Arguments: events directory, instance directory, instance id, run, first segment of stdout, first
 * segment of stderr, path of setsid, a script that joins a network of its own to the machine's (empty:
 * it has the machine's), the number of control groups and their folders, then the command. The
 * process enters its groups itself, so that the shim and its loops stay outside. PATH and the rest of
 * the environment are the instance's own but for ROADSTEAD_INSTANCE, which marks its
 * tree and so is not the shim's; `command -p` finds the tools, and `rs_` keeps our variables apart
 * from the instance's.
 */
export const shimSource = String.raw`#!/bin/sh
rs_events=$1 rs_home=$2 rs_id=$3 rs_run=$4 rs_out=$5 rs_err=$6 rs_setsid=$7 rs_join=$8 rs_groups=$9
shift 9

keep() {
  rs_stream=$1 rs_number=$2 rs_file=$1.$2 rs_before=0 rs_newlines=0
  [ -s "$rs_file" ] && rs_before=$(command -p wc -c <"$rs_file")
  [ -f "$rs_stream.dropped" ] && read -r rs_old rs_newlines <"$rs_stream.dropped"
  while :; do
    if command -p dd bs=4096 count=512 >>"$rs_file"; then
      rs_size=$(command -p wc -c <"$rs_file")
      [ "$((rs_size))" -eq "$((rs_before))" ] && break
      rs_before=$rs_size
    else
      rs_lost=$(command -p dd bs=4096 count=16 | command -p wc -c)
      [ "$((rs_lost))" -eq 0 ] && break
    fi
    [ "$((rs_before))" -gt 6291456 ] || continue
    rs_number=$((rs_number + 1)) rs_file=$rs_stream.$rs_number rs_before=0
    rs_old=$rs_stream.$((rs_number - 2))
    [ -f "$rs_old" ] || continue
    rs_newlines=$((rs_newlines + $(command -p wc -l <"$rs_old")))
    echo "$((rs_number - 2)) $rs_newlines" >"$rs_stream.dropped"
    command -p rm -f "$rs_old"
  done
  [ "$((rs_before))" -gt 0 ] && [ -n "$(command -p tail -c 1 "$rs_file")" ] && echo >>"$rs_file"
}

link() {
  rs_child=
  while read -r rs_key rs_value; do
    [ "$rs_key" = '"child-pid":' ] && rs_child=\${rs_value%,}
  done <"$rs_home/info.$rs_run.pipe"
  [ -n "$rs_child" ] || return
  if /bin/sh "$rs_join" "$rs_child" "$rs_home/network.pid" 2>"$rs_home/network.log"; then
    read -r rs_pid <"$rs_home/network.pid"
    read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ rs_started _ <"/proc/$rs_pid/stat"
    read -r rs_boot </proc/sys/kernel/random/boot_id
    echo "$rs_pid $rs_started $rs_boot $$" >"$rs_events/$rs_id.$rs_run.net"
    echo go 1<>"$rs_home/go.$rs_run.pipe"
  else
    command -p tail -n 1 "$rs_home/network.log" >"$rs_home/stderr.$rs_run.pipe"
    kill -KILL "$rs_child"
  fi
}

unlink() {
  # One that waits still for a child that never came goes on now.
  : <>"$rs_home/info.$rs_run.pipe"
  wait "$rs_link"
  [ -f "$rs_events/$rs_id.$rs_run.net" ] && read -r rs_pid _ <"$rs_events/$rs_id.$rs_run.net" &&
    kill -KILL "$rs_pid"
  command -p rm -f "$rs_home/info.$rs_run.pipe" "$rs_home/go.$rs_run.pipe"
}

command -p mkfifo "$rs_home/stdout.$rs_run.pipe" "$rs_home/stderr.$rs_run.pipe"
keep "$rs_home/stdout" "$rs_out" <"$rs_home/stdout.$rs_run.pipe" 2>/dev/null &
keep "$rs_home/stderr" "$rs_err" <"$rs_home/stderr.$rs_run.pipe" 2>/dev/null &
if [ -n "$rs_join" ]; then
  command -p mkfifo "$rs_home/info.$rs_run.pipe" "$rs_home/go.$rs_run.pipe"
  link </dev/null >/dev/null 2>&1 &
  rs_link=$!
fi

(
  read -r rs_pid _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ rs_started _ </proc/self/stat
  read -r rs_boot </proc/sys/kernel/random/boot_id
  echo "$rs_pid $rs_started $rs_boot $$" >"$rs_events/$rs_id.$rs_run.pid"
  while [ "$rs_groups" -gt 0 ]; do
    echo 0 >"$1/cgroup.procs" || {
      echo "roadstead: it cannot enter $1" >"$rs_home/stderr.$rs_run.pipe"
      exit 125
    }
    rs_groups=$((rs_groups - 1))
    shift
  done
  export ROADSTEAD_INSTANCE="$rs_id"
  [ -n "$rs_join" ] && exec 3>"$rs_home/info.$rs_run.pipe" 4<>"$rs_home/go.$rs_run.pipe"
  exec "$rs_setsid" "$@" >"$rs_home/stdout.$rs_run.pipe" 2>"$rs_home/stderr.$rs_run.pipe" </dev/null
)
rs_code=$?
[ -n "$rs_join" ] && unlink
echo "$rs_code" >"$rs_events/.$rs_id.$rs_run.exit"
command -p mv -f "$rs_events/.$rs_id.$rs_run.exit" "$rs_events/$rs_id.$rs_run.exit"
# A loop that waits still for a child that never opened its pipe goes on now.
exec 3<>"$rs_home/stdout.$rs_run.pipe" 4<>"$rs_home/stderr.$rs_run.pipe"
command -p rm -f "$rs_home/stdout.$rs_run.pipe" "$rs_home/stderr.$rs_run.pipe"
`.replaceAll('\\${', '${')

/**
 * What a command beside an instance starts through: it enters the instance's control groups first.
 * Arguments: the number of groups, their folders, then the command.
 */
export const enterSource = String.raw`#!/bin/sh
rs_groups=$1
shift
while [ "$rs_groups" -gt 0 ]; do
  echo 0 >"$1/cgroup.procs" || exit 125
  rs_groups=$((rs_groups - 1))
  shift
done
exec "$@"
`
