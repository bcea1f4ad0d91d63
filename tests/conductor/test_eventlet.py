"""A conductor on eventlet does its work as one on threads does."""

import subprocess
import sys

SCRIPT = '''
import sys, uuid
from ingot import concurrency, config
conf = config.load(state_dir=sys.argv[1], host='green', concurrency='eventlet', workers=4,
                   conductor__enabled_drivers=['fake-hardware'], conductor__heartbeat_seconds=0.2)
concurrency.start(conf.concurrency)
import sqlalchemy as sa
from ingot.conductor.service import Service
from ingot.db import models, node, schema
from ingot.db.engine import Database, now
from ingot.drivers import registry
database = Database(config.database_url(conf))
schema.upgrade(database)
service = Service(conf, database, registry.load(conf))
service.start()
idents = [str(uuid.uuid4()) for _ in range(8)]
with database.write() as connection:
    for number, ident in enumerate(idents):
        connection.execute(sa.insert(models.nodes).values(
            uuid=ident, driver='fake-hardware', created_at=now(), provision_state='available', power_state='power off'))
        key = connection.execute(sa.select(models.nodes.c.id).where(models.nodes.c.uuid == ident)).scalar()
        connection.execute(sa.insert(models.ports).values(
            uuid=str(uuid.uuid4()), created_at=now(), node_id=key, address=f'52:54:00:00:00:{number:02x}'))
for ident in idents:
    service.provision(ident, 'active')
states = lambda: {node.get(database, ident)['provision_state'] for ident in idents}
concurrency.wait_for(lambda: states() == {'active'}, 60)
service.stop()
database.close()
print(*states())
'''


def test_a_conductor_on_eventlet(tmp_path):
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', SCRIPT, str(tmp_path)], capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.stdout, done.returncode) == ('active\n', 0), done.stderr[-2000:]
