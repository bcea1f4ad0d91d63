"""The conductor's RPC methods: take the lock, name a flow, nothing else. JSON in, JSON out."""

import functools

from ingot import errors, states
from ingot.conductor import crew, deploy, information, members, periodic, vendor
from ingot.conductor import verb as verbs
from ingot.db import lookup
from ingot.db import node as nodes
from ingot.db import operation as operations
from ingot.drivers.base import INTERFACES

#: (interface kind, method) that ``ask`` may call.
QUESTIONS = {
    ('management', 'boot_devices'), ('management', 'indicators'), ('management', 'indicator'), ('management', 'boot_modes'),
    ('management', 'media'), ('console', 'console'), ('network', 'vifs'), ('raid', 'check'),
}
#: (interface kind, method) that ``order`` may call: the purpose of its lock, and what the node's row remembers of it.
ORDERS = {
    ('management', 'inject_nmi'): ('inject NMI', {}),
    ('management', 'set_indicator'): ('set indicator', {}),
    ('management', 'set_boot_mode'): ('set boot mode', {'boot_mode': 'mode'}),
    ('management', 'set_secure_boot'): ('set secure boot', {'secure_boot': 'is_on'}),
    ('management', 'attach_media'): ('attach virtual media', {}),
    ('management', 'detach_media'): ('detach virtual media', {}),
    ('console', 'start'): ('start console', {'console_enabled': True}),
    ('console', 'stop'): ('stop console', {'console_enabled': False}),
    ('network', 'attach_vif'): ('attach VIF', {}),
    ('network', 'detach_vif'): ('detach VIF', {}),
}


