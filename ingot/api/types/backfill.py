"""What nodes are to be given by rules, as clients write it."""

from wsme import types

from ingot.api.types import scalar


class Backfill(types.Base):
    rules = types.wsattr(scalar.Anything(), mandatory=True)
    dry_run = types.wsattr(scalar.Bool(is_nullable=False))
    overwrite = types.wsattr(scalar.Bool(is_nullable=False))
