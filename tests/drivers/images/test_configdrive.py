"""A config drive built from parts can be read back; one that is given is checked without trusting its size."""

import base64
import gzip
import io
import json
import time
import zlib

import pycdlib
import pytest

from ingot import errors
from ingot.drivers.images import configdrive

NODE = {'uuid': '11111111-2222-3333-4444-555555555555', 'name': 'rack1-7', 'instance_info': {}}
PARTS = {'meta_data': {'public_keys': {'me': 'ssh-ed25519 AAAA'}}, 'user_data': '#cloud-config\nä: 1\n',
         'network_data': {'links': [], 'services': []}, 'vendor_data': {'cloud-init': '#!/bin/sh'}}
NAMES = {'rr_path': 'utf-8', 'joliet_path': 'utf-16-be'}


def pack(content):
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def unpack(text):
    return gzip.decompress(base64.b64decode(text, validate=True))


def read(iso, **kind):
    """{name: bytes} of openstack/latest, through one of the two name spaces."""
    disc = pycdlib.PyCdlib()
    disc.open_fp(io.BytesIO(iso))
    (key, folder), = kind.items()
    files = {}
    for child in disc.list_children(**kind):
        if child.is_file():
            name = (child.rock_ridge.name() if key == 'rr_path' else child.file_identifier()).decode(NAMES[key])
            out = io.BytesIO()
            disc.get_file_from_iso_fp(out, **{key: f'{folder}/{name}'})
            files[name] = out.getvalue()
    label = disc.pvd.volume_identifier
    disc.close()
    return files, label


def build(value, **node):
    return configdrive.build(value, node={**NODE, **node})


@pytest.mark.parametrize('space', ['rr_path', 'joliet_path'])
def test_all_parts(space):
    files, label = read(unpack(build(PARTS)), **{space: '/openstack/latest'})
    assert label.strip() == b'config-2'
    assert set(files) == {'meta_data.json', 'user_data', 'network_data.json', 'vendor_data.json'}
    assert files['user_data'] == PARTS['user_data'].encode()
    assert json.loads(files['network_data.json']) == PARTS['network_data']
    assert json.loads(files['vendor_data.json']) == PARTS['vendor_data']
    assert json.loads(files['meta_data.json']) == {
        'uuid': NODE['uuid'], 'name': 'rack1-7', 'hostname': 'rack1-7', 'public_keys': {'me': 'ssh-ed25519 AAAA'}}


@pytest.mark.parametrize(('given', 'node', 'expected'), [
    (None, {}, {'uuid': NODE['uuid'], 'name': 'rack1-7', 'hostname': 'rack1-7'}),
    ({}, {'instance_info': {'display_name': 'web'}}, {'uuid': NODE['uuid'], 'name': 'rack1-7', 'hostname': 'web'}),
    ({}, {'name': None, 'instance_info': None}, {'uuid': NODE['uuid']}),
    ('{"hostname": "mine", "uuid": "u"}', {}, {'uuid': 'u', 'name': 'rack1-7', 'hostname': 'mine'}),
])
def test_defaults_of_meta_data(given, node, expected):
    files, _ = read(unpack(build({'meta_data': given} if given is not None else {}, **node)), rr_path='/openstack/latest')
    assert list(files) == ['meta_data.json']
    assert json.loads(files['meta_data.json']) == expected


def test_devices_are_told_where_the_client_has_not_said_otherwise():
    mine = [{'type': 'nic', 'bus': 'pci', 'address': '0000:3b:00.0', 'tags': ['physical_network=left']}]
    for given, expected in (({}, mine), ({'meta_data': {'devices': []}}, [])):
        made = configdrive.build(given, node=NODE, devices=mine)
        files, _ = read(unpack(made), rr_path='/openstack/latest')
        assert json.loads(files['meta_data.json'])['devices'] == expected
    assert configdrive.build(made, node=NODE, devices=mine) == made, 'an ISO is left alone'


def test_the_same_parts_give_the_same_bytes(monkeypatch):
    first = build(PARTS)
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now + 12345.6)
    monkeypatch.setenv('TZ', 'Pacific/Auckland')
    time.tzset()
    try:
        assert build(PARTS) == first
    finally:
        monkeypatch.undo()
        time.tzset()
    assert build({**PARTS, 'user_data': 'x'}) != first


def test_what_was_built_is_accepted_as_text():
    text = build(PARTS)
    wrapped = '\n'.join(text[start:start + 76] for start in range(0, len(text), 76)) + '\n'
    assert build(wrapped) == text


def test_text_from_a_url(site):
    text = build(PARTS)
    site.files['/cd'] = text.encode()
    assert build(f'{site.url}/cd') == text
    site.files['/cd'] = gzip.compress(b'x')
    with pytest.raises(errors.InvalidParameter, match='is not base64'):
        build(f'{site.url}/cd?token=geheim')
    with pytest.raises(errors.ImageUnavailable, match='404'):
        build(f'{site.url}/missing')


@pytest.mark.parametrize(('value', 'words'), [
    ('!!', 'neither base64 nor a URL'),
    (base64.b64encode(b'no gzip at all').decode(), 'is not gzip'),
    (pack(b'no iso'), 'CD001 is missing'),
    (pack(bytes(100000)), 'CD001 is missing'),
    (7, 'is of type int'),
    ([], 'is of type list'),
    ({'metadata': {}}, 'parts that are not known: metadata'),
    ({'meta_data': []}, 'meta_data of type list'),
    ({'meta_data': '{'}, 'meta_data that is no JSON'),
    ({'network_data': 'x'}, 'network_data that is no JSON'),
    ({'network_data': 5}, 'network_data of type int'),
    ({'user_data': 5}, 'user_data of type int'),
])
def test_refused(value, words):
    with pytest.raises(errors.InvalidParameter, match=words) as caught:
        build(value)
    assert NODE['uuid'] in str(caught.value)
    assert 'base64 of a gzipped ISO' in caught.value.remedy


def test_cut_off_gzip():
    packed = base64.b64decode(build(PARTS))
    with pytest.raises(errors.InvalidParameter, match='cut off'):
        build(base64.b64encode(packed[:-20]).decode())


def test_a_gzip_bomb_is_not_unpacked():
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b''.join(squeeze.compress(bytes(1 << 20)) for _ in range(200)) + squeeze.flush()
    assert len(bomb) < 300_000
    with pytest.raises(errors.TooLarge, match='64 MiB'):
        build(base64.b64encode(bomb).decode())


def test_too_much_in_parts(monkeypatch):
    monkeypatch.setattr(configdrive, 'LIMIT', 1 << 20)
    with pytest.raises(errors.TooLarge):
        build({'user_data': 'x' * (1 << 20)})
    with pytest.raises(errors.TooLarge):      # the parts fit, the ISO around them does not
        build({'user_data': 'x' * ((1 << 20) - 1000)})
    build({'user_data': 'x' * (900 << 10)})
