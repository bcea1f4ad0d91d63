"""The conductors' side door: the same methods as their service, by node; finds the host that serves it."""

import functools
import time

from ingot import errors
from ingot.db import conductor, node
from ingot.db import operation as operations

#: What may be asked twice.
_QUESTIONS = frozenset({'ask', 'boot_device', 'boot_devices', 'validate', 'sensors', 'bmc_info', 'vendor_methods',
                        'driver_methods', 'continue_operation'})
#: Seconds for which a conductor that gave no sign of life is passed over: the list of those that live is not that quick.
_AVOIDED_SECONDS = 5


class Client:
    """Handed to the API. Every method raises what the conductor raises, Unavailable and NotFound when there is none.

    A request goes to the conductor that the node belongs to. When that one is dead, or about to end, it goes to the next, unless
    it may have begun already and is no mere question. Who gave no sign of life is not asked for some seconds: one request has
    waited for it, those that follow go to the next at once.
    """

    def __init__(self, transport, database):
        self._transport, self._database = transport, database
        self._avoided = {}              # host -> until when, monotonic

    def provision(self, ident, verb, arguments=None):
        """Ask for a verb of states/provision; {'operation': uuid or None}.

        :param ident: uuid or name; or the node's row, a dict with db.node.PLACE, of who has read it already.
        """
        return self._call(ident, 'provision', verb=verb, arguments=arguments or {})

    def power(self, ident, target, timeout=None):
        return self._call(ident, 'power', target=target, timeout=timeout)

    def ask(self, ident, kind, method, **arguments):
        """What a method of the node's ``kind`` interface answers; reads only (service.QUESTIONS)."""
        return self._call(ident, 'ask', kind=kind, method=method, arguments=arguments)

    def order(self, ident, kind, method, **arguments):
        """The same for what changes something on the machine, under the node's lock (service.ORDERS)."""
        return self._call(ident, 'order', kind=kind, method=method, arguments=arguments)

    def boot_device(self, ident):
        """{'boot_device', 'persistent'}."""
        return self._call(ident, 'boot_device')

    def set_boot_device(self, ident, device, is_persistent=False):
        return self._call(ident, 'set_boot_device', device=device, is_persistent=is_persistent)

    def boot_devices(self, ident):
        return self._call(ident, 'boot_devices')

    def validate(self, ident):
        """{interface: {'result': True, False or None, 'reason'}}."""
        return self._call(ident, 'validate')

    def sensors(self, ident):
        return self._call(ident, 'sensors')

    def bmc_info(self, ident):
        return self._call(ident, 'bmc_info')

    def vendor_methods(self, ident):
        """{name: what it is}."""
        return self._call(ident, 'vendor_methods')

    def vendor_call(self, ident, method, http_method, arguments):
        """{'async', 'attach', 'answer'}."""
        return self._call(ident, 'vendor_call', method=method, http_method=http_method, arguments=arguments)

    def driver_methods(self, driver):
        """As ``vendor_methods``, of those that need no node."""
        return self._call_driver(driver, 'driver_methods')

    def driver_call(self, driver, method, http_method, arguments):
        """As ``vendor_call``, of those that need no node."""
        return self._call_driver(driver, 'driver_call', method=method, http_method=http_method, arguments=arguments)

    def continue_operation(self, operation):
        """After a machine's report: a nudge; without it the conductor finds the report itself, a second later."""
        row = node.get(self._database, operations.get(self._database, operation)['node'], node.PLACE)
        return self._ask(functools.partial(self.host, row), 'continue_operation', {'operation': operation})

    def host(self, row, dead=()):
        """Host name of the conductor that a node belongs to; ``dead``: those that did not answer just now."""
        place = row['slot'], row['conductor_group'], row['driver']
        host = conductor.ring(self._database, dead).host(*place)
        if host is None:
            self._database.forget('ring')
            host = conductor.ring(self._database, dead).host(*place)
        if host is None:
            raise self._nobody(row['uuid'], row['conductor_group'], row['driver'], dead)
        return host

    def _nobody(self, uuid, group, driver, dead):
        if not conductor.alive(self._database) or dead:
            return errors.Unavailable(f'No conductor that serves node {uuid} is running.',
                                      remedy='Start one: "ingot conductor", or "ingot serve".')
        return errors.NotFound(f'No running conductor serves {conductor.named(group, driver)} of node {uuid}.',
                               remedy='Start one with [conductor] group and enabled_drivers like that, or change the node.')

    def _call(self, ident, name, /, **arguments):
        row = ident if isinstance(ident, dict) else node.get(self._database, ident, node.PLACE)
        return self._ask(functools.partial(self.host, row), name, {'node': row['uuid'], **arguments})

    def _call_driver(self, driver, name, /, **arguments):
        return self._ask(functools.partial(self._any, driver), name, {'driver': driver, **arguments})

    def _any(self, driver, dead=()):
        """A conductor with this driver, of whatever group."""
        hosts = sorted(one['hostname'] for one in conductor.alive(self._database)
                       if driver in one['drivers'] and one['hostname'] not in dead)
        if not hosts:
            raise errors.NotFound(f'No running conductor serves driver "{driver}".')
        return hosts[0]

    def _ask(self, host, name, arguments):
        """The answer of the first of ``host(dead)`` that gives one."""
        dead, refusal = set(), None
        while True:
            try:
                asked = self._choose(host, dead)
            except errors.Unavailable as nobody:
                raise refusal or nobody from None
            try:
                return self._transport.call(asked, name, arguments)
            except errors.Unavailable as error:
                if isinstance(error, errors.OtherRelease):
                    refusal = error
                if isinstance(error, errors.NoAnswer):
                    self._avoided[asked] = time.monotonic() + _AVOIDED_SECONDS
                is_untouched = isinstance(error, errors.NotBegun) or (isinstance(error, errors.NoAnswer) and name in _QUESTIONS)
                if not is_untouched or asked in dead:
                    raise
            dead.add(asked)

    def _choose(self, host, dead):
        """The first of ``host(dead)`` that is not avoided, or, where all are, the first."""
        avoided = {name for name, until in list(self._avoided.items()) if until > time.monotonic()} - dead
        if avoided:
            try:
                return host(dead | avoided)
            except (errors.Unavailable, errors.NotFound):
                pass
        return host(dead)
