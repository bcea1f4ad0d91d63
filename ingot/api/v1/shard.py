"""/v1/shards"""

from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.db import shard


class Shards(Resource):

    @expose(answer=shape(shards=some(shape(name=str, count=int))))
    def list(self, call):
        return {'shards': shard.counts(self.site.database)}
