"""The fake interfaces beside power, management, boot, deploy and inspect: what operators set and read on a machine."""

import posixpath

from ingot import errors, states
from ingot.drivers.fake import FakeInterface, behaves

_COMPONENTS = ('bios', 'bmc')
#: What a fake machine's BIOS has from the factory: {name: (value, what the registry says of it)}.
_BIOS = {
    'virtualization': ('Enabled', {'attribute_type': 'Enumeration', 'allowable_values': ['Enabled', 'Disabled']}),
    'boot_retries': ('3', {'attribute_type': 'Integer', 'lower_bound': 0, 'upper_bound': 10}),
    'asset_tag': ('', {'attribute_type': 'String', 'min_length': 0, 'max_length': 32}),
}
_KNOWN = {'read_only': False, 'reset_required': True, 'is_unique': False}
_UNKNOWN = dict.fromkeys(('attribute_type', 'allowable_values', 'lower_bound', 'upper_bound', 'min_length', 'max_length',
                          'read_only', 'reset_required', 'is_unique'))
_SETTINGS = {'settings': {'description': 'A list of objects with name and value.', 'required': True}}
_UPDATES = {'settings': {'description': 'A list of objects with component and url.', 'required': True}}
_ANY_TIME = ('clean', 'deploy', 'service')


class Stepping(FakeInterface):
    """A fake interface whose methods are steps: ``STEPS`` is {method: (kinds of work it may be part of, its arguments)}."""

    STEPS = {}

    def steps(self, kind):
        """The steps for 'clean', 'deploy', 'service' or 'verify' work; those of priority 0 run when they are asked for."""
        return [{'interface': self.kind, 'step': name, 'priority': 0, 'abortable': False, 'args': arguments}
                for name, (kinds, arguments) in self.STEPS.items() if kind in kinds]

    @behaves
    def run_step(self, node, step, args):
        """Carry ``step`` out; values to store in the node's row, or None."""
        if step not in self.STEPS:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: {self.kind} has no step "{step}"; it has: '
                                          f'{", ".join(self.STEPS)}.')
        known, args = self.STEPS[step][1], args or {}
        wrong = [name for name in args if name not in known]
        wrong += [name for name, about in known.items() if about['required'] and name not in args]
        if wrong:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: step {self.kind}.{step} takes: {", ".join(known) or "nothing"}; '
                                          f'unknown or missing: {", ".join(wrong)}.')
        return getattr(self, step)(node, **args)


class FakeBios(Stepping):
    """Takes any setting; a value of those that it has from the factory must fit."""

    kind = 'bios'
    STEPS = {'apply_configuration': (_ANY_TIME, _SETTINGS), 'factory_reset': (_ANY_TIME, {})}

    @behaves
    def settings(self, node):
        """[{'name', 'value', and what the registry says}]."""
        values = {name: value for name, (value, _) in _BIOS.items()} | self.world.of(node).bios
        return [{'name': name, 'value': value, **_UNKNOWN, **(_KNOWN | _BIOS[name][1] if name in _BIOS else {})}
                for name, value in values.items()]

    def apply_configuration(self, node, settings):
        for one in _members(node, settings, 'name', 'value'):
            name, about = one['name'], _BIOS.get(one['name'], (None, {}))[1]
            if not _fits(about, str(one['value'])):
                raise errors.InvalidParameter(f'Node {node["uuid"]}: the value of BIOS setting {name} must fit {about}.')
        self.world.of(node).bios.update((one['name'], str(one['value'])) for one in settings)

    def factory_reset(self, node):
        self.world.of(node).bios.clear()


class FakeFirmware(Stepping):
    kind = 'firmware'
    STEPS = {'update': (_ANY_TIME, _UPDATES)}

    @behaves
    def components(self, node):
        """[{'component', 'current_version', ...}]."""
        versions = self.world.of(node).firmware
        return [{'component': name, 'initial_version': '1.0.0', 'current_version': versions.get(name, '1.0.0'),
                 'last_version_flashed': versions.get(name), 'vendor': 'Ingot', 'model': f'Fake {name.upper()}',
                 'serial_number': f'{name}-{node["uuid"][:8]}'} for name in _COMPONENTS]

    def update(self, node, settings):
        """Flash each component; the file's name is the version that it has then."""
        for one in _members(node, settings, 'component', 'url'):
            if one['component'] not in _COMPONENTS:
                raise errors.InvalidParameter(f'Node {node["uuid"]}: no firmware component "{one["component"]}"; it has: '
                                              f'{", ".join(_COMPONENTS)}.')
        for one in settings:
            self.world.of(node).firmware[one['component']] = posixpath.basename(str(one['url'])).rpartition('.')[0] or 'new'


