"""The boot interface: records and files on disk, as a machine would get them."""

import hashlib
import os
import pathlib
import re

import pytest

from ingot import config, errors
from ingot.drivers.base import boot_files
from ingot.drivers.pxe import script

from .conftest import MAC, NODE

OTHER = '52:54:00:00:00:01'


def publish(boot, conf, *, node=NODE, macs=(MAC,), **parameters):
    boot.publish(node, list(macs), boot_files(node, conf, parameters))


def record(conf, mac=MAC):
    return pathlib.Path(conf.state_dir, 'http/boot', mac.replace(':', '-') + '.ipxe').read_text()


def kernel_line(conf, mac=MAC):
    return re.search(r'^kernel --name kernel (\S+) (.*) \|\| goto failed$', record(conf, mac), re.MULTILINE).groups()


def test_the_record_says_it_all(boot, conf):
    publish(boot, conf, **{'ingot.token': 'T', 'ingot.api': 'http://10.0.0.1:6386'})
    url, words = kernel_line(conf)
    assert re.fullmatch(r'\.\./files/[0-9a-f]{64}/kernel\?mac=52-54-00-aa-bb-cc', url)
    assert words == ('ingot.token=T ingot.api=http://10.0.0.1:6386 '
                     'ingot.mac=${netX/mac} ${ingot-ip} ${ingot-gateway} initrd=initrd')
    assert record(conf).startswith('#!ipxe\n')
    assert pathlib.Path(conf.state_dir, 'http/boot.ipxe').read_text() == script.ENTRY


def test_each_card_has_a_record(boot, conf):
    publish(boot, conf, macs=[MAC.upper(), OTHER])
    assert boot.published() == [OTHER, MAC]
    boot.withdraw(NODE, [MAC.upper()])
    assert boot.published() == [OTHER]
    boot.withdraw(NODE, [MAC, OTHER])
    boot.withdraw(NODE, [MAC, OTHER])
    assert boot.published() == []


def test_nothing_was_ever_published(boot):
    assert boot.published() == []
    boot.withdraw(NODE, [MAC])


def test_publishing_again_replaces(boot, conf):
    publish(boot, conf, **{'ingot.token': 'first'})
    publish(boot, conf, **{'ingot.token': 'second'})
    assert 'ingot.token=second' in record(conf)
    assert 'first' not in record(conf)
    assert [name for name in os.listdir(os.path.join(conf.state_dir, 'http')) if name.startswith('.')] == []


def test_words_of_configuration_and_node(boot, conf):
    conf.set_override('kernel_append', 'console=ttyS0', 'agent')
    publish(boot, conf)
    assert kernel_line(conf)[1].startswith('console=ttyS0 ingot.mac=')
    publish(boot, conf, node={**NODE, 'driver_info': {'kernel_append_params': '%default% nomodeset'}})
    assert kernel_line(conf)[1].startswith('console=ttyS0 nomodeset ingot.mac=')


def test_a_rebuild_leaves_a_running_boot_alone(boot, conf, ask):
    publish(boot, conf)
    url = '/boot/' + kernel_line(conf)[0]
    path = '/' + url.split('../')[1]
    before = ask(path).body
    with open(conf.boot.kernel, 'r+b') as kernel:      # in place, as cp does
        kernel.write(b'new build')
    assert ask(path).body == before
    publish(boot, conf)
    assert ask(path).body == before
    assert ask('/' + kernel_line(conf)[0].split('../')[1]).body.startswith(b'new build')


def test_a_file_that_was_removed_is_put_back(boot, conf, ask):
    conf.set_override('ramdisk', conf.boot.kernel, 'boot')      # the same content under two names
    publish(boot, conf)
    kernel = kernel_line(conf)[0].removeprefix('..')
    ramdisk = kernel.replace('/kernel', '/initrd')
    assert ask(kernel).body == ask(ramdisk).body == b'K' * 70000
    pathlib.Path(conf.state_dir, 'http', ramdisk[1:].partition('?')[0]).unlink()
    publish(boot, conf)
    assert ask(ramdisk).body == b'K' * 70000


