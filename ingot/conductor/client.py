"""The conductors' side door: the same methods as their service, by node; finds the host that serves it."""

from ingot import errors
from ingot.db import conductor, node
from ingot.db import operation as operations


class Client:
    """Handed to the API. Every method raises what the conductor raises, Unavailable and NotFound when there is none."""

    def __init__(self, transport, database):
        self._transport, self._database = transport, database

    def provision(self, ident, verb, arguments=None):
        """Ask for a verb of states/provision; {'operation': uuid or None}."""
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
        row = node.get(self._database, operations.get(self._database, operation)['node'])
        return self._transport.call(self.host(row), 'continue_operation', {'operation': operation})

    def host(self, row):
        """Host name of the conductor for a node."""
        online = conductor.online(self._database)
        if not online:
            raise errors.Unavailable('No conductor is running.', remedy='Start one: "ingot conductor", or "ingot serve".')
        for one in online:
            if row['driver'] in one['drivers']:
                return one['hostname']
        raise errors.NotFound(f'No running conductor serves driver "{row["driver"]}" of node {row["uuid"]}.',
                              remedy='Enable it in [conductor] enabled_drivers, or change the node\'s driver.')

    def _call(self, ident, name, /, **arguments):
        row = node.get(self._database, ident)
        return self._transport.call(self.host(row), name, {'node': row['uuid'], **arguments})

    def _call_driver(self, driver, name, /, **arguments):
        host = self.host({'driver': driver, 'uuid': 'any'})
        return self._transport.call(host, name, {'driver': driver, **arguments})
