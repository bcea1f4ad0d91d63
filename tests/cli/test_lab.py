"""``ingot lab``: what is typed reaches the rack."""

import json

import pytest

from ingot import errors
from ingot.cli import main
from ingot.lab import rack


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / 'rack'
    rack.down(tmp_path / 'rack')


def test_up_status_down(folder, tmp_path, capsys):
    words = ['lab', 'up', '--folder', str(folder), '--network', 'user', '--machines', '2', '--memory', '256',
             '--boot-port', '7000', '--kernel', str(tmp_path / 'kernel')]
    assert main.main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(machine['firmware'], machine['memory_mib']) for machine in shown['machines']] == [('bios', 256), ('uefi', 256)]
    plan = json.loads((folder / 'plan.json').read_text())
    assert (plan['kernel'], plan['boot_port']) == (str(tmp_path / 'kernel'), 7000)
    assert main.main(['lab', 'status', '--folder', str(folder)]) == 0
    assert [machine['is_on'] for machine in json.loads(capsys.readouterr().out)] == [False, False]
    assert main.main(['lab', 'down', '--folder', str(folder)]) == 0
    with pytest.raises(errors.NotFound):
        rack.read(folder)


def test_a_rack_that_is_not_there_is_told(folder, capsys):
    assert main.main(['lab', 'status', '--folder', str(folder)]) == 1
    assert 'Remedy: Start one with: ingot lab up' in capsys.readouterr().err
