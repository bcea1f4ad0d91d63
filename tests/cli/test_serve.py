"""What ``ingot serve`` refuses to begin with, and that it says why."""

import socket

import pytest

from ingot import config, errors
from ingot.cli import main, serve


def test_a_state_folder_has_one_conductor(house):
    """Another one, of the same host name, would take all its work away."""
    conf = config.load(state_dir=house.conf.state_dir, api__port=0, agent__port=0, boot__port=0)
    other = serve.House(conf)
    try:
        with pytest.raises(errors.Conflict, match=f'{conf.state_dir} is in use'):
            other.start()
    finally:
        other.stop()


def test_the_folder_is_free_again_after_stop(tmp_path):
    conf = config.load(state_dir=str(tmp_path), api__port=0, agent__port=0, boot__port=0)
    for _ in range(2):
        house = serve.House(conf)
        house.start()
        house.stop()
    assert not (tmp_path / 'conductor.lock').exists()


def test_a_port_that_is_taken_is_told_with_its_remedy(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        house = serve.House(config.load(state_dir=str(tmp_path), api__port=port, agent__port=0, boot__port=0))
        try:
            with pytest.raises(errors.Unavailable, match=f'No HTTP server at 127.0.0.1:{port}') as raised:
                house.start()
        finally:
            house.stop()
    assert '--port' in raised.value.remedy


def test_a_database_that_is_none_is_told_with_its_remedy(tmp_path, capsys):
    (tmp_path / 'ingot.sqlite').write_text('garbage, from the first byte to the last')
    assert main.main(['serve', '--state-dir', str(tmp_path)]) == 1
    assert 'file is not a database. Remedy:' in capsys.readouterr().err
