"""The query on a node's BIOS settings."""

from wsme import types

from ingot.api.types import scalar


class BiosQuery(types.Base):
    fields = types.wsattr(scalar.Words())
    detail = types.wsattr(scalar.Bool())
