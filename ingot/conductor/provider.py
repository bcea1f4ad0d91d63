"""A node's resource provider in OpenStack Placement: its uuid and name are the node's uuid, as with Nova's virt driver.

It has one of the node's resource class, reserved unless an instance can be put on the node now, and the node's traits. What
somebody else put there (other classes, other traits, aggregates) stays: what is ours is what we told last.
Source: https://docs.openstack.org/api-ref/placement/, microversion 1.26 (reserved may be all there is).
"""

from ingot import errors
from ingot.db.placement import Result

_HEADERS = {'OpenStack-API-Version': 'placement 1.26', 'Accept': 'application/json'}
_SECONDS = 30
#: How often it is begun anew when others change the same provider.
_TURNS = 10


class _Changed(Exception):
    """Somebody was faster, or what was known of it is not so any more: read it again."""


def connect(conf):
    """A keystoneauth adapter for Placement as [placement] says; Unavailable when clouds.yaml has no such entry."""
    from keystoneauth1 import adapter, session, token_endpoint
    if not conf.cloud:
        auth = token_endpoint.Token(conf.endpoint.rstrip('/'), conf.token or '')
        return adapter.Adapter(session.Session(auth=auth), service_type='placement')
    from openstack import config, exceptions
    try:
        cloud = config.OpenStackConfig().get_one(cloud=conf.cloud)
        return adapter.Adapter(cloud.get_session(), service_type=cloud.get_service_type('placement'),
                               interface=cloud.get_interface('placement'), region_name=cloud.get_region_name('placement'),
                               endpoint_override=cloud.get_endpoint('placement'))
    except exceptions.ConfigException as error:
        raise errors.Unavailable(f'[placement] cloud = {conf.cloud}: {str(error).rstrip(".")}.') from None


