#!/bin/busybox sh
# The whole system of the small OS image: reads its config drive, says on the serial port who it is, and stays up until
# somebody presses the power button.
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mkdir /run/config

# A config drive is whatever block device holds an ISO 9660 volume labelled config-2 (the label stands at byte 32808).
name=
for block in /sys/class/block/*; do
    device=/dev/${block##*/}
    case $(dd if="$device" bs=8 skip=4101 count=4 2>/dev/null | tr -d '\0') in
    'config-2 '* | 'CONFIG-2 '*)
        mount -t iso9660 -o ro "$device" /run/config || continue
        name=$(awk -f /etc/metadata.awk /run/config/openstack/latest/meta_data.json | tr -cd 'A-Za-z0-9.-')
        umount /run/config
        break
        ;;
    esac
done
[ -z "$name" ] || hostname "$name"

root=$(awk '$2 == "/" && $3 == "ext4" { print $1 }' /proc/mounts)
printf '\nINGOT-BOOTED image=%s root=%s hostname=%s\n' "$(cat /etc/image-id)" "$root" "${name:--}" >/dev/ttyS0

for event in /sys/class/input/event*; do
    [ "$(cat "$event/device/name")" = 'Power Button' ] || continue
    dd if="/dev/input/${event##*/}" bs=24 count=1 >/dev/null 2>&1 && poweroff -f
done
while :; do sleep 86400; done
