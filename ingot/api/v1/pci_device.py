"""/v1/pci_devices, and those of one node: what was found, what is offered, what operators let others have."""

from ingot import errors
from ingot.api import edit, listing, nodes, patch, views
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.pci_device import Device, DeviceQuery, NodeDeviceQuery
from ingot.api.types.query import FieldsQuery
from ingot.db import offer as offers
from ingot.db import pci_flavor
from ingot.db.pci_device import STORE, uuid_at
from ingot.scheduler import device, offer

_OF_NODE = shape(('pci_devices', 'offer_digest'), pci_devices=some({'$ref': '#/components/schemas/Device'}), offer_digest=str,
                 next=str)
_DEFAULTS = {'labels': {}}


class Devices(Resource):
    """All devices, of every node."""

    @expose(query=DeviceQuery, noun=views.DEVICE)
    def list(self, call):
        """What is known of the PCI devices of all nodes, the oldest first."""
        return listing.page(self.site, call, views.DEVICE, pci_flavor.rows)

    @expose(query=FieldsQuery, noun=views.DEVICE)
    def get(self, call, ident):
        return shown(self.site, call, ident)

    @expose(body=patch.read, patched=Device, noun=views.DEVICE)
    def patch(self, call, operations, ident):
        """Enable, disable, drain, repair (``state``), label, or group (``unit``) a device."""
        return change(self.site, call, operations, ident)


class OfNode(Resource):
    """Those of one node, each by its address or uuid."""

    def takes(self, word):
        return super().takes(word.replace(':', '-'))     # addresses, 0000:3b:00.0

    @expose(query=NodeDeviceQuery, answer=_OF_NODE)
    def list(self, call, ident):
        """The PCI devices of a node, and the digest of the list by which they are offered."""
        node = nodes.uuid(self.site, ident)
        document = listing.page(self.site, call, views.DEVICE, pci_flavor.rows, path=f'nodes/{ident}/pci_devices',
                                filters={'node': node})
        return {**document, 'offer_digest': offers.digest(self.site.database, node)}

    @expose(query=FieldsQuery, noun=views.DEVICE)
    def get(self, call, ident, device):
        return shown(self.site, call, uuid_at(self.site.database, ident, device))

    @expose(body=patch.read, patched=Device, noun=views.DEVICE)
    def patch(self, call, operations, ident, device):
        """Enable, disable, drain, repair (``state``), label, or group (``unit``) a device."""
        return change(self.site, call, operations, uuid_at(self.site.database, ident, device))


def shown(site, call, uuid):
    """The answer that shows the device ``uuid``."""
    view = views.view(views.DEVICE, listing.one_fields(call, views.DEVICE), call.minor)
    return edit.shown(call, view, STORE.show(site.database, uuid, view.columns))


def change(site, call, operations, uuid):
    """The answer to a patch of the device ``uuid``."""
    edit.check(operations, Device, views.DEVICE, (), call.minor)
    view = views.view(views.DEVICE, None, call.minor)

    def decide(current):
        changed = edit.changes(operations, Device, current, _DEFAULTS)
        if 'unit' in changed:
            _refuse_given(current, 'its unit cannot change')
        return _moved(current, changed) if 'state' in changed else changed
    return edit.shown(call, view, STORE.edit(site.database, uuid, view.columns, decide, generation=call.generations))


def _moved(current, changed):
    """``changed`` with the state that the wish for ``state`` makes; InvalidState when it cannot be, or the host refuses it."""
    events = device.WISHES[changed['state']]
    event = next((event for event in events if (current['state'], event) in device.MOVES), events[0])
    state, reason = device.move(current['state'], event), f'{device.PAST[event]} on request.'
    if event == 'enable':
        offer.check(current)
        state, reason = device.move(state, 'accept'), None
    if event == 'repair':
        _refuse_given(current, 'it cannot be repaired')
        reason = None
    after = {'state_reason': reason, **changed, 'state': state}
    return {name: value for name, value in after.items() if value != current[name]}


def _refuse_given(current, what):
    if current['allocation_id'] is not None:
        raise errors.InvalidState(f'PCI device {current["address"]} of node {current["node_uuid"]} is given to an allocation: '
                                  f'{what} now.', remedy='Release the allocation first.')