class Providers:
    """All that is asked of one Placement. Unavailable when it does not answer as it should; nothing has been decided then."""

    def __init__(self, conf):
        self._adapter = connect(conf)
        self._known = set()                # classes and traits that are there

    def every(self):
        """{uuid: generation} of all providers."""
        return {one['uuid']: one['generation'] for one in self._ask('GET', '/resource_providers').json()['resource_providers']}

    def tell(self, uuid, look):
        """Bring the provider of the node ``uuid`` into accord with what is wanted; a Result.

        ``look()``: see ``db.placement.look``; called again whenever Placement says that it holds something else than we knew.
        """
        try:
            return self._switch(uuid, *look()) or self._insist(uuid, look)
        except errors.Conflict as error:
            return Result(error=str(error), is_refused=True)

    def _insist(self, uuid, look):
        for _ in range(_TURNS):
            try:
                return self._settle(uuid, look)
            except _Changed as error:
                last = str(error)
        raise errors.Conflict(f'Its provider was changed by others {_TURNS} times in a row; the last time: {last}')

    def _switch(self, uuid, wanted, told):
        """The short way, one request: only whether it is reserved differs from what was told last. None: it is none."""
        said = told and told['said']
        if wanted is None or not said or told['provider_generation'] is None or not wanted['resource_class'] \
                or {**said, 'reserved': 0} != {**wanted, 'reserved': 0}:
            return None
        if said == wanted:
            return Result(said, told['provider_generation'], told['provider_generation'], is_pushed=False, error=told['error'])
        answer = self._ask('PUT', f'/resource_providers/{uuid}/inventories/{wanted["resource_class"]}', {
            'resource_provider_generation': told['provider_generation'], **_inventory(wanted)}, may_fail=True)
        if answer.status_code != 200:
            return None
        return Result(wanted, answer.json()['resource_provider_generation'], told['provider_generation'], error=told['error'])

    def _settle(self, uuid, look):
        """The long way: read what is there, then what is to be, and write what differs. _Changed, and Conflict."""
        wanted, told = look()
        if wanted is None:                     # no provider is made to be deleted
            return self._forget(uuid, told)
        there = self._there(uuid)
        wanted, told = look()                  # what was true after that generation
        if wanted is None:
            raise _Changed('the node was deleted')
        said, before = (told['said'] or {}, told['provider_generation']) if told else ({}, None)
        generation = self._write_inventory(uuid, there, wanted, said)
        generation, unknown = self._write_traits(uuid, generation, wanted, said)
        error = f'Placement does not know, and was not told: {", ".join(unknown)}.' if unknown else None
        return Result(wanted, generation, before, error=error)

    def _there(self, uuid):
        """Its generation and inventories; it is made if it is not there."""
        answer = self._ask('GET', f'/resource_providers/{uuid}/inventories', may_fail=True)
        if answer.status_code == 404:
            made = self._ask('POST', '/resource_providers', {'name': uuid, 'uuid': uuid}, may_fail=True)
            if made.status_code != 200:
                raise errors.Conflict(f'Its provider cannot be made: {_words(made)}')
            return {'resource_provider_generation': made.json()['generation'], 'inventories': {}}
        return answer.json()

    def _write_inventory(self, uuid, there, wanted, said):
        """The generation after it."""
        after = {name: held for name, held in there['inventories'].items() if name != said.get('resource_class')}
        if wanted['resource_class']:
            after[wanted['resource_class']] = _inventory(wanted)
        if after == there['inventories']:
            return there['resource_provider_generation']
        self._make_class(wanted['resource_class'])
        return self._write(uuid, 'inventories', there['resource_provider_generation'], after)

    def _write_traits(self, uuid, generation, wanted, said):
        """(The generation after it, traits that Placement does not know). Others' writes in between raise _Changed."""
        held = set(self._ask('GET', f'/resource_providers/{uuid}/traits', may_fail=True).json().get('traits', ()))
        unknown = self._make_traits(wanted['traits'])
        after = held - set(said.get('traits', ())) | (set(wanted['traits']) - unknown)
        if after != held:
            generation = self._write(uuid, 'traits', generation, sorted(after))
        return generation, sorted(unknown)

    def _write(self, uuid, what, generation, value):
        answer = self._ask('PUT', f'/resource_providers/{uuid}/{what}', {
            'resource_provider_generation': generation, what: value}, may_fail=True)
        if answer.status_code == 200:
            return answer.json()['resource_provider_generation']
        if answer.status_code == 409 and _code(answer) == 'placement.inventory.inuse':
            raise errors.Conflict(f'Its provider keeps what it had: {_words(answer)}')
        if answer.status_code == 400:           # a class or a trait is gone since we made sure of it
            self._known.clear()
        raise _Changed(_words(answer))

    def _make_class(self, name):
        if name and name not in self._known:
            self._ask('PUT', f'/resource_classes/{name}')
            self._known.add(name)

    def _make_traits(self, names):
        """Make those that are custom; the set of those that are unknown standard ones."""
        new = set(names) - self._known
        for name in new:
            if name.startswith('CUSTOM_'):
                self._ask('PUT', f'/traits/{name}')
                self._known.add(name)
        standard = sorted(name for name in new if not name.startswith('CUSTOM_'))
        if not standard:
            return set()
        there = set(self._ask('GET', f'/traits?name=in:{",".join(standard)}').json()['traits'])
        self._known |= there
        return set(standard) - there

    def _forget(self, uuid, told):
        """The node is no more: so is its provider, unless something is allocated from it (Conflict; it takes nothing new)."""
        answer = self._ask('DELETE', f'/resource_providers/{uuid}', may_fail=True)
        if answer.status_code in (204, 404):
            return Result()
        name, there = ((told and told['said']) or {}).get('resource_class'), self._there(uuid)
        held = there['inventories'].get(name)
        if held and not held['reserved']:
            self._write(uuid, 'inventories', there['resource_provider_generation'],
                        {**there['inventories'], name: {**held, 'reserved': 1}})
        raise errors.Conflict(f'The node is deleted, its provider is in use: {_words(answer)}')

    def _ask(self, method, path, body=None, *, may_fail=False):
        """The answer; ``may_fail``: one with 400, 404 or 409 as well."""
        from keystoneauth1 import exceptions
        try:
            answer = self._adapter.request(path, method, json=body, headers=_HEADERS, raise_exc=False, timeout=_SECONDS)
        except exceptions.ClientException as error:
            raise errors.Unavailable(f'OpenStack Placement cannot be asked: {str(error).partition(": HTTP")[0]}.') from None
        status = answer.status_code
        if status >= 400 and not (may_fail and status in (400, 404, 409)):
            what = f'{method} {path.partition("?")[0]}'
            raise errors.Unavailable(f'OpenStack Placement answers {what} with {status}: {_words(answer)}')
        return answer


def _inventory(wanted):
    return {'total': 1, 'reserved': wanted['reserved'], 'min_unit': 1, 'max_unit': 1, 'step_size': 1, 'allocation_ratio': 1.0}


def _error(answer):
    try:
        return answer.json()['errors'][0]
    except (ValueError, LookupError, TypeError):
        return {}


def _code(answer):
    return _error(answer).get('code')


def _words(answer):
    """What it says, without the sentence that all such answers have."""
    return ' '.join(str(_error(answer).get('detail', answer.reason)).split()).rpartition('request. ')[2][:500]
