"""Vendor methods: what a driver offers beyond the API, called by name on a node, or on the driver itself."""

import logging

from ingot import errors

log = logging.getLogger(__name__)


def methods(crew, node):
    """{name: what it is} of the node's vendor interface."""
    return _ask(crew.drivers.of(node).interface(node, 'vendor'), 'methods', node)


def call(crew, node, method, http_method, arguments):
    """Carry out a method of the node's vendor interface: {'async', 'attach', 'answer'}; the answer of asynchronous ones is lost.

    Invalid for methods that are unknown or called in the wrong way, before anything is done.
    """
    interface = crew.drivers.of(node).interface(node, 'vendor')
    about = _find(_ask(interface, 'methods', node), method, http_method, f'Node {node["uuid"]}')
    interface.check(node, method, arguments)
    if not about['require_exclusive_lock']:
        return _shared(crew, interface, about, node, method, http_method, arguments)
    task = crew.take(node['uuid'], f'vendor method {method}')
    if about['async']:
        crew.work(task, lambda: _later(task, method, http_method, arguments))
        return _told(about, None)
    with crew.releasing(task, is_always=True):
        return _told(about, interface.call(task.node, method, http_method, arguments))


def _shared(crew, interface, about, node, method, http_method, arguments):
    """Without the lock: others may work on the node meanwhile."""
    def work():
        return interface.call(node, method, http_method, arguments)
    if about['async']:
        crew.pool.submit(_logged, node, method, work)
        return _told(about, None)
    return _told(about, work())


def _later(task, method, http_method, arguments):
    """In the background; what goes wrong is told in last_error. Lets go of the lock."""
    error = _logged(task.node, method, lambda: task.interface('vendor').call(task.node, method, http_method, arguments))
    if error:
        task.save({'last_error': f'Vendor method "{method}" failed: {error}'})
    task.release()


def _logged(node, method, work):
    """Do ``work``; the words of what went wrong, or None."""
    try:
        work()
    except errors.Stale:
        raise                                   # whoever has the node now tells what is true of it
    except Exception as error:
        log.warning('Node %s: vendor method "%s" failed: %s', node['uuid'], method, error)
        return error.explain() if isinstance(error, errors.IngotError) else f'internal error {type(error).__name__}.'
    return None


def driver_methods(drivers, driver):
    """{name: what it is} of the methods that need no node."""
    return _ask(_of_driver(drivers, driver), 'driver_methods')


def driver_call(drivers, driver, method, http_method, arguments):
    """As ``call``, of a method that needs no node; it is carried out before this returns, also when it is asynchronous."""
    interface = _of_driver(drivers, driver)
    about = _find(_ask(interface, 'driver_methods'), method, http_method, f'Driver {driver}')
    return _told(about, interface.driver_call(method, http_method, arguments))


def _of_driver(drivers, driver):
    hardware = drivers.hardware.get(driver)
    if hardware is None:
        raise errors.NotFound(f'Driver {driver} is not enabled here; enabled: {", ".join(drivers.hardware) or "none"}.')
    return hardware.interfaces.get('vendor', {}).get(hardware.default('vendor'))


def _ask(interface, question, *arguments):
    ask = getattr(interface, question, None)
    return ask(*arguments) if ask else {}


def _find(known, method, http_method, whose):
    if method not in known:
        raise errors.Invalid(f'{whose} has no vendor method "{method[:100]}"; it has: {", ".join(known) or "none"}.')
    if http_method not in known[method]['http_methods']:
        raise errors.Invalid(f'{whose}: the vendor method "{method}" does not take {http_method}; it takes: '
                             f'{", ".join(known[method]["http_methods"])}.')
    return known[method]


def _told(about, answer):
    return {'async': about['async'], 'attach': about['attach'], 'answer': None if about['async'] else answer}
