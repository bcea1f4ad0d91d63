"""The deploy interface: an image in the cache becomes a LUN that one machine can read."""

from ingot import programs
from ingot.drivers import images
from ingot.drivers.iscsi.target import Targets


class IscsiDeploy:
    """Implements ``base.Deploy`` with the shared services ``images.Cache`` and ``Targets``."""

    def __init__(self, context):
        self._cache = context.service(images.Cache)
        self._targets = context.service(Targets)

    def properties(self):
        return {}

    def validate(self, node):
        """InvalidParameter names the key of instance_info; ProgramFailed the package of tgtd when it is missing."""
        self._cache.check(**images.request(node))
        programs.find('tgtd')
        programs.find('tgtadm')

    def fetch(self, node, operation):
        return self._cache.fetch(**images.request(node), holder=operation)

    def release(self, node, operation):
        self._cache.release(operation)

    def export(self, node, operation, image):
        return self._targets.export(operation, image.path)

    def withdraw(self, node, operation):
        self._targets.withdraw(operation)

    def has_export(self, node, operation):
        return self._targets.has(operation)

    def exported(self):
        return self._targets.exported()

    def machine_report(self, node, plan):
        """None: a real machine calls home by itself."""
