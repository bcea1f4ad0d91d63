"""What clients ask of a machine itself: boot mode, console, indicators, virtual media, VIFs, RAID, vendor methods."""

from wsme import types

from ingot.api.types import scalar


class Target(types.Base):
    """states/boot_mode"""

    target = types.wsattr(scalar.Choice('uefi', 'bios', is_nullable=False), mandatory=True)


class Flag(types.Base):
    """states/secure_boot"""

    target = types.wsattr(scalar.Bool(is_nullable=False), mandatory=True)


class Enabled(types.Base):
    """states/console"""

    enabled = types.wsattr(scalar.Bool(is_nullable=False), mandatory=True)


class Indicator(types.Base):
    state = types.wsattr(scalar.Choice('on', 'off', 'blinking', is_nullable=False), mandatory=True)


class Media(types.Base):
    device_type = types.wsattr(scalar.Choice('disk', 'cdrom', 'floppy', is_nullable=False), mandatory=True)
    image_url = types.wsattr(scalar.Text(4096, pattern=r'(?:https?|nfs|cifs)://.+', is_nullable=False), mandatory=True)
    image_download_source = types.wsattr(scalar.Choice('http', 'local', 'swift'))


class MediaQuery(types.Base):
    device_types = types.wsattr(scalar.Words())


class VendorQuery(types.Base):
    method = types.wsattr(scalar.Text())


class NoBody(types.Base):
    """A body that may be there, and is empty."""


class Vif(types.Base):
    id = types.wsattr(scalar.Text(shortest=1, is_nullable=False), mandatory=True)
    port_uuid = types.wsattr(scalar.Uuid())
    portgroup_uuid = types.wsattr(scalar.Uuid())


class LogicalDisks(scalar.Scalar):
    """The logical disks of a RAID configuration."""

    basetype = list
    name = 'logical_disks'
    _LEVELS = frozenset({'JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0'})
    accepts = 'a list of objects with raid_level (' + ', '.join(sorted(_LEVELS)) + ') and size_gb (a number, or "MAX")'
    _MEMBERS = {
        'raid_level': lambda value: value in LogicalDisks._LEVELS,
        'size_gb': lambda value: value == 'MAX' or scalar.is_count(value),
        'volume_name': lambda value: isinstance(value, str), 'controller': lambda value: isinstance(value, str),
        'is_root_volume': lambda value: isinstance(value, bool), 'share_physical_disks': lambda value: isinstance(value, bool),
        'disk_type': lambda value: value in ('hdd', 'ssd'), 'interface_type': lambda value: value in ('sata', 'scsi', 'sas'),
        'number_of_physical_disks': lambda value: scalar.is_count(value),
        'physical_disks': lambda value: isinstance(value, list)}

    def check(self, value):
        if not isinstance(value, list) or not value or not all(map(self._is_disk, value)):
            self.refuse()
        if sum(bool(disk.get('is_root_volume')) for disk in value) > 1:
            raise ValueError('one logical disk at most is the root volume')
        return value

    def _is_disk(self, disk):
        return isinstance(disk, dict) and {'raid_level', 'size_gb'} <= disk.keys() <= self._MEMBERS.keys() and all(
            isinstance(given, (str, int, list)) and self._MEMBERS[name](given) for name, given in disk.items())


class Raid(types.Base):
    """states/raid: the target configuration; an empty object clears it."""

    logical_disks = types.wsattr(LogicalDisks(is_nullable=False))
