"""A deploy template as clients write it, and the queries on deploy templates."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery
from ingot.api.types.step import Steps


class Template(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Trait(is_nullable=False), mandatory=True)
    description = types.wsattr(scalar.Text())
    steps = types.wsattr(Steps(('interface', 'step', 'args', 'priority')), mandatory=True)
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class TemplateQuery(PageQuery):
    """Nothing but the page."""
