"""/v1/pci_flavors: names for kinds of PCI devices, the devices that they mean, and how many of them can be had."""

from ingot import errors
from ingot.api import collection, listing, patch, views
from ingot.api.answers import shape, some
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.pci_device import NodeDeviceQuery
from ingot.api.types.pci_flavor import CREATE_ONLY, Flavor, FlavorQuery, Preview
from ingot.db import pci_flavor
from ingot.scheduler import match

_STATES = {'type': 'object', 'additionalProperties': {'type': 'integer'}}
_COUNT = {'matching': int, 'available': int, 'by_state': _STATES}
_PREVIEW = shape(**_COUNT, nodes=some(shape(node=str, name=str, **_COUNT)), nodes_in_all=int, warning=str)

_CAPACITY = shape(flavor=str, devices=int, exclusive=int, shared=_STATES, satisfiable=int, nodes_in_all=int, nodes=some(
    shape(node=str, name=str, devices=int, satisfiable=int)))


def tree(site):
    return Flavors(site, fixed={'preview': Previews(site)}, children={'devices': DevicesOf(site), 'capacity': Capacity(site)})


class Flavors(collection.Collection):
    noun, store, type, query = views.FLAVOR, pci_flavor.STORE, Flavor, FlavorQuery
    create_only = CREATE_ONLY
    defaults = {'public': True, 'extra': {}}

    @expose(body=Flavor, status=201, noun=views.FLAVOR)
    def create(self, call, body):
        """Make a flavor; ``warning`` says so when it means no device now."""
        return self._warned(collection._create(self, call, body))

    @expose(body=patch.read, patched=Flavor, noun=views.FLAVOR)
    def patch(self, call, operations, ident):
        """Change a flavor. Claims stand as they are; from now on it means what it says now."""
        answer = collection._patch(self, call, operations, ident)
        return self._warned(answer) if 'match' in patch.roots(operations) else answer

    @expose(status=204)
    def delete(self, call, ident):
        """Delete a flavor; 409 while allocations have devices by it."""
        self.store.delete(self.site.database, ident, generation=call.generations, also=pci_flavor.refuse_claimed)

    def prepare(self, call, body):
        _check(self.site, body)
        return body

    def complete(self, call, current, changed):
        _check(self.site, {**current, **changed}, changed)
        return changed

    def _warned(self, answer):
        wanted = pci_flavor.STORE.get(self.site.database, answer.body['uuid'])['match']
        words = pci_flavor.warning(self.site.database, wanted)
        return Answer({**answer.body, **({'warning': words} if words else {})}, answer.status, **answer.headers)


class Previews(Resource):
    """POST /v1/pci_flavors/preview"""

    @expose(body=Preview, answer=_PREVIEW)
    def create(self, call, body):
        """What a match means now, before it is saved: counts by state, and by node, those that can give most first."""
        check_match(self.site, body['match'])
        found, most = pci_flavor.count(self.site.database, body['match']), self.site.conf.api.max_limit
        return {**found, 'nodes': found['nodes'][:most], 'nodes_in_all': len(found['nodes']),
                'warning': None if found['matching'] else pci_flavor.warning(self.site.database, body['match'])}


class DevicesOf(Resource):
    """GET /v1/pci_flavors/IDENT/devices"""

    @expose(query=NodeDeviceQuery, noun=views.DEVICE)
    def list(self, call, ident):
        """The devices that a flavor means, the oldest first."""
        return listing.page(self.site, call, views.DEVICE, pci_flavor.rows, path=f'pci_flavors/{ident}/devices',
                            filters={'flavor': ident})


class Capacity(Resource):
    """GET /v1/pci_flavors/IDENT/capacity"""

    @expose(answer=_CAPACITY)
    def list(self, call, ident):
        """What can be had by a flavor now: its own devices, those shared with other flavors, and what each node can give."""
        found, most = pci_flavor.capacity(self.site.database, ident), self.site.conf.api.max_limit
        return {**found, 'nodes': found['nodes'][:most], 'nodes_in_all': len(found['nodes'])}


class Allowed(frozenset):
    """Names that flavors may use: those in it, and where "labels" is among them every name of a label."""

    def __contains__(self, name):
        return super().__contains__(name) or (super().__contains__('labels') and name not in match.ATTRIBUTES)


def check_match(site, wanted):
    """Invalid unless ``wanted`` is a match that names only what the operator allows."""
    match.check(wanted)
    match.check(wanted, Allowed(site.conf.pci.flavor_attributes))


def _check(site, values, changed=None):
    if 'match' in (values if changed is None else changed):
        check_match(site, values['match'])
    if values['name'] == 'preview':
        raise errors.Invalid('"preview" is a word of the API, no name of a flavor.')
    if not values.get('public', True) and not values.get('owner'):
        raise errors.Invalid('A flavor that is not public needs an owner: nobody else could use it.')
