"""Which driver and interfaces a node may have, by what the living conductors offer."""

from ingot import errors
from ingot.db.node import INTERFACES

COLUMNS = tuple(f'{kind}_interface' for kind in INTERFACES)


def choose(offered, driver, wanted):
    """{'power_interface': 'ipmitool', ...} for all kinds: what ``wanted`` (dict) names, else the driver's default.

    Invalid when no living conductor has the driver, or the driver not the interface.
    """
    return {column: _choose(_driver(offered, driver), driver, column, wanted.get(column)) for column in COLUMNS}


def _driver(offered, driver):
    if driver not in offered:
        raise errors.Invalid(f'No conductor has the driver "{driver[:100]}"; there are: {", ".join(sorted(offered)) or "none"}.')
    return offered[driver]['interfaces']


def _choose(interfaces, driver, column, wanted):
    names = interfaces.get(column.removesuffix('_interface'), [])
    if wanted is None:
        return names[0] if names else None
    if wanted not in names:
        raise errors.Invalid(f'Driver {driver} has no {column} "{wanted[:100]}"; it has: {", ".join(names) or "none"}.')
    return wanted
