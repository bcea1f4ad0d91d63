"""A PCI flavor as clients write it, and the queries on flavors."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Match(scalar.Scalar):
    """A list of objects; what may be in them depends on what the operator allows, and is checked where that is known."""

    basetype = list
    name = 'match'
    accepts = 'a list of objects {attribute: value, list of values, or {operator: value}}'

    def check(self, value):
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.refuse()
        return value

    def describe(self):
        return {'type': 'array', 'minItems': 1, 'items': {'type': 'object', 'minProperties': 1}}


class Flavor(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name(is_nullable=False), mandatory=True)
    description = types.wsattr(scalar.Text(4096))
    match = types.wsattr(Match(is_nullable=False), mandatory=True)
    public = types.wsattr(scalar.Bool(is_nullable=False))
    owner = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class FlavorQuery(PageQuery):
    public = types.wsattr(scalar.Bool())
    owner = types.wsattr(scalar.Text())


class Preview(types.Base):
    match = types.wsattr(Match(is_nullable=False), mandatory=True)
