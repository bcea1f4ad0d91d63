"""The hardware types that come with Ingot: which implementation of each interface they have, the default first.

Names are Ironic's, so that nodes and clients made for it fit. The interface of ``ipmi`` is called ``ipmitool``
although it is not that program that is run.
"""

import dataclasses

from ingot import errors
from ingot.drivers import base, fake, fake_parts, manual

#: Interface kinds that have nothing to do yet -> the name that says so.
_ABSENT = {'bios': 'no-bios', 'console': 'no-console', 'firmware': 'no-firmware', 'inspect': 'no-inspect',
           'network': 'noop', 'raid': 'no-raid', 'rescue': 'no-rescue', 'storage': 'noop', 'vendor': 'no-vendor'}


@dataclasses.dataclass(frozen=True)
class Absent:
    """An interface that does nothing, and says so by its name."""

    kind: str
    needs_agent = False

    def properties(self):
        return {}

    def validate(self, node):
        pass

    def inventory(self, node):
        return {}

    def check(self, node, config):
        """Of a node without RAID: there is nothing that could be wished for."""
        if config:
            raise errors.NotFound(f'Node {node["uuid"]}: its raid_interface (driver {node["driver"]}) makes no RAID.',
                                  remedy='Choose another raid_interface.')

    def vifs(self, node):
        """Of a node whose network nobody manages."""
        return []

    def attach_vif(self, node, vif):
        """Whoever wired the machine has done that."""

    def detach_vif(self, node, vif):
        """As ``attach_vif``."""


class AgentInspect:
    """Looks at the machine from the ramdisk."""

    needs_agent = True

    def properties(self):
        return {}

    def validate(self, node):
        pass

    def inventory(self, node):
        return {}


def ipmi(context):
    """Machines with a BMC that speaks IPMI 2.0 over the network."""
    from ingot.drivers.ipmi.management import IpmiManagement
    from ingot.drivers.ipmi.power import IpmiPower
    return assemble('ipmi', network_deploy(context), {
        'power': {'ipmitool': IpmiPower(context)}, 'management': {'ipmitool': IpmiManagement(context)}})


def manual_management(context):
    """Machines that a person switches on."""
    return assemble('manual-management', network_deploy(context), {
        'power': {'fake': manual.ManualPower()}, 'management': {'noop': manual.ManualManagement()}})


def fake_hardware(context):
    """Machines that exist in memory only."""
    faked = {'power': fake.FakePower, 'management': fake.FakeManagement, 'boot': fake.FakeBoot,
             'deploy': fake.FakeDeploy, 'inspect': fake.FakeInspect, 'bios': fake_parts.FakeBios,
             'firmware': fake_parts.FakeFirmware, 'raid': fake_parts.FakeRaid, 'console': fake_parts.FakeConsole,
             'vendor': fake_parts.FakeVendor, 'rescue': fake_parts.FakeRescue}
    interfaces = {kind: {'fake': faked[kind](context) if kind in faked else fake.FakeOther(context, kind)}
                  for kind in base.INTERFACES if kind != 'network'}
    for kind, name in _ABSENT.items():
        absent = {name: Absent(kind)}
        known = interfaces.get(kind, {})
        interfaces[kind] = {**absent, **known} if name == 'noop' else {**known, **absent}
    return base.Hardware('fake-hardware', {kind: interfaces[kind] for kind in base.INTERFACES})


def network_deploy(context):
    """Interfaces for netboot, iSCSI and inspection: what all machines with a network card have in common."""
    from ingot.drivers.iscsi.deploy import IscsiDeploy
    from ingot.drivers.pxe.boot import PxeBoot
    boot = PxeBoot(context)
    return {'boot': {'ipxe': boot, 'pxe': boot}, 'deploy': {'iscsi': IscsiDeploy(context)},
            'inspect': {'agent': AgentInspect(), 'no-inspect': Absent('inspect')}}


def assemble(name, *parts):
    """The Hardware ``name`` with the interfaces of all ``parts``; kinds that are in none of them say that they are absent."""
    interfaces = {kind: {absent: Absent(kind)} for kind, absent in _ABSENT.items()}
    for part in parts:
        interfaces.update(part)
    return base.Hardware(name, {kind: interfaces[kind] for kind in base.INTERFACES})
