"""The YAML files beside this one: HTTP behaviour as data, against the API in process (gabbi)."""

import os
import pathlib
import shutil
import tempfile
import unittest

import pytest
from gabbi import driver, fixture

from ingot import config, rpc
from ingot.api import app
from ingot.conductor.client import Client
from ingot.conductor.service import Service
from ingot.drivers import registry
from tests import databases
from tests.api.conftest import Conductor, add_conductor
from tests.db import stock
from tests.http import record

RECORDER = record.Recorder()
RAN = set()


class Api(fixture.GabbiFixture):
    """A new database for each file."""

    app = None

    def start_fixture(self):
        self.folder = tempfile.mkdtemp(prefix='ingot-http-')
        self.database = databases.empty(pathlib.Path(self.folder))
        add_conductor(self.database)
        Api.app = staticmethod(app.build(config.load(state_dir=self.folder), self.database, Conductor()))

    def stop_fixture(self):
        Api.app = None
        self.database.close()
        shutil.rmtree(self.folder)


class Stock(Api):
    """The same with six nodes that can be had, in three racks, each with devices, and with flavors."""

    def start_fixture(self):
        super().start_fixture()
        stock.fill(self.database, 6)


class Machines(Api):
    """The same with a conductor that works, and fake machines."""

    group, information = '', None

    def start_fixture(self):
        self.folder = tempfile.mkdtemp(prefix='ingot-http-')
        self.database = databases.empty(pathlib.Path(self.folder))
        conf = config.load(state_dir=self.folder, host='here', workers=4, conductor__group=self.group,
                           conductor__enabled_drivers=['fake-hardware', 'ipmi', 'manual-management'])
        if self.information:
            path = pathlib.Path(self.folder) / 'pci.yaml'
            path.write_text(self.information)
            conf.set_override('information', str(path), 'pci')
        self.service = Service(conf, self.database, registry.load(conf))
        self.service.start()
        Api.app = staticmethod(app.build(conf, self.database, Client(rpc.Local(self.service), self.database)))

    def stop_fixture(self):
        self.service.stop()
        super().stop_fixture()


class Rack(Machines):
    """The same for the nodes of a conductor group."""

    group = 'rack1'


class Offers(Machines):
    """The same with hosts that offer graphics processors and network cards, also the one that they boot from."""

    information = """
default:
- match: {vendor_id: "10de"}
- match: {vendor_id: ["8086", "1af4"]}
  extra_info: {physical_network: net1}
  enable: true
"""


def serve():
    """The application of the fixture that runs now."""
    return RECORDER.wrap(lambda environ, start_response: Api.app(environ, start_response))


HERE = pathlib.Path(__file__).parent


def suites():
    """{file name: its tests}."""
    loader = unittest.defaultTestLoader
    built = driver.build_tests(str(HERE), loader, intercept=serve, test_loader_name='http', fixture_module=__import__(
        __name__, fromlist=['Api']), safe_yaml=True)
    return {next(iter(flatten(suite))).__class__.__name__: suite for suite in built}


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


SUITES = suites()


def test_every_file_is_run():
    assert len(SUITES) == len(list(HERE.glob('*.yaml'))) > 0


@pytest.mark.parametrize('name', sorted(SUITES))
def test_the_file_tells_the_truth(name):
    os.environ.pop('GABBI_PREFIX', None)
    result = unittest.TestResult()
    SUITES[name].run(result)
    RAN.add(name)
    assert result.testsRun > 0
    assert not result.errors + result.failures, '\n'.join(text for _, text in result.errors + result.failures)
    assert not result.unexpectedSuccesses


def test_everything_that_was_seen_is_declared():
    declared = record.Declared()
    complaints = {declared.complaint(*seen) for seen in RECORDER.seen} - {None}
    assert not complaints, '\n'.join(sorted(complaints))


def test_everything_declared_was_seen():
    declared = record.Declared()
    if not SUITES.keys() <= RAN:
        pytest.skip('not every file was run')
    known = {f'{method} {path}' for method, path in declared.operations()}
    missing = known - {f'{method} {declared.path(path)}' for path, method, *_ in RECORDER.seen}
    assert not missing, 'declared, but no file asks for it:\n' + '\n'.join(sorted(missing))
