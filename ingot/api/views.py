"""What answers show: for each noun its fields, and a renderer compiled for each choice of them.

A renderer turns rows (tuples) into dicts that orjson writes; JSON columns stay text all the way.
"""

import dataclasses
import functools

import orjson
import sqlalchemy as sa

from ingot import errors
from ingot.api import mask, versions
from ingot.db import (
    allocation,
    chassis,
    node,
    pci_device,
    pci_flavor,
    placement_group,
    port,
    portgroup,
    row,
    rule,
    runbook,
    template,
    volume,
)

_HIDDEN = frozenset({'generation'})
#: Most JSON columns of most rows are empty: one object stands for all of them.
_EMPTY = orjson.Fragment('{}')


@dataclasses.dataclass(frozen=True, eq=False)
class Noun:
    """A kind of resource: where its columns are, and what else its answers show."""

    name: str
    plural: str
    table: object
    shown: dict                    # {field: SQL expression}
    sortable: frozenset
    brief: tuple                   # the fields of a plain list
    secret: tuple = ()             # JSON columns whose secrets are masked
    constant: dict = dataclasses.field(default_factory=dict)    # {field: Python literal}, for what is not there yet
    related: tuple = ()            # sub-collections shown as links
    place: str = ''                # where the collection is below /v1, if not at ``plural``
    rare: frozenset = frozenset()  # fields that are shown where they are asked for, or where one item has them
    at_times: dict = dataclasses.field(default_factory=dict)    # {member: its schema}, of what only some answers have

    @functools.cached_property
    def fields(self):
        """Every field, in the order of answers."""
        return (*(name for name in self.shown if name not in _HIDDEN), *self.constant, *self.related)

    @property
    def path(self):
        """Where the collection is below /v1."""
        return self.place or self.plural

    def visible(self, minor):
        """The fields that a client of version 1.``minor`` knows."""
        return _visible(self, minor)

    def whole(self, minor):
        """As ``visible``, and what is rare."""
        return (*_visible(self, minor), *(name for name in self.fields if name in self.rare))

    def check(self, fields, minor):
        """Invalid for names that are no fields, NotAcceptable for those that are newer than ``minor``."""
        unknown = [name for name in fields if name not in self.fields and name != 'links']
        if unknown:
            raise errors.Invalid(f'A {self.name} has no field {", ".join(name[:100] for name in unknown[:10])}.')
        versions.require('Field', versions.FIELDS[self.name], fields, minor)


@functools.cache
def _visible(noun, minor):
    table = versions.FIELDS[noun.name]
    return tuple(name for name in noun.fields if table.get(name, 1) <= minor and name not in noun.rare)


@dataclasses.dataclass(frozen=True)
class View:
    """SQL expressions to select, and ``render(rows, call) -> [dict]`` for rows of them; uuid and generation come last."""

    columns: tuple
    render: object


def view(noun, fields, minor):
    """The View of ``fields`` (None: all that the version knows)."""
    return _compile(noun, tuple(fields) if fields is not None else noun.visible(minor), minor)


@functools.lru_cache(200)
def _compile(noun, fields, minor):
    fields = tuple(dict.fromkeys(name for name in fields if name != 'links'))
    columns = [name for name in fields if name in noun.shown] + ['uuid', 'generation']
    members = [f'{name!r}: {_expression(noun, name, columns, minor)}' for name in fields]
    members.append(f"'links': Fragment({_links(noun.path, '')})")
    names = ', '.join(f'c{index}' for index in range(len(columns)))
    source = f'lambda rows, base, ring: [{{{", ".join(members)}}} for {names} in rows]'.replace('UUID', f'c{len(columns) - 2}')
    needs_ring = noun is NODE and 'conductor' in fields
    known = {'Fragment': orjson.Fragment, 'EMPTY': _EMPTY, 'masked': mask.text,
             'state': functools.partial(versions.state, minor=minor), 'host': node.host}
    render = eval(source, known)
    return View(tuple(_cheap(noun.shown[name]) for name in columns),
                lambda rows, call: render(rows, call.base, call.ring if needs_ring else None))


def _cheap(column):
    """Booleans as the driver gives them, 0 and 1: SQLAlchemy would look at each one of them."""
    return sa.type_coerce(column, sa.Integer) if isinstance(column.type, sa.Boolean) else column