def test_what_no_record_names_goes_after_a_while(boot, conf, server):
    publish(boot, conf)
    files = pathlib.Path(conf.state_dir, 'http/files')
    used = set(files.iterdir())
    pathlib.Path(conf.boot.kernel).write_bytes(b'another kernel')
    publish(boot, conf)
    assert len(set(files.iterdir())) == 3
    server.folder.sweep()
    assert len(set(files.iterdir())) == 3
    crashed = pathlib.Path(conf.state_dir, 'http/.new-abc')
    crashed.write_text('half a record')
    server.folder.sweep()
    assert crashed.exists()
    for path in (crashed, *files.glob('*/*')):
        os.utime(path, (1, 1))
    server.trim()
    assert not crashed.exists()
    assert len(set(files.iterdir())) == 2
    assert len(used & set(files.iterdir())) == 1


def test_urls_are_left_to_ipxe(boot, conf):
    node = {**NODE, 'driver_info': {'deploy_kernel': 'http://files/k', 'deploy_ramdisk': 'https://files/r?a=b'}}
    boot.validate(node)
    publish(boot, conf, node=node)
    assert kernel_line(conf)[0] == 'http://files/k'
    assert 'initrd --name initrd https://files/r?a=b || goto failed\n' in record(conf)


def test_the_node_s_own_ramdisk_goes_before_the_configured_one(boot, conf, tmp_path):
    own = tmp_path / 'own'
    own.write_bytes(b'own')
    node = {**NODE, 'driver_info': {'deploy_kernel': f'file://{own}'}}
    boot.validate(node)
    publish(boot, conf, node=node)
    assert hashlib.sha256(b'own').hexdigest() in kernel_line(conf)[0]
    assert boot_files(NODE, config.load(state_dir='/s'), {}) == ('/s/ramdisk/kernel', '/s/ramdisk/initrd', {})


@pytest.mark.parametrize(('info', 'words'), [
    ({'deploy_kernel': '/no/such'}, 'no kernel of a ramdisk at /no/such'),
    ({'deploy_ramdisk': 'file:///no/such'}, 'no ramdisk of a ramdisk at /no/such'),
    ({'deploy_kernel': 'http://a/${b}'}, 'not a URL that iPXE can load'),
    ({'deploy_kernel': 'http://a/b c'}, 'not a URL that iPXE can load'),
    ({'deploy_kernel': 'http://a/b\nshell'}, 'not a URL that iPXE can load'),
    ({'kernel_append_params': 'a\nshell'}, 'kernel_append_params')])
def test_what_is_wrong_is_named_and_nothing_is_published(boot, conf, info, words):
    node = {**NODE, 'driver_info': info}
    with pytest.raises(errors.InvalidParameter, match=re.escape(words)):
        boot.validate(node)
    with pytest.raises(errors.InvalidParameter, match=re.escape(words)):
        publish(boot, conf, node=node)
    assert boot.published() == []


def test_a_missing_ramdisk_says_how_to_build_one(boot, conf):
    os.unlink(conf.boot.ramdisk)
    with pytest.raises(errors.InvalidParameter) as refused:
        boot.validate(NODE)
    assert 'ingot ramdisk build' in refused.value.remedy


@pytest.mark.parametrize('mac', ['../../etc/passwd', '52:54:00:aa:bb', '', '52-54-00-aa-bb-cc'])
def test_a_mac_is_no_path(boot, conf, mac):
    with pytest.raises(errors.InvalidParameter, match='no MAC address'):
        publish(boot, conf, macs=[mac])


def test_properties_are_sentences(boot):
    assert set(boot.properties()) == {'deploy_kernel', 'deploy_ramdisk', 'kernel_append_params'}
