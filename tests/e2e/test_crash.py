"""The conductor is killed in the middle of a write, and comes back."""

from ingot.concurrency import wait_for
from ingot.lab import rack


def test_a_deployment_survives_kill_9_and_writes_once(make_site):
    site = make_site([{'name': 'survivor', 'firmware': 'bios'}])
    uuid = site.enrol('survivor')
    rack.throttle(site.folder / 'rack', 'survivor', 8 << 20)
    site.deploy(uuid)
    site.await_writing(uuid)
    machine = rack.status(site.folder / 'rack')[0]['pid']

    site.serve.kill()
    site.serve.wait()
    site.start_serve()

    assert site.node(uuid).provision_state == 'wait call-back'
    assert rack.status(site.folder / 'rack')[0]['pid'] == machine, 'the machine was disturbed'
    rack.throttle(site.folder / 'rack', 'survivor', None)
    site.await_state(uuid, 'active')
    phases = [data['phase'] for data in site.events(uuid, 'agent.phase')]
    assert phases.count('write image') == 1, phases
    assert [data['step'] for data in site.events(uuid, 'step')].count('start ramdisk') == 1
    assert wait_for(lambda: 'hostname=survivor' in site.said('survivor'), 120), site.said('survivor')[-2000:]
