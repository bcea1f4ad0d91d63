"""Shards: the parts into which operators divide their nodes, each for one reader."""

import sqlalchemy as sa

from ingot.db import models


def counts(database):
    """[{'name', 'count'}]: how many nodes each shard has, those in none last, under the name None."""
    shard = models.nodes.c.shard
    query = sa.select(shard, sa.func.count()).group_by(shard).order_by(shard.is_(None), shard)
    with database.read() as connection:
        return [{'name': str(name), 'count': count} for name, count in connection.execute(query)]
