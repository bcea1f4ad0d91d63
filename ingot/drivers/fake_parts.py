"""The fake interfaces beside power, management, boot, deploy and inspect: what operators set and read on a machine."""

from ingot import errors
from ingot.drivers.fake import FakeInterface, behaves

#: What a fake machine's BIOS has from the factory: {name: (value, what the registry says of it)}.
_BIOS = {
    'virtualization': ('Enabled', {'attribute_type': 'Enumeration', 'allowable_values': ['Enabled', 'Disabled']}),
    'boot_retries': ('3', {'attribute_type': 'Integer', 'lower_bound': 0, 'upper_bound': 10}),
    'asset_tag': ('', {'attribute_type': 'String', 'min_length': 0, 'max_length': 32}),
}
_REGISTRY = {'attribute_type': None, 'allowable_values': None, 'lower_bound': None, 'upper_bound': None, 'min_length': None,
             'max_length': None, 'read_only': False, 'reset_required': True, 'is_unique': False}


class FakeBios(FakeInterface):
    kind = 'bios'

    @behaves
    def settings(self, node):
        """[{'name', 'value', and what the registry says}]."""
        values = self.world.of(node).bios
        return [{'name': name, 'value': values.get(name, value), **_REGISTRY, **registry}
                for name, (value, registry) in _BIOS.items()]


class FakeFirmware(FakeInterface):
    kind = 'firmware'

    @behaves
    def components(self, node):
        """[{'component', 'current_version', ...}]."""
        versions = self.world.of(node).firmware
        return [{'component': name, 'initial_version': '1.0.0', 'current_version': versions.get(name, '1.0.0'),
                 'last_version_flashed': versions.get(name), 'vendor': 'Ingot', 'model': f'Fake {name.upper()}',
                 'serial_number': f'{name}-{node["uuid"][:8]}'} for name in ('bios', 'bmc')]


class FakeRaid(FakeInterface):
    kind = 'raid'

    def logical_disk_properties(self, node=None):
        """{member of a logical disk: one sentence}."""
        return {
            'raid_level': 'RAID level: JBOD, 0, 1, 2, 5, 6, 1+0, 5+0 or 6+0. Required.',
            'size_gb': 'Size in GiB, a whole number, or "MAX" for all that is left. Required.',
            'volume_name': 'Name of the volume; made up when it is left out.',
            'is_root_volume': 'Whether the system is to be installed there: one disk at most.',
            'share_physical_disks': 'Whether other logical disks may use the same physical disks.',
            'disk_type': 'Kind of the physical disks: hdd or ssd.',
            'interface_type': 'How the physical disks are attached: sata, scsi or sas.',
            'number_of_physical_disks': 'How many physical disks are used.',
            'controller': 'Controller that makes it, as the driver names it.',
            'physical_disks': 'Physical disks to use, as the driver names them.'}


class FakeConsole(FakeInterface):
    kind = 'console'

    @behaves
    def start(self, node):
        self.world.of(node).has_console = True

    @behaves
    def stop(self, node):
        self.world.of(node).has_console = False

    @behaves
    def console(self, node):
        """{'type', 'url'} of the console."""
        return {'type': 'fake', 'url': f'fake://console/{node["uuid"]}'}


class FakeVendor(FakeInterface):
    """Methods that say whether "bar" is the word that they want, as those of the peer's fake driver do."""

    kind = 'vendor'
    #: {method: (is asynchronous, the word that it wants)}
    _METHODS = {'second_method': (True, 'kazoo'), 'third_method_sync': (False, 'meow'),
                'fourth_method_shared_lock': (True, 'woof'), 'log_passthrough': (True, None)}

    def methods(self, node):
        """{name: {'http_methods', 'async', 'description', 'attach', 'require_exclusive_lock'}}."""
        return {name: {'http_methods': ['POST'], 'async': is_async, 'attach': False,
                       'description': f'Whether bar is {word}.' if word else 'Takes anything.',
                       'require_exclusive_lock': 'shared' not in name}
                for name, (is_async, word) in self._METHODS.items()}

    @behaves
    def call(self, node, method, http_method, arguments):
        """What ``method`` answers."""
        word = self._METHODS[method][1]
        if word is None:
            return True
        if 'bar' not in arguments:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: {method} needs "bar".')
        return arguments['bar'] == word


class FakeRescue(FakeInterface):
    kind = 'rescue'
