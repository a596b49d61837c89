# The far end of agent-channel.ts, which describes the protocol. Runs commands one after the other.
dir=/run/emulated-host
busybox() { "$dir/busybox" "$@"; }
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

# Waits for the virtio-serial port of that name and prints its device.
port() {
  while :; do
    for name in /sys/class/virtio-ports/*/name; do
      read -r found < "$name" && [ "$found" = "$1" ] && name=${name%/name} && echo "/dev/${name##*/}" && return
    done
  done
}

exec 3<> "$(port agent)" 4<> "$(port output)"

# Nothing ever comes from there but its end: whoever started this host is gone, even while a command runs.
{ busybox cat <&4 > /dev/null; busybox poweroff -f; } 3>&- &

# By path, or busybox would run its own: its timeout ends the command but not what the command started.
run() { /usr/bin/timeout -s KILL "$limit" /bin/sh $dir/command < /dev/null 3>&- 4>&-; }

echo "ready $(busybox uname -r)" >&3
while read -r id limit command how <&3; do
  printf %s "$command" | busybox base64 -d > $dir/command
  : > $dir/out > $dir/err
  if [ "$how" = live ]; then
    run >&4 2>&1
    status=$?
    printf '\0' >&4
  else
    run > $dir/out 2> $dir/err
    status=$?
  fi
  for stream in out err; do
    echo "$stream $id $(busybox tail -c 4194304 $dir/$stream | busybox base64 -w 0)" >&3
  done
  echo "end $id $status" >&3
done
