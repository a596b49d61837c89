# What makes Linux on Xen the domain 0 that xl expects; runs before the agent answers.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

fail() {
  echo "host: FAILED: $*"
  /run/emulated-host/busybox poweroff -f
}

mount -t xenfs xenfs /proc/xen || fail "mount of xenfs"
mkdir -p /run/lock /run/xen /run/xenstored /var/lib/xen /var/log/xen/console
[ -d /var/lock ] || ln -sfn /run/lock /var/lock

# The tools have to be those of the hypervisor that runs.
tools=$(/usr/lib/xen-common/bin/xen-dir) || fail "$tools"
"$tools/bin/xenstored" --pid-file=/run/xenstore.pid || fail "xenstored"
tries=0
until [ -S /run/xenstored/socket ]; do
  [ $((tries += 1)) -lt 200 ] || fail "xenstored made no socket"
  sleep 0.1
done
"$tools/bin/xen-init-dom0" > /dev/null || fail "xen-init-dom0"
"$tools/bin/xenconsoled" --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console || fail "xenconsoled"

# Where a vif without bridge= goes.
ip link add xenbr0 type bridge && ip addr add 10.77.0.1/24 dev xenbr0 && ip link set xenbr0 up || fail "xenbr0"

"$tools/bin/xl" list | grep -q "^Domain-0 " || fail "xl list does not show domain 0"
echo "host: Xen's services are up"
