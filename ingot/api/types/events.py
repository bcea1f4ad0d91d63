"""External events, as network services send them."""

from wsme import types

from ingot.api.types import scalar

_KINDS = ('network.bind_port', 'network.unbind_port', 'network.delete_port')


class EventList(scalar.Scalar):
    """A list of external events."""

    basetype = list
    name = 'events'
    accepts = ('a list of objects with event (' + ', '.join(_KINDS) + '), port_id, mac_address and status; device_id, '
               'binding:host_id and binding:vnic_type may go with them')
    _MEMBERS = {
        'event': scalar.Choice(*_KINDS, is_nullable=False), 'port_id': scalar.Uuid(is_nullable=False),
        'mac_address': scalar.Mac(is_nullable=False), 'status': scalar.Text(is_nullable=False),
        'device_id': scalar.Text(), 'binding:host_id': scalar.Text(), 'binding:vnic_type': scalar.Text()}
    _NEEDED = frozenset({'event', 'port_id', 'mac_address', 'status'})

    def check(self, value):
        if not isinstance(value, list) or not value:
            self.refuse()
        return [self._event(event) for event in value]

    def _event(self, event):
        if not isinstance(event, dict) or not self._NEEDED <= event.keys() <= self._MEMBERS.keys():
            self.refuse()
        return {name: self._MEMBERS[name].validate(given) for name, given in event.items()}


class Events(types.Base):
    events = types.wsattr(EventList(is_nullable=False), mandatory=True)
