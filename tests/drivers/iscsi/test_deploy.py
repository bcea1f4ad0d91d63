"""The deploy interface: from image_source to bytes on the machine, and nothing left afterwards."""

import hashlib
import pathlib
import shutil

import pytest

from ingot import errors
from ingot.drivers import base
from ingot.drivers.images import Cache
from ingot.drivers.iscsi.deploy import IscsiDeploy
from ingot.drivers.iscsi.target import Targets

OPERATION = '6b1e0a5c-0000-4000-8000-000000000003'


@pytest.fixture
def folder(conf, tmp_path):
    conf.set_override('allowed_paths', [str(tmp_path)], 'images')
    return tmp_path


@pytest.fixture
def deploy(conf, folder):
    context = base.Context(conf)
    yield IscsiDeploy(context)
    context.service(Targets).stop()


def node(path):
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    return {'uuid': 'n1', 'instance_info': {'image_source': f'file://{path}', 'image_checksum': digest}}


def test_fetch_export_withdraw_release(conf, deploy, machine, image):
    path = image()
    deploy.validate(node(path))
    fetched = deploy.fetch(node(path), OPERATION)
    export = deploy.export(node(path), OPERATION, fetched)
    assert machine.read(export) == pathlib.Path(path).read_bytes()
    assert deploy.exported() == [OPERATION]
    deploy.withdraw(node(path), OPERATION)
    deploy.release(node(path), OPERATION)
    assert deploy.exported() == []
    assert Cache(conf).find(OPERATION) is None


def test_the_machine_reports_by_itself(deploy, image):
    assert deploy.machine_report(node(image()), {}) is None


def test_what_is_missing_is_named(deploy):
    with pytest.raises(errors.InvalidParameter, match='image_source is missing'):
        deploy.validate({'uuid': 'n1', 'instance_info': {}})


def test_a_missing_tgtd_is_named_with_its_package(deploy, image, monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda *_args, **_kwargs: None)
    with pytest.raises(errors.ProgramFailed) as failed:
        deploy.validate(node(image()))
    assert failed.value.remedy == 'apt-get install tgt'