class Service:
    """One conductor: ``start`` it, call its methods from any thread, ``stop`` it."""

    def __init__(self, conf, database, drivers):
        self.conf, self.database, self.drivers = conf, database, drivers
        information.current(conf)            # a broken file is refused here, at start
        self.crew = crew.Crew(conf, database, drivers)
        self.periodic = periodic.Periodic(self.crew)
        for service in drivers.context.services.values():
            if hasattr(service, 'elsewhere'):
                service.elsewhere = functools.partial(lookup.boot_url, database, host=conf.host)

    def start(self):
        """Take up again at once what a former life of this host has left, then serve."""
        members.join(self.conf, self.database, self.drivers)
        self.crew.take_up()
        self.periodic.start()

    def stop(self):
        """Finish the steps that run, leave the rest to whoever is next; waits some seconds at most.

        Periodic work ends last: it renews the leases of the steps that still run.
        """
        self.leave()
        self.crew.stop()
        self.periodic.stop()
        self.crew.sync.close()
        self.crew.reporter.close()

    def drain(self):
        """Finish every flow that runs, however long that takes, while requests go to other conductors; then return."""
        self.leave()
        self.crew.finish()

    def leave(self):
        """Take on nothing more, and say so on the list: requests are refused as not begun, questions still answered."""
        self.crew.close()
        members.leave(self.conf, self.database)

    def provision(self, node, verb, arguments=None):
        """Accept a verb of states/provision; {'operation': uuid, or None when there was nothing to do but to move}.

        :param arguments: configdrive, clean_steps. Raises Locked, Invalid (of the state, the node, the arguments).
        """
        event = verbs.event(verb)
        task = self.crew.take(node, verb)
        with self.crew.releasing(task):
            return {'operation': verbs.accept(self.crew, task, event, arguments or {})}

    def power(self, node, target, timeout=None):
        """Accept a power action; target_power_state is null again when it is over."""
        row = nodes.get(self.database, node)
        supported = self._interface(row, 'power').supported(row)
        if target not in supported:
            raise errors.Invalid(f'Node {node}: no power action "{target}"; possible: {", ".join(supported)}.')
        _refuse_power(row)
        task = self.crew.take(row['uuid'], target)
        with self.crew.releasing(task):
            _refuse_power(task.node)
            task.save({'target_power_state': states.POWER_RESULT[target], 'last_error': None})
            self.crew.switch(task, target, timeout)

    def ask(self, node, kind, method, arguments=None):
        """What ``method`` of the node's ``kind`` interface answers; reads only, without the lock. See QUESTIONS."""
        row = nodes.get(self.database, node)
        return self._method(QUESTIONS, row, kind, method)(row, **(arguments or {}))

    def order(self, node, kind, method, arguments=None):
        """As ``ask``, for what changes something on the machine: under the node's lock, until it is done. See ORDERS."""
        arguments, row = arguments or {}, nodes.get(self.database, node)
        self._method(ORDERS, row, kind, method)
        purpose, remembered = ORDERS[kind, method]
        task = self.crew.take(row['uuid'], purpose)
        with self.crew.releasing(task, is_always=True):
            answer = self._method(ORDERS, task.node, kind, method)(task.node, **arguments)
            if remembered:
                task.save({column: arguments.get(source, source) for column, source in remembered.items()})
            return answer

    def boot_device(self, node):
        row = nodes.get(self.database, node)
        device = self._interface(row, 'management').boot_device(row)
        return {'boot_device': device.device, 'persistent': device.is_persistent}

    def set_boot_device(self, node, device, is_persistent=False):
        row = nodes.get(self.database, node)
        task = self.crew.take(row['uuid'], 'set boot device')
        with self.crew.releasing(task, is_always=True):
            task.interface('management').set_boot_device(task.node, device, is_persistent=is_persistent)

    def boot_devices(self, node):
        row = nodes.get(self.database, node)
        return self._interface(row, 'management').boot_devices(row)

    def sensors(self, node):
        row = nodes.get(self.database, node)
        return self._interface(row, 'management').sensors(row)

    def bmc_info(self, node):
        row = nodes.get(self.database, node)
        return self._interface(row, 'management').bmc_info(row)

    def validate(self, node):
        """{interface: {'result': True, False, or None where the driver has none, 'reason': why not}}."""
        row = nodes.get(self.database, node)
        return {kind: self._validate(row, kind) for kind in INTERFACES if kind != 'vendor'}     # its methods check themselves

    def vendor_methods(self, node):
        return vendor.methods(self.crew, nodes.get(self.database, node))

    def vendor_call(self, node, method, http_method, arguments):
        return vendor.call(self.crew, nodes.get(self.database, node), method, http_method, arguments)

    def driver_methods(self, driver):
        return vendor.driver_methods(self.drivers, driver)

    def driver_call(self, driver, method, http_method, arguments):
        return vendor.driver_call(self.drivers, driver, method, http_method, arguments)

    def continue_operation(self, operation):
        """The machine has reported: go on, unless somebody does already."""
        if operations.is_reported(self.database, operation):
            self.crew.resume(operations.get(self.database, operation)['node'], operation)

    def begin(self, items):
        """Another conductor gave places to operations of ours, [[node, purpose]]: begin with those that wait for us still."""
        for node, purpose in items:
            if not self.crew.is_closed:
                self.crew.adopt(node, purpose)

    def _method(self, table, row, kind, method):
        """The method of the node's interface; Invalid when nobody is asked for it, or the interface has it not."""
        if (kind, method) not in table:
            raise errors.Invalid(f'Conductors are not asked for {kind}.{method}.')
        found = getattr(self._interface(row, kind), method, None)
        if found is None:
            chosen = f'{kind}_interface "{row[f"{kind}_interface"]}"'
            raise errors.Invalid(f'Node {row["uuid"]}: its {chosen} (driver {row["driver"]}) '
                                 f'does not support {method.replace("_", " ")}.')
        return found

    def _interface(self, row, kind):
        return self.drivers.of(row).interface(row, kind)

    def _validate(self, row, kind):
        if not self.drivers.of(row).interfaces.get(kind):
            return {'result': None, 'reason': f'Driver {row["driver"]} has no {kind} interface.'}
        try:
            self._interface(row, kind).validate(row)
            if kind == 'deploy':
                deploy.check_traits(row)
        except errors.IngotError as error:
            return {'result': False, 'reason': error.explain()}
        return {'result': True}


def _refuse_power(row):
    """A machine that an operation works with keeps the power state that the operation needs."""
    if row['provision_state'] in states.WAITING or row['provision_state'] == 'cleaning':
        raise errors.InvalidState(f'Node {row["uuid"]}: no power action while its state is "{row["provision_state"]}".',
                                  remedy='Abort what is under way first.')

