"""Finds the enabled hardware types by their entry points (namespace ``ingot.drivers``); the only user of stevedore."""

import dataclasses
import logging

from stevedore import named

from ingot import errors
from ingot.drivers import base

NAMESPACE = 'ingot.drivers'
LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Drivers:
    """The hardware types of this process by name, and the services that they share."""

    context: base.Context
    hardware: dict            # {'ipmi': base.Hardware, ...}, in the order of conf.conductor.enabled_drivers

    def start(self):
        """Start all services in the order in which they were made; when one fails, none is left running."""
        started = []
        try:
            for service in _services(self.context, 'start'):
                started.insert(0, service)
                service.start()
        except BaseException:
            _stop(started)
            raise

    def stop(self):
        """Stop all services, the newest first; what one of them raises is logged."""
        _stop(_services(self.context, 'stop')[::-1])

    def of(self, node):
        """The hardware type of ``node``; InvalidParameter when it is not enabled here."""
        if node['driver'] not in self.hardware:
            raise errors.InvalidParameter(
                f'Node {node["uuid"]}: driver "{node["driver"]}" is not enabled here; enabled: '
                f'{", ".join(self.hardware) or "none"}.', remedy='Set [conductor] enabled_drivers, or PATCH /driver.')
        return self.hardware[node['driver']]

    def describe(self):
        """{name: {'interfaces': {kind: [names, the default first]}, 'properties': {driver_info key: sentence}}}."""
        return {name: _describe(hardware) for name, hardware in self.hardware.items()}


def load(conf):
    """Drivers with all of ``conf.conductor.enabled_drivers``; IngotError names an entry point that is missing or broken."""
    context = base.Context(conf)
    found = named.NamedExtensionManager(
        NAMESPACE, conf.conductor.enabled_drivers, name_order=True, on_load_failure_callback=_refuse_broken,
        on_missing_entrypoints_callback=_refuse_missing)
    return Drivers(context, {extension.name: _make(extension, context) for extension in found})


def _make(extension, context):
    try:
        hardware = extension.plugin(context)
    except Exception as error:
        raise _broken(extension.entry_point, error) from error
    if not isinstance(hardware, base.Hardware):
        raise _broken(extension.entry_point, f'it gave {type(hardware).__name__}, not ingot.drivers.base.Hardware')
    return hardware


def _refuse_broken(manager, entry_point, error):
    raise _broken(entry_point, error) from error


def _broken(entry_point, error):
    why = error if isinstance(error, str) else f'{type(error).__name__}: {error}'
    return errors.IngotError(f'Driver "{entry_point.name}" (entry point {entry_point.value} in {NAMESPACE}) cannot be '
                             f'loaded: {why}', remedy='Repair its package, or take it out of [conductor] enabled_drivers.')


def _refuse_missing(names):
    raise errors.IngotError(f'No entry point in {NAMESPACE} for enabled drivers: {", ".join(sorted(names))}.',
                            remedy='Install the package that has it, or correct [conductor] enabled_drivers.')


def _describe(hardware):
    properties = {}
    for choices in hardware.interfaces.values():
        for interface in choices.values():
            properties.update(interface.properties())
    return {'interfaces': {kind: list(choices) for kind, choices in hardware.interfaces.items()},
            'properties': properties}


def _services(context, method):
    return [service for service in context.services.values() if hasattr(service, method)]


def _stop(services):
    for service in services:
        try:
            if hasattr(service, 'stop'):
                service.stop()
        except Exception:
            LOG.exception('%s did not stop as it should', type(service).__name__)
