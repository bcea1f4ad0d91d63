"""Machines whose power button is pressed by a person: nothing is sent, the last state that was asked for is believed."""

from ingot import errors, states
from ingot.drivers import base


class ManualPower:
    """Says what the node's row says, until the row has caught up with what was commanded here."""

    def __init__(self):
        self._commanded = {}      # node uuid -> (state in the row at the time, state that was asked for)

    def properties(self):
        return {}

    def validate(self, node):
        pass

    def state(self, node):
        row = node.get('power_state')
        seen, commanded = self._commanded.get(node['uuid'], (None, None))
        if commanded and row == seen != commanded:
            return commanded
        self._commanded.pop(node['uuid'], None)
        return row if row in (states.POWER_ON, states.POWER_OFF) else commanded or states.POWER_OFF

    def set(self, node, target, timeout):
        if target not in self.supported(node):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no power target "{target}"; '
                                          f'possible: {", ".join(self.supported(node))}.')
        self._commanded[node['uuid']] = node.get('power_state'), states.POWER_RESULT[target]

    def supported(self, node):
        return [states.POWER_ON, states.POWER_OFF, states.REBOOT]


class ManualManagement:
    """The boot device is up to a person as well: any is accepted, none is known."""

    def properties(self):
        return {}

    def validate(self, node):
        pass

    def boot_devices(self, node):
        return ['pxe', 'disk']

    def boot_device(self, node):
        return base.BootDevice(None, None)

    def set_boot_device(self, node, device, *, is_persistent=False):
        if device not in self.boot_devices(node):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no boot device "{device}"; possible: pxe, disk.')

    def bmc_info(self, node):
        return {}

    def sensors(self, node):
        return {}
