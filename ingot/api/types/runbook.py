"""A runbook as clients write it, and the queries on runbooks."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery
from ingot.api.types.step import Steps


class Runbook(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name(is_nullable=False), mandatory=True)
    description = types.wsattr(scalar.Text(4096))
    steps = types.wsattr(Steps(('interface', 'step', 'order'), ('args',)), mandatory=True)
    disable_ramdisk = types.wsattr(scalar.Bool(is_nullable=False))
    public = types.wsattr(scalar.Bool(is_nullable=False))
    owner = types.wsattr(scalar.Text())
    traits = types.wsattr(scalar.Traits())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class RunbookQuery(PageQuery):
    """Nothing but the page."""


class TraitList(types.Base):
    traits = types.wsattr(scalar.Traits(is_nullable=False), mandatory=True)
