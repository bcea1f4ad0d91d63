#!/bin/busybox sh
# First process of the small OS image: finds the root file system on a disk and goes there.
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe -a $(cat /modules)
label=$(cat /root-label)
tries=0
until root=$(findfs "LABEL=$label" 2>/dev/null); do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "No disk has a file system labelled $label." >/dev/console; poweroff -f; }
    usleep 100000
done
mount -t ext4 -o ro "$root" /root
mount --move /dev /root/dev
umount /sys /proc
exec switch_root /root /sbin/init
