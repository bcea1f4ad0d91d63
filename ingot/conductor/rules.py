"""Inspection rules at work: they see the node as inspection leaves it, and what they change is stored with the inventory."""

from ingot.db import inventory as inventories
from ingot.db import rule as rules
from ingot.drivers.base import INTERFACES
from ingot.rules import action, hook, rule


class Review:
    """One run of all hooks and rules over one inspection: ``decide`` first, then ``store``, in one transaction."""

    def __init__(self, database, drivers, node, inventory, plugin_data, mac=None, *, options):
        """``options``: the group [inspector]."""
        self.drivers, self.inventory, self._told, self._hooks = drivers, inventory, plugin_data, options.hooks
        former = inventories.former(database, node) if 'raid-device' in options.hooks else None        # nobody else asks
        self._background = hook.Background(options.physical_network_cidr_map, dict(options.pci_device_alias or ()), former)
        self._rules, self._ports = rules.every(database), inventories.ports(database, node)
        if mac and mac.lower() not in [port['address'] for port in self._ports]:
            self._ports.append(hook.new_port(mac))
        self._draft = None

    def decide(self, node, values):
        """``values`` that inspection changes in ``node`` anyway, with those that the rules change; HardwareFailure."""
        after = {**node, **values}
        self._draft = rule.run(self._rules, after, self._ports, self.inventory, self._told, self._hooks,
                               self._background)
        changed = _changes(after, self._draft.node, (*action.NODE, 'traits'))
        return values | changed | (self._interfaces({**after, **changed}) if 'driver' in changed else {})

    @property
    def plugin_data(self):
        """As the rules left it."""
        return self._draft.plugin_data

    def _interfaces(self, node):
        """Those that the node's new driver does not have become its defaults; InvalidParameter without such a driver."""
        hardware = self.drivers.of(node)
        return {f'{kind}_interface': hardware.default(kind) for kind in INTERFACES
                if node[f'{kind}_interface'] not in hardware.interfaces.get(kind, {})}

    def store(self, connection, node):
        """The inventory, the plugin data and the ports as the rules left them."""
        inventories.save(connection, node, self.inventory, self.plugin_data)
        known = {port['address']: port for port in self._ports}
        for port in self._draft.ports:
            address = port['address']
            if address not in known:
                inventories.ensure_port(connection, node, address)
            changed = _changes(known.get(address) or hook.new_port(address), port, action.PORT)
            if changed:
                inventories.change_port(connection, node, address, changed)


def _changes(before, after, names):
    return {name: after[name] for name in names if after[name] != before[name]}
