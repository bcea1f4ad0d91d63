"""An inspection rule as clients write it, and the queries on inspection rules."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Rule(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    description = types.wsattr(scalar.Text())
    priority = types.wsattr(scalar.Integer(0, 9999, is_nullable=False))
    sensitive = types.wsattr(scalar.Bool())
    phase = types.wsattr(scalar.Choice('main'))
    conditions = types.wsattr(scalar.Anything())
    actions = types.wsattr(scalar.Anything(), mandatory=True)


CREATE_ONLY = frozenset({'uuid'})


class RuleQuery(PageQuery):
    phase = types.wsattr(scalar.Text(16))
