"""A whole Ingot in this process, on free ports; what processes of their own are told."""

import subprocess

import pytest

from ingot import config
from ingot.cli import main
from ingot.cli.serve import House
from tests import databases
from tests.cli.processes import INGOT
from tests.rabbit import broker


@pytest.fixture(scope='module')
def house(tmp_path_factory):
    """API and conductor, without power sync and automated cleaning."""
    house = House(config.load(state_dir=str(tmp_path_factory.mktemp('house')), api__port=0, agent__port=0, boot__port=0,
                              conductor__power_sync_seconds=0, conductor__automated_clean=False))
    house.start()
    yield house
    house.stop()


@pytest.fixture
def command(house, capsys, monkeypatch):
    """Runs ``ingot WORDS`` against the house: (exit status, standard output, standard error)."""
    monkeypatch.setenv('INGOT_URL', f'http://127.0.0.1:{house.api.port}')

    def run(*words):
        capsys.readouterr()
        try:
            status = main.main([*words])
        except SystemExit as ended:
            status = ended.code
        return status, *capsys.readouterr()
    return run


@pytest.fixture
def options(tmp_path):
    """What ``ingot api`` and ``ingot conductor`` are told: a file as their database, a broker of our own between them."""
    with broker(tmp_path) as url:
        yield told(tmp_path, url, f'sqlite:///{tmp_path}/shared.sqlite')


@pytest.fixture(scope='module', params=['mariadb', 'postgresql'])
def server_options(request, tmp_path_factory):
    """As ``options``, with a real server as their database, for all tests of a file."""
    folder = tmp_path_factory.mktemp('servers')
    with broker(folder) as url:
        yield told(folder, url, databases.new(folder, request.param))


def told(folder, broker_url, database_url):
    words = [f'--set=database.connection={database_url}', f'--set=rpc.transport_url={broker_url}',
             '--set=rpc.timeout=10', '--set=boot.port=0', '--set=api.port=0', '--set=agent.port=0']
    done = subprocess.run([*INGOT, 'db', 'upgrade', '--state-dir', str(folder / 'db'), *words], capture_output=True, text=True,
                          check=True)
    assert done.stdout.strip()
    return words
