#!/bin/busybox sh
# The ramdisk's first process: mounts, drivers, loopback, agent. An agent that ends by itself has failed, for its last
# deed is to power the machine off or to reboot it: its last words stay readable for 30 s.
export PATH=/sbin:/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
if [ -s /ingot/append ]; then  # words that the ramdisk was built with stand behind those of the boot loader
    echo "$(cat /proc/cmdline) $(cat /ingot/append)" >/run/cmdline
    mount --bind /run/cmdline /proc/cmdline
fi

# Drivers. Each one may reveal a bus with more devices (PCI, then virtio), so look until nothing new turns up.
read -r always </ingot/modules
modprobe -a $always
known=
for pass in 1 2 3 4; do
    present=$(cat /sys/bus/*/devices/*/modalias 2>/dev/null)
    [ "$present" = "$known" ] && break
    known=$present
    modprobe -qab $present
done
ip link set lo up

python3 -I -S -u -c 'import sys; sys.path.insert(0, "/ingot"); import runpy
runpy.run_module("agent", run_name="__main__", alter_sys=True)'
status=$?
echo "ingot: the agent ended with status $status; the kernel's last words:"
dmesg | tail -n 5
read -r words </proc/cmdline
case " $words " in
*' ingot.shell '*) echo 'ingot: ingot.shell: a shell; the machine powers off when it ends.'; setsid cttyhack sh ;;
*) echo 'ingot: power off in 30 s (with ingot.shell on the kernel line: a shell instead).'; sleep 30 ;;
esac
sync
poweroff -f
