#!/bin/busybox sh
# /init of an emulated host: the build machine's root, shared read-only over 9p, becomes this host's root below a
# tmpfs overlay. Lines that start with "host:" are shown as progress.
/bin/busybox mkdir -p /lower /over /root
export PATH=/bin
/bin/busybox --install -s /bin

fail() {
  echo "host: FAILED: $*"
  poweroff -f
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
  insmod "/modules/$module.ko" || fail "insmod $module"
done < /modules/order
echo "host: modules loaded"

mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /lower || fail "mount of the 9p share"
mount -t tmpfs -o mode=755 tmpfs /over
mkdir /over/upper /over/work
mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work overlay /root || fail "mount of the overlay"
for dir in proc sys dev run; do
  mkdir -p "/root/$dir"
done
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts devpts /root/dev/pts
mount -t tmpfs tmpfs /root/dev/shm
mount -t tmpfs -o mode=755 tmpfs /root/run
ln -sf /proc/self/fd /root/dev/fd
for stream in 0/stdin 1/stdout 2/stderr; do
  ln -sf "/proc/self/fd/${stream%/*}" "/root/dev/${stream#*/}"
done

# They run on this busybox wherever the root they find has none.
here=/run/emulated-host
mkdir "/root$here"
cp /bin/busybox /agent.sh /services.sh "/root$here/"
{
  echo "::sysinit:$here/busybox sh $here/services.sh"
  echo "::respawn:$here/busybox sh $here/agent.sh"
} > /root/etc/inittab
ip link set lo up
umount /proc /sys
echo "host: root mounted"
exec switch_root /root $here/busybox init
