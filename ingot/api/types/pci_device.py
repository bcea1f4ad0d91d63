"""What of a PCI device clients may change, and the query on devices."""

from wsme import types

from ingot import errors
from ingot.api.types import scalar
from ingot.api.types.query import PageQuery
from ingot.scheduler import device, offer


class Labels(scalar.Object):
    """Labels by their names: text, numbers, true, false."""

    name = 'labels'
    accepts = 'an object of labels: {name: text, number, true or false}, no name being that of an attribute'

    def check(self, value):
        try:
            offer.check_labels(super().check(value))
        except errors.Invalid as error:
            raise ValueError(str(error).rstrip('.')) from None
        return value


class Device(types.Base):
    state = types.wsattr(scalar.Choice(*device.WISHES, is_nullable=False))
    state_reason = types.wsattr(scalar.Text(1024))
    labels = types.wsattr(Labels())
    unit = types.wsattr(scalar.Text(64, shortest=1))


class DeviceQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    state = types.wsattr(scalar.Choice(*device.STATES))
    flavor = types.wsattr(scalar.Text())
    offered = types.wsattr(scalar.Bool())
    vendor_id = types.wsattr(scalar.Lower(pattern='[0-9a-f]{4}'))
    product_id = types.wsattr(scalar.Lower(pattern='[0-9a-f]{4}'))
    function = types.wsattr(scalar.Choice('pf', 'vf'))


class NodeDeviceQuery(PageQuery):
    state = types.wsattr(scalar.Choice(*device.STATES))
    flavor = types.wsattr(scalar.Text())