def _expression(noun, name, columns, minor):
    """Python source of the value of field ``name``."""
    if name in noun.constant:
        return repr(noun.constant[name])
    if name in noun.related:
        return f'Fragment({_links(noun.path, "/" + name)})'
    column = f'c{columns.index(name)}'
    if isinstance(noun.shown[name].type, sa.Boolean):
        return f'(None if {column} is None else {column} == 1)'
    if name in noun.secret:
        return f"(EMPTY if {column} == '{{}}' else masked({column}))"
    if name in row.JSON[noun.table.name]:
        return f"(EMPTY if {column} == '{{}}' else Fragment({column}))"
    if name == 'conductor' and noun is NODE:
        return f'host(ring, {column})'
    if name in ('provision_state', 'target_provision_state') and minor < max(since for since, _ in versions.STATES.values()):
        return f'state({column})'
    return column


def _links(plural, tail):
    """Python source of the JSON text of both links."""
    return (f"""f'[{{{{"href":"{{base}}/v1/{plural}/{{UUID}}{tail}","rel":"self"}}}},"""
            f"""{{{{"href":"{{base}}/{plural}/{{UUID}}{tail}","rel":"bookmark"}}}}]'""")


def of(name, plural, store, brief, **more):
    """The Noun whose rows are in ``store``."""
    return Noun(name, plural, store.table, store.shown, store.sortable, brief, **more)


NODE = Noun(
    'node', 'nodes', node.TABLE, node.SHOWN, node.SORTABLE,
    ('instance_uuid', 'maintenance', 'power_state', 'provision_state', 'uuid', 'name'),
    secret=('driver_info', 'instance_info', 'driver_internal_info'),
    related=('ports', 'states', 'portgroups', 'volume'), rare=frozenset((*node.LAST, *node.SYSTEM)),
    at_times={'queue': {'type': 'object', 'description': 'Its place in /v1/queue, while it waits there.', 'properties': {
        name: {'type': [kind, 'null']} for name, kind in (
            ('scope', 'string'), ('position', 'integer'), ('queued_at', 'string'), ('estimated_start', 'string'),
            ('reason', 'string'))}}})
PORT = Noun('port', 'ports', port.TABLE, port.SHOWN, port.SORTABLE, ('uuid', 'address'))
CHASSIS = of('chassis', 'chassis', chassis.STORE, ('uuid', 'description'), related=('nodes',))
PORTGROUP = of('portgroup', 'portgroups', portgroup.STORE, ('uuid', 'address', 'name'), related=('ports',))
CONNECTOR = of('connector', 'connectors', volume.CONNECTORS, ('uuid', 'node_uuid', 'type', 'connector_id'),
               place='volume/connectors')
TARGET = of('target', 'targets', volume.TARGETS, ('uuid', 'node_uuid', 'volume_type', 'boot_index', 'volume_id'),
            place='volume/targets', secret=('properties',))
TEMPLATE = of('template', 'deploy_templates', template.STORE, ('uuid', 'name'))
RUNBOOK = of('runbook', 'runbooks', runbook.STORE, ('uuid', 'name'))
RULE = of('rule', 'inspection_rules', rule.STORE, ('uuid', 'description', 'priority', 'phase'))
DEVICE = of('device', 'pci_devices', pci_device.STORE, (
    'uuid', 'node_uuid', 'address', 'vendor_id', 'product_id', 'state', 'offered', 'reserved_for'))
FLAVOR = of('flavor', 'pci_flavors', pci_flavor.STORE, ('uuid', 'name', 'description', 'match', 'public', 'owner'), at_times={
    'warning': {'type': 'string', 'description': 'Why it means no device, after its match was set.'}})
#: What an allocation shows of what newer clients ask for, where they did.
_ALLOCATED = {
    **{name: {'type': 'array', 'items': {'type': 'string'}} for name in (
        'preferred_traits', 'forbidden_traits', 'where', 'allocations')},
    **{name: {'type': 'string'} for name in ('placement_group', 'strategy', 'gang', 'expires_at')},
    'count': {'type': 'integer'}, 'priority': {'type': 'integer'}, 'wait': {'type': 'boolean'},
    'pci': {'type': 'array', 'items': {'type': 'object'}, 'description': 'Requests for devices, each with those that it was granted.'},
    'why': {'type': 'object', 'description': 'What stands in its way: summary, blocking, relax.'}}
ALLOCATION = of('allocation', 'allocations', allocation.STORE, tuple(
    name for name in allocation.STORE.shown if name != 'generation'), at_times=_ALLOCATED)
PLACEMENT_GROUP = of('placement_group', 'placement_groups', placement_group.STORE, (
    'uuid', 'name', 'policy', 'scope', 'hard', 'owner'), at_times={'members': {
        'type': 'array', 'items': {'type': 'string'}, 'description': 'Uuids of its allocations; of one group alone.'}})
