"""Query strings that more than one resource takes."""

from wsme import types

from ingot.api.types import scalar


class PageQuery(types.Base):
    """What every collection understands: which fields of which rows."""

    fields = types.wsattr(scalar.Words())
    detail = types.wsattr(scalar.Bool())
    limit = types.wsattr(scalar.Integer(1))
    marker = types.wsattr(scalar.Text())
    sort_key = types.wsattr(scalar.Text(64))
    sort_dir = types.wsattr(scalar.Choice('asc', 'desc'))


class FieldsQuery(types.Base):
    fields = types.wsattr(scalar.Words())


class DriverQuery(types.Base):
    type = types.wsattr(scalar.Choice('classic', 'dynamic'))
    detail = types.wsattr(scalar.Bool())
    fields = types.wsattr(scalar.Words())


class ConductorQuery(PageQuery):
    sort_key = types.wsattr(scalar.Choice('hostname', 'conductor_group', 'alive', 'created_at', 'updated_at', 'id'))


class FeedQuery(types.Base):
    since = types.wsattr(scalar.Integer(0, 2**62))
    node = types.wsattr(scalar.Text())
    wait = types.wsattr(scalar.Integer(0, 60))
    limit = types.wsattr(scalar.Integer(1, 1000))
