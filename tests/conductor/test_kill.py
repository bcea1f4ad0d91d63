"""A conductor's process is killed (kill -9) in the middle of a step; the next one finishes its work."""

import subprocess
import sys

from ingot import concurrency

CONDUCTOR = """
import sys, time
from ingot import config
from ingot.conductor.service import Service
from ingot.db.engine import Database
from ingot.drivers import registry
folder, node, url = sys.argv[1:]
conf = config.load(state_dir=folder, host='here', conductor__enabled_drivers=['fake-hardware'])
service = Service(conf, Database(url), registry.load(conf))
service.start()
service.provision(node, 'active')
time.sleep(600)
"""


def test_kill_9_in_the_middle_of_a_step(house):
    node = house.node(driver_info={'fake': {'deploy.export': {'delay': 600}}})
    process = subprocess.Popen([sys.executable, '-c', CONDUCTOR, str(house.folder), node,
                                str(house.database.url)])
    try:
        assert concurrency.wait_for(
            lambda: process.poll() is None and [one for one in house.operations(node) if one['step'] == 'export image'], 60)
    finally:
        process.kill()
        process.wait()
    assert house.row(node)['lock_owner'] == 'here', 'nothing let go of the lock'
    house.change(node, driver_info={})
    service = house.service(conductor__heartbeat_seconds=0.2)
    service.start()
    assert concurrency.wait_for(lambda: house.row(node)['provision_state'] == 'active', 60)
    [operation] = house.operations(node)
    assert (operation['status'], operation['error'], house.world.machine(node).writes) == ('done', None, 1)
