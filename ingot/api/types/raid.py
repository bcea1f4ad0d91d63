"""The RAID configuration that a node is to get: its logical disks."""

from wsme import types

from ingot import errors
from ingot.api.types import document, scalar


class Size(scalar.Integer):
    """GiB, or MAX for all that is left."""

    name = 'size'

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.accepts += ', or "MAX"'

    def check(self, value):
        return value if value == 'MAX' else super().check(value)

    def describe(self):
        return {'anyOf': [super().describe(), {'const': 'MAX'}]}


class Flag(scalar.Bool):
    """True or false, and no word for it."""

    name = 'flag'

    def check(self, value):
        return value if isinstance(value, bool) else self.refuse()


class PhysicalDisks(scalar.Scalar):
    """Names of disks, or what tells them: at least two objects."""

    basetype = list
    name = 'physical disks'
    accepts = 'a list of names, or of at least two objects'

    def check(self, value):
        is_list = isinstance(value, list)
        if is_list and (all(isinstance(one, str) for one in value)
                        or (len(value) > 1 and all(isinstance(one, dict) for one in value))):
            return value
        return self.refuse()

    def describe(self):
        return {'type': 'array', 'items': {'type': ['string', 'object']}}


class LogicalDisk(types.Base):
    raid_level = types.wsattr(scalar.Choice('JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0', is_nullable=False),
                              mandatory=True)
    size_gb = types.wsattr(Size(is_nullable=False), mandatory=True)
    volume_name = types.wsattr(scalar.Text(is_nullable=False))
    is_root_volume = types.wsattr(Flag(is_nullable=False))
    share_physical_disks = types.wsattr(Flag(is_nullable=False))
    disk_type = types.wsattr(scalar.Choice('hdd', 'ssd', is_nullable=False))
    interface_type = types.wsattr(scalar.Choice('sata', 'scsi', 'sas', is_nullable=False))
    number_of_physical_disks = types.wsattr(scalar.Integer(1, is_nullable=False))
    controller = types.wsattr(scalar.Text(is_nullable=False))
    physical_disks = types.wsattr(PhysicalDisks(is_nullable=False))


#: {member of a logical disk: what it is}
MEANINGS = {
    'raid_level': "Level of the array: 'JBOD', '0', '1', '2', '5', '6', '1+0', '5+0' or '6+0'. Required.",
    'size_gb': "Size in GiB, a whole number, or 'MAX' for all that is left. Required.",
    'volume_name': 'Name of the volume; the driver makes one up when it is left out. Optional.',
    'is_root_volume': 'Whether this is the disk for the system: one logical disk at most. False when left out. Optional.',
    'share_physical_disks': 'Whether other logical disks may use the same physical ones. False when left out. Optional.',
    'disk_type': "Kind of the physical disks: 'hdd' or 'ssd'; any when left out. Optional.",
    'interface_type': "How the physical disks are attached: 'sata', 'scsi' or 'sas'; any when left out. Optional.",
    'number_of_physical_disks': 'How many physical disks to use; as few as the level allows when left out. Optional.',
    'controller': 'The controller to use, as the driver calls it; the driver chooses when left out. Optional.',
    'physical_disks': 'The physical disks to use, as the driver calls them; needs a controller. Optional.',
}


class LogicalDisks(scalar.Scalar):
    """A list of logical disks, at least one; only one of them for the system."""

    basetype = list
    name = 'logical disks'
    accepts = 'a list of at least one logical disk'

    def check(self, value):
        if not isinstance(value, list) or not value:
            self.refuse()
        disks = [document.read(LogicalDisk, one, what='logical disk') for one in value]
        if any('physical_disks' in disk and 'controller' not in disk for disk in disks):
            raise errors.Invalid('A logical disk with physical_disks needs their controller.')
        if sum(disk.get('is_root_volume', False) for disk in disks) > 1:
            raise errors.Invalid('Only one logical disk can be the root volume.')
        return disks

    def describe(self):
        known = document.attributes(LogicalDisk)
        return {'type': 'array', 'minItems': 1, 'items': {
            'type': 'object', 'additionalProperties': False, 'properties': {
                name: attribute.datatype.schema() for name, attribute in known.items()},
            'required': [name for name, attribute in known.items() if attribute.mandatory]}}


class Raid(types.Base):
    """{} clears the wish."""

    logical_disks = types.wsattr(LogicalDisks(is_nullable=False))
