"""The query and body of a vendor method's call."""

from wsme import types

from ingot import errors
from ingot.api.types import scalar


class VendorQuery(types.Base):
    method = types.wsattr(scalar.Text(shortest=1))


def read(document):
    """The arguments of a vendor method: any JSON object."""
    if not isinstance(document, dict):
        raise errors.Invalid('The body must be a JSON object: the arguments of the method.')
    return document