class FakeRaid(Stepping):
    """Makes whatever is wished for out of disks that nobody counts."""

    kind = 'raid'
    STEPS = {'create_configuration': (_ANY_TIME, {
        name: {'description': f'Whether {which} are made; true when left out.', 'required': False}
        for name, which in (('create_root_volume', 'root volumes'), ('create_nonroot_volumes', 'other volumes'))}),
        'delete_configuration': (_ANY_TIME, {})}

    @behaves
    def check(self, node, config):
        """Every wish can be fulfilled."""

    def create_configuration(self, node, create_root_volume=True, create_nonroot_volumes=True):
        wanted = (node['target_raid_config'] or {}).get('logical_disks', [])
        made = [disk for disk in wanted if (create_root_volume if disk.get('is_root_volume') else create_nonroot_volumes)]
        named = [{'volume_name': f'volume-{number}', **disk} for number, disk in enumerate(made)]
        return {'raid_config': {'logical_disks': named} if named else {}}

    def delete_configuration(self, node):
        return {'raid_config': {}}


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


class FakeVendor(Stepping):
    """Methods that say whether "bar" is the word that they want, as those of the peer's fake driver do."""

    kind = 'vendor'
    STEPS = {'log_passthrough': (('clean', 'service'), {})}
    #: {method: (is asynchronous, the word that it wants)}
    _METHODS = {'second_method': (True, 'kazoo'), 'third_method_sync': (False, 'meow'),
                'fourth_method_shared_lock': (True, 'woof'), 'log_passthrough': (True, None)}

    def methods(self, node):
        """{name: {'http_methods', 'async', 'description', 'attach', 'require_exclusive_lock'}}."""
        return {name: {'http_methods': ['POST'], 'async': is_async, 'attach': False,
                       'description': f'Whether bar is {word}.' if word else 'Takes anything.',
                       'require_exclusive_lock': 'shared' not in name}
                for name, (is_async, word) in self._METHODS.items()}

    def check(self, node, method, arguments):
        """Invalid when ``arguments`` are not those of ``method``."""
        word = self._METHODS[method][1]
        if word and (arguments.keys() != {'bar'} or not arguments['bar']):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: {method} takes "bar", not empty, and nothing else.')

    @behaves
    def call(self, node, method, http_method, arguments):
        """What ``method`` answers."""
        word = self._METHODS[method][1]
        return None if word is None else arguments['bar'] == word

    def log_passthrough(self, node, **arguments):
        """A step that does nothing but to be called."""

    def driver_methods(self):
        """None: they would need no node."""
        return {}


class FakeRescue(FakeInterface):
    kind = 'rescue'

    @behaves
    def rescue(self, node, password_hash):
        machine = self.world.of(node)
        machine.rescued = password_hash
        machine.press(states.REBOOT)

    @behaves
    def clean_up(self, node):
        self.world.of(node).rescued = None


def _members(node, settings, *needed):
    """``settings``, a list of objects that all have ``needed``; InvalidParameter for anything else."""
    if not isinstance(settings, list) or not all(
            isinstance(one, dict) and all(isinstance(one.get(name), str | int) for name in needed) for one in settings):
        raise errors.InvalidParameter(f'Node {node["uuid"]}: settings must be a list of objects with {" and ".join(needed)}.')
    return settings


def _fits(about, value):
    """Whether the registry allows ``value``."""
    if 'allowable_values' in about:
        return value in about['allowable_values']
    if 'lower_bound' in about:
        return value.isdecimal() and about['lower_bound'] <= int(value) <= about['upper_bound']
    return len(value) <= about.get('max_length', len(value))
