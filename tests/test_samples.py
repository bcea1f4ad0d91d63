"""Files that are generated are the ones that would be generated now."""

import pathlib

from oslo_config import generator

from ingot import config

ROOT = pathlib.Path(__file__).parent.parent


def test_the_sample_configuration_is_of_this_code(tmp_path):
    output = tmp_path / 'sample'
    generator.main(['--namespace', 'ingot', '--wrap-width', '110', '--output-file', str(output)])
    assert output.read_text() == (ROOT / 'etc/ingot/ingot.conf.sample').read_text(), 'run "make samples"'


def test_the_sample_loads():
    assert config.load([ROOT / 'etc/ingot/ingot.conf.sample']).api.port == 6385
