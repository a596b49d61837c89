import { type LinuxGuest, linuxGuest } from "./linux-guest.ts";

/** The file is made at the start alone: its sum stays the same as long as the guest's memory does. */
const script = `busybox dd if=/dev/urandom of=/run/kept bs=1M count=8 2> /dev/null
busybox ifconfig eth0 10.77.0.2 up 2> /dev/null
count=0
while true; do
  set -- $(busybox md5sum /run/kept)
  network=silent
  busybox ping -c 1 -W 1 10.77.0.1 > /dev/null 2>&1 && network=answers
  echo "count $count of $1, network $network"
  [ -b /dev/xvda ] && echo "count $count" | busybox dd of=/dev/xvda bs=512 conv=sync,fsync 2> /dev/null
  count=$((count + 1))
  busybox sleep 1
done
`;

/**
 * A guest that counts on its console once a second, with a check sum of what it keeps in memory, and says whether the
 * host's bridge answers. It writes its count to the disk xvda, when it has one.
 */
export function countingGuest(
  name: string,
  settings: { uuid: string; memory: number; vcpus: number },
): Promise<LinuxGuest> {
  return linuxGuest(name, { script, settings });
}
