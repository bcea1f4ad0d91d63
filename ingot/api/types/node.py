"""A node as clients write it, and the queries on nodes."""

import re

from wsme import types

from ingot import states
from ingot.api.types import scalar
from ingot.api.types.network import NetworkData
from ingot.api.types.query import PageQuery
from ingot.db.node import INTERFACES

_Interfaces = type('_Interfaces', (types.Base,), {
    f'{kind}_interface': types.wsattr(scalar.Text(64, shortest=1)) for kind in INTERFACES})


class Properties(scalar.Object):
    """What a machine is. Whatever is in it, its sizes are numbers: the scheduler of a cloud counts on them."""

    name = 'properties'
    accepts = 'a JSON object whose memory_mb and local_gb are whole numbers from 0'

    def check(self, value):
        sizes = [super(Properties, self).check(value).get(name) for name in ('memory_mb', 'local_gb')]
        if not all(size is None or re.fullmatch('[0-9]{1,15}', str(size).strip(), re.ASCII) for size in sizes):
            self.refuse()
        return value


class Node(_Interfaces):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name())
    driver = types.wsattr(scalar.Text(shortest=1, is_nullable=False), mandatory=True)
    description = types.wsattr(scalar.Text(4096))
    chassis_uuid = types.wsattr(scalar.Uuid())
    driver_info = types.wsattr(scalar.Object())
    properties = types.wsattr(Properties())
    instance_info = types.wsattr(scalar.Object())
    extra = types.wsattr(scalar.Object())
    network_data = types.wsattr(NetworkData())
    instance_uuid = types.wsattr(scalar.Uuid())
    instance_name = types.wsattr(scalar.Text())
    resource_class = types.wsattr(scalar.Text(80))
    conductor_group = types.wsattr(scalar.Lower(pattern=r'[a-z0-9_.-]*', is_nullable=False))
    shard = types.wsattr(scalar.Text())
    owner = types.wsattr(scalar.Text())
    lessee = types.wsattr(scalar.Text())
    parent_node = types.wsattr(scalar.Text())
    maintenance = types.wsattr(scalar.Bool(is_nullable=False))
    automated_clean = types.wsattr(scalar.Bool())
    protected = types.wsattr(scalar.Bool(is_nullable=False))
    protected_reason = types.wsattr(scalar.Text(4096))
    retired = types.wsattr(scalar.Bool(is_nullable=False))
    retired_reason = types.wsattr(scalar.Text(4096))
    disable_power_off = types.wsattr(scalar.Bool(is_nullable=False))


#: Only at creation, and only later.
CREATE_ONLY = frozenset({'uuid'})
PATCH_ONLY = frozenset({'protected', 'protected_reason'})
#: Why a node went to maintenance by itself.
FAULTS = ('power failure', 'clean failure', 'rescue abort failure', 'service failure')


class NodeQuery(PageQuery):
    associated = types.wsattr(scalar.Bool())
    maintenance = types.wsattr(scalar.Bool())
    retired = types.wsattr(scalar.Bool())
    sharded = types.wsattr(scalar.Bool())
    include_children = types.wsattr(scalar.Bool())
    shard = types.wsattr(scalar.Words())
    chassis_uuid = types.wsattr(scalar.Uuid())
    instance_uuid = types.wsattr(scalar.Uuid())
    provision_state = types.wsattr(scalar.Choice(*sorted(states.STATES)))
    driver = types.wsattr(scalar.Text())
    resource_class = types.wsattr(scalar.Text())
    fault = types.wsattr(scalar.Choice(*FAULTS))
    conductor_group = types.wsattr(scalar.Lower())
    conductor = types.wsattr(scalar.Text())
    owner = types.wsattr(scalar.Text())
    lessee = types.wsattr(scalar.Text())
    project = types.wsattr(scalar.Text())
    description_contains = types.wsattr(scalar.Text(4096))
    parent_node = types.wsattr(scalar.Text())
    instance_name = types.wsattr(scalar.Text())
    system_vendor = types.wsattr(scalar.Text())
    system_product = types.wsattr(scalar.Text())
    system_serial = types.wsattr(scalar.Text())
    last_heartbeat_before = types.wsattr(scalar.Time())
    last_heartbeat_after = types.wsattr(scalar.Time())
    last_deployed_before = types.wsattr(scalar.Time())
    last_deployed_after = types.wsattr(scalar.Time())
    last_inspected_before = types.wsattr(scalar.Time())
    last_inspected_after = types.wsattr(scalar.Time())


class NodePatchQuery(types.Base):
    reset_interfaces = types.wsattr(scalar.Bool())


class Power(types.Base):
    target = types.wsattr(scalar.Choice('power on', 'power off', 'rebooting', 'soft power off', 'soft rebooting'),
                          mandatory=True)
    timeout = types.wsattr(scalar.Integer(1))


class Provision(types.Base):
    target = types.wsattr(scalar.Text(64), mandatory=True)
    configdrive = types.wsattr(scalar.Anything())
    clean_steps = types.wsattr(scalar.Anything())
    deploy_steps = types.wsattr(scalar.Anything())
    service_steps = types.wsattr(scalar.Anything())
    rescue_password = types.wsattr(scalar.Text(shortest=1))
    disable_ramdisk = types.wsattr(scalar.Bool())
    runbook = types.wsattr(scalar.Text())


class BootDevice(types.Base):
    boot_device = types.wsattr(
        scalar.Choice('pxe', 'disk', 'cdrom', 'bios', 'safe', 'wanboot', 'iscsiboot', 'floppy', 'uefihttp'), mandatory=True)
    persistent = types.wsattr(scalar.Bool(is_nullable=False))


class Maintenance(types.Base):
    reason = types.wsattr(scalar.Text(4096))
