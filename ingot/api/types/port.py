"""A port as clients write it, and the queries on ports."""

import re

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery

_SWITCH_ID = re.compile(r'(?:[0-9a-f]{2}:){5}(?:[0-9a-f]{2}:[0-9a-f]{2}:)?[0-9a-f]{2}|[0-9a-f]{16}', re.ASCII)
_OF_VTEP = frozenset({'vtep-logical-switch', 'vtep-physical-switch'})
#: Each of these is enough to know a link; all members are strings.
_WHOLE = ({'switch_id', 'port_id'}, {'port_id', 'hostname'}, {'port_id', *_OF_VTEP})
_MEMBERS = frozenset({'switch_info', 'network_type'}.union(*_WHOLE))


class LocalLink(scalar.Object):
    """Which switch port a card is wired to, the host of a smart NIC, or that nobody manages it."""

    name = 'local_link_connection'
    accepts = ('an object with switch_id (a MAC address or an OpenFlow datapath id) and port_id, or with hostname and port_id, '
               'or {"network_type": "unmanaged"}; switch_info may go with it, and all of it are strings')

    def check(self, value):
        members = super().check(value).keys()
        if not members <= _MEMBERS or not all(isinstance(one, str) and '\0' not in one for one in value.values()):
            self.refuse()
        if members and value.get('network_type') != 'unmanaged' and not any(members >= whole for whole in _WHOLE):
            self.refuse()
        if value.get('network_type') not in (None, 'managed', 'unmanaged') or 0 < len(members & _OF_VTEP) < len(_OF_VTEP):
            self.refuse()
        if 'switch_id' not in value:
            return value
        switch = value['switch_id'].lower()
        return {**value, 'switch_id': switch} if _SWITCH_ID.fullmatch(switch) else self.refuse()


class Port(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    address = types.wsattr(scalar.Mac(is_nullable=False), mandatory=True)
    node_uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    node_ident = types.wsattr(scalar.Text(is_nullable=False))
    portgroup_uuid = types.wsattr(scalar.Uuid())
    name = types.wsattr(scalar.Name())
    description = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())
    local_link_connection = types.wsattr(LocalLink())
    pxe_enabled = types.wsattr(scalar.Bool(is_nullable=False))
    physical_network = types.wsattr(scalar.Text(64, shortest=1))
    is_smartnic = types.wsattr(scalar.Bool(is_nullable=False))
    available_for_dynamic_portgroup = types.wsattr(scalar.Bool(is_nullable=False))
    vendor = types.wsattr(scalar.Text(32))
    category = types.wsattr(scalar.Text(80))


#: ``node_uuid`` is what answers show; to move a port to another node, patch it.
CREATE_ONLY = frozenset({'uuid', 'node_ident'})


class PortQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    node_uuid = types.wsattr(scalar.Uuid())
    address = types.wsattr(scalar.Mac())
    portgroup = types.wsattr(scalar.Text())
    shard = types.wsattr(scalar.Words())
    conductor_groups = types.wsattr(scalar.Words(0))       # the default group has no name
    description_contains = types.wsattr(scalar.Text())
