"""``ingot api`` and ``ingot conductor`` as processes of their own: a real RabbitMQ between them, one database."""

import re
import signal
import subprocess

from ingot.cli import client, progress, wait
from tests.cli.processes import INGOT, running


def test_api_and_conductor_apart(tmp_path, options):
    with running(tmp_path, 'conductor', ['--set=host=c1', *options]) as (conductor, greeting), \
            running(tmp_path, 'api', options) as (api, where):
        assert greeting == 'Ingot conductor c1\n'
        baremetal = client.connect(re.search(r'http://\S+', where)[0])
        node = baremetal.create_node(driver='fake-hardware', name='n1', instance_info={'image_source': 'file:///os.raw'})
        baremetal.create_port(node_uuid=node.id, address='52:54:00:00:00:01')
        for verb, goal in (('manage', 'manageable'), ('provide', 'available'), ('active', 'active')):
            display = progress.Display({node.id: 'n1'})
            feed = client.Feed(baremetal)
            baremetal.set_node_provision_state(node.id, verb)
            assert wait.until(baremetal, feed, display, {node.id: goal}, timeout=120) == {}
        assert baremetal.get_node_boot_device(node.id)['boot_device'] == 'disk'
        assert [row['hostname'] for row in baremetal.get('/conductors', headers={
            'X-OpenStack-Ironic-API-Version': '1.49'}).json()['conductors']] == ['c1']

        conductor.send_signal(signal.SIGKILL)
        conductor.wait()
        refused = baremetal.put(f'/nodes/{node.id}/states/power', json={'target': 'power off'},
                                headers={'X-OpenStack-Ironic-API-Version': '1.46'}, timeout=60, retriable_status_codes=[])
        assert refused.status_code == 503
        assert 'onductor' in refused.text
        api.terminate()
        assert api.wait(60) == 0


def test_without_a_bus_the_remedy_is_told(tmp_path):
    subprocess.run([*INGOT, 'db', 'upgrade', '--state-dir', str(tmp_path)], check=True, capture_output=True)
    for command in ('api', 'conductor'):
        done = subprocess.run([*INGOT, command, '--state-dir', str(tmp_path), '--set=boot.port=0'], capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert 'ingot serve' in done.stderr


def test_an_old_database_is_refused(tmp_path):
    done = subprocess.run([*INGOT, 'conductor', '--state-dir', str(tmp_path)], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 1
    assert 'ingot db upgrade' in done.stderr
