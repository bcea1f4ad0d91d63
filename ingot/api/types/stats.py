"""Statistics as their providers tell them."""

import math
import re

from wsme import types

from ingot.api.types import scalar

#: What a figure is: an amount out of a total, something that goes up and down, something that only goes up.
KINDS = ('capacity', 'gauge', 'counter')
#: Providers and figures can be named in expressions: stats.PROVIDER.FIGURE.
NAME = re.compile('[a-z_][a-z0-9_]{0,63}', re.ASCII)
_MOST = 100


class Figures(scalar.Scalar):
    """{name: {"type", "value", "total", "unit"}}; a capacity has a total."""

    basetype = dict
    name = 'figures'
    accepts = (f'an object of 1 to {_MOST} figures, each with a name of small letters, digits and "_", and an object with type '
               f'({", ".join(KINDS)}), value (a number), total (a number, of a capacity and no less than value), unit (text)')

    def check(self, value):
        if not isinstance(value, dict) or not 1 <= len(value) <= _MOST:
            self.refuse()
        for name, figure in value.items():
            if not NAME.fullmatch(name) or not _is_figure(figure):
                raise ValueError(f'{name[:64]}: expected {self.accepts}')
        return value

    def describe(self):
        number = {'type': 'number'}
        return {'type': 'object', 'minProperties': 1, 'maxProperties': _MOST, 'additionalProperties': {
            'type': 'object', 'required': ['type', 'value'], 'additionalProperties': False, 'properties': {
                'type': {'enum': list(KINDS)}, 'value': number, 'total': number, 'unit': {'type': 'string', 'maxLength': 32}}}}


def _is_figure(figure):
    if not isinstance(figure, dict) or not figure.keys() <= {'type', 'value', 'total', 'unit'}:
        return False
    kind, value, total, unit = (figure.get(name) for name in ('type', 'value', 'total', 'unit'))
    has_total = _is_number(total) and _is_number(value) and 0 <= value <= total
    return (isinstance(kind, str) and kind in KINDS and _is_number(value) and (kind == 'gauge' or value >= 0)
            and (has_total if kind == 'capacity' else total is None)
            and (unit is None or (isinstance(unit, str) and len(unit) <= 32 and '\0' not in unit)))


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class NodeIdents(scalar.Words):
    """Uuids and names of nodes; none at all: every node."""

    def validate(self, value):
        return [] if value is None or value == [] else self.check(value)


class Stats(types.Base):
    figures = types.wsattr(Figures(is_nullable=False), mandatory=True)
    nodes = types.wsattr(NodeIdents())
    max_age = types.wsattr(scalar.Integer(1))
