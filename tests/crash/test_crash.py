"""Small versions of what ``make crash`` does: that the machinery works, and that it sees what is wrong."""

import os
import pathlib
import tempfile

import pytest

from ingot.conductor import verb
from tests.crash import bmcs, disk, matrix, moments, servers, strange
from tests.crash.machines import Touch
from tests.crash.run import Cut

#: A flow with an agent, and one without; both are short.
SHORT = ((matrix.Flow('verify', 'manage', 'manageable'),), (matrix.Flow('adopt', 'adopt', 'active',
                                                                         first=(('manage', 'manageable'),)),))


@pytest.fixture(scope='module')
def place():
    """(a cluster whose first conductor has the database behind a Proxy, the Proxy); a server's own user may enter its folder."""
    with tempfile.TemporaryDirectory(prefix='ingot-crash-', ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        with Cut(folder, 40, 'mariadb') as place:
            yield place


@pytest.fixture
def cluster(place):
    return place[0]


def test_the_matrix_has_every_flow():
    asked_for = {flow.name for flows in matrix.LIVES for flow in flows}
    assert asked_for == {*verb.FLOWS, 'clean by hand', 'service'}


def test_a_death_at_every_point(cluster):
    told = []
    lines = matrix.run(cluster, SHORT, say=lambda text, **_: told.append(text))
    assert [line.flow for line in lines] == ['verify', 'adopt']
    assert all(line.points == line.killed == len(line.seconds) for line in lines)
    assert lines[0].points > 10
    assert lines[0].text() in told


def test_what_is_wrong_is_seen(cluster):
    """Each kind of fault, put there by hand, is one of the phrases."""
    node = cluster.nodes[0]
    assert cluster.faults() == []
    stray = Touch(0.0, 'c1', ('power', 'set'), node, 'c2')
    cluster.machines.touches.append(stray)
    cluster.machines.world.records['52:54:02:ff:ff:ff'] = node, None
    try:
        found = cluster.faults()
    finally:
        cluster.machines.touches.remove(stray)
        del cluster.machines.world.records['52:54:02:ff:ff:ff']
    assert found == [f'node {node}: boot record of 52:54:02:ff:ff:ff',
                     f'c1 touched machine {node} (power.set), which c2 held']


def test_random_moments(cluster):
    outcome = moments.run(cluster, kills=3, nodes=cluster.nodes[:6])
    assert outcome.lives >= 6
    assert outcome.verbs >= 6 * len(moments.LIFE) - outcome.again
    assert str(outcome.seed) in outcome.text()


@pytest.mark.parametrize('which', ['broker', 'server'])
def test_a_server_that_stops(cluster, which):
    outcome = servers.run(cluster, getattr(cluster, which), which)
    assert outcome.answers == {503: 14}
    assert outcome.slowest < servers.SOON


def test_a_sleeper(cluster):
    assert strange.sleep(cluster, seconds=8).mine > 0


def test_clocks_that_are_wrong(cluster):
    assert strange.jump(cluster).mine > 0
    assert strange.dead_with_a_wrong_clock(cluster).mine > 0


def test_a_network_that_is_cut(place):
    assert strange.cut(*place, seconds=8).mine > 0


@pytest.mark.skipif(os.geteuid() != 0, reason='only root may mount a small disk')
def test_a_disk_that_is_full(tmp_path):
    assert 'MiB free' in disk.run(tmp_path).error


def test_bmcs_in_trouble(tmp_path):
    outcome = bmcs.run(tmp_path, count=8)
    assert outcome.refused <= outcome.bad == 2
