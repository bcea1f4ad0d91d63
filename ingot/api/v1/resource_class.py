"""/v1/resource_classes: what nodes are of, with counts."""

from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.db import resource_class

_CLASS = shape(name={'type': ['string', 'null']}, nodes=int, available=int, allocated=int, unavailable=int)


class ResourceClasses(Resource):

    @expose(answer=shape(resource_classes=some(_CLASS)))
    def list(self, call):
        """All resource classes by name; the nodes of none last."""
        return {'resource_classes': resource_class.counts(self.site.database)}
