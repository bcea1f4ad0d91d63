"""The cache gives the right bytes, fetches once, holds what is in use, keeps to its bound and survives a kill."""

import concurrent.futures
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from ingot import config, errors
from ingot.drivers import images
from tests import proc

MIB = 1 << 20


def content(image):
    with open(image.path, 'rb') as file:
        return file.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def raws(conf):
    return {name for name in os.listdir(f'{conf.state_dir}/images/data') if name.endswith('.raw')}


# ---- the right bytes

def test_raw_file(cache, put, disk, leftovers):
    source, digest = put('a', disk(1))
    image = cache.fetch(source, checksum=digest, holder='op-1')
    assert content(image) == disk(1)
    assert image.checksum == f'sha256:{digest}'
    assert image.manifest.size == 2 * MIB
    assert 70000 + 4096 <= image.manifest.data_bytes <= 4 * 65536
    assert os.stat(image.path).st_blocks * 512 < 300_000, 'sparse'
    assert leftovers() == []


def test_qcow2_becomes_the_same_image_as_raw(cache, conf, put, make_qcow2, disk, leftovers):
    path = make_qcow2('a.qcow2', disk(1), '-c')
    image = cache.fetch(f'file://{path}', checksum=sha256(path.read_bytes()), disk_format='qcow2', holder='op-1')
    assert content(image) == disk(1)
    assert cache.fetch(put('a', disk(1))[0], holder='op-2') == image
    assert len(raws(conf)) == 1
    assert leftovers() == []


def test_over_http_with_a_lost_connection(cache, site, disk, hasty):
    site.files['/a'] = disk(1)
    site.plans = [{'cut': MIB}, {'cut': 5}]
    assert content(cache.fetch(f'{site.url}/a', checksum=sha256(disk(1)), holder='op-1')) == disk(1)
    assert len(site.gets) == 3


def test_sha512_and_sums_file(cache, site, put, disk):
    site.files['/a.img'] = disk(1)
    for name, algorithm in (('SHA256SUMS', 'sha256'), ('SHA512SUMS', 'sha512')):
        digest = hashlib.new(algorithm, disk(1)).hexdigest()
        site.files[f'/{name}'] = f'{"0" * len(digest)}  b.img\n{digest}  a.img\n'.encode()
        image = cache.fetch(f'{site.url}/a.img', checksum=f'{site.url}/{name}', holder=f'by-{name}')
        assert content(image) == disk(1)
    site.files['/SHA256SUMS'] = f'{"0" * 64}  a.img\n'.encode()
    with pytest.raises(errors.InvalidImage, match='but 0000'):
        cache.fetch(f'{site.url}/a.img', checksum=f'{site.url}/SHA256SUMS', holder='op')
    sums, _ = put('SUMS', f'{sha256(disk(1))}  a.img\n'.encode())
    assert content(cache.fetch(f'{site.url}/a.img', checksum=sums, holder='op')) == disk(1)
    with pytest.raises(errors.InvalidParameter, match='allowed folder'):
        cache.fetch(f'{site.url}/a.img', checksum='file:///etc/passwd', holder='op')


@pytest.mark.parametrize('size', [1, 511, 513, 100_001])
def test_odd_sizes_end_at_a_sector(cache, put, size):
    source, digest = put('a', b'x' * size)
    image = cache.fetch(source, checksum=digest, holder='op')
    whole = b'x' * size + bytes(-size % 512)
    assert content(image) == whole
    assert image.checksum == f'sha256:{sha256(whole)}'


# ---- what is refused

def test_wrong_checksum(cache, conf, put, disk, leftovers):
    source, digest = put('a', disk(1))
    wrong = 'f' * 64
    with pytest.raises(errors.InvalidImage) as caught:
        cache.fetch(source, checksum=wrong, holder='op-1')
    assert f'its sha256 is {digest}, but {wrong} was asked for' in str(caught.value)
    assert cache.find('op-1') is None
    assert cache.holders() == []
    assert (raws(conf), leftovers()) == (set(), [])


def test_content_that_changes_on_the_server_is_refused(cache, site, disk):
    site.files['/a'] = disk(1)
    cache.fetch(f'{site.url}/a', checksum=sha256(disk(1)), holder='op-1')
    site.files['/a'] = disk(2)
    with pytest.raises(errors.InvalidImage, match='was asked for'):
        cache.fetch(f'{site.url}/a', checksum=sha256(disk(3)), holder='op-2')


def test_a_layer_of_this_hosts_files_is_refused(cache, conf, folder, qemu_img, tmp_path, leftovers):
    secret = tmp_path / 'secret'
    secret.write_bytes(b's' * 65536)
    qemu_img('create', '-f', 'qcow2', '-F', 'raw', '-b', secret, folder / 'evil')
    for checksum in (None, sha256((folder / 'evil').read_bytes())):
        with pytest.raises(errors.InvalidImage, match='backing file'):
            cache.fetch(f'file://{folder}/evil', checksum=checksum, holder='op')
    assert (raws(conf), leftovers()) == (set(), [])


def test_a_qcow2_cut_short_is_no_disk_full_of_zeros(cache, make_qcow2):
    path = make_qcow2('a.qcow2', os.urandom(MIB))
    os.truncate(path, os.stat(path).st_size - 200_000)
    with pytest.raises(errors.InvalidImage, match='is damaged'):
        cache.fetch(f'file://{path}', holder='op')


def test_declared_format(cache, put, make_qcow2, disk):
    path = make_qcow2('a.qcow2', disk(1))
    for _ in range(2):      # fetched, and out of the cache
        with pytest.raises(errors.InvalidImage, match='declared as raw, but it is qcow2'):
            cache.fetch(f'file://{path}', disk_format='raw', holder='op')
        assert cache.holders() == []
    assert cache.fetch(f'file://{path}', disk_format='qcow2', holder='op')


def test_size_limits(conf, folder, qemu_img, put):
    conf.set_override('max_image_mib', 3, 'images')
    cache = images.Cache(conf)
    qemu_img('create', '-f', 'qcow2', folder / 'big', '4M')
    with pytest.raises(errors.TooLarge, match='4 MiB; at most 3 MiB'):
        cache.fetch(f'file://{folder}/big', holder='op')
    with pytest.raises(errors.TooLarge):
        cache.fetch(put('raw', bytes(3 * MIB + 1))[0], holder='op')


def test_folder_that_is_not_allowed(cache, tmp_path):
    with pytest.raises(errors.InvalidParameter, match='allowed folder'):
        cache.check('file:///etc/passwd')
    with pytest.raises(errors.InvalidParameter, match='allowed folder'):
        cache.fetch('file:///etc/passwd', holder='op')


def test_too_little_space(cache, put, disk, monkeypatch, leftovers):
    real = os.statvfs
    monkeypatch.setattr(os, 'statvfs', lambda path: type('Facts', (), {'f_bavail': 65 * MIB // 4096, 'f_frsize': 4096})())
    with pytest.raises(errors.ImageUnavailable, match='65 MiB free; this image needs 2 MiB, and 64 MiB stay free'):
        cache.fetch(put('a', disk(1))[0], holder='op')
    monkeypatch.setattr(os, 'statvfs', real)
    assert leftovers() == []
    assert cache.fetch(put('a', disk(1))[0], holder='op')


def test_a_file_written_to_meanwhile(cache, put, disk, folder, monkeypatch):
    source, _ = put('a', disk(1))
    real = images.cache.Sink.take

    def take(self, data):
        real(self, data)
        os.utime(folder / 'a')
    monkeypatch.setattr(images.cache.Sink, 'take', take)
    with pytest.raises(errors.ImageUnavailable, match='written to while it was read'):
        cache.fetch(source, holder='op')


def test_names_of_holders(cache):
    for name in ('../x', '.x', '', 'a/b'):
        with pytest.raises(errors.InvalidParameter, match='cannot hold an image'):
            cache.find(name)


# ---- fetched once

def test_a_known_checksum_is_not_downloaded_again(cache, conf, site, disk, put):
    site.files['/a'] = disk(1)
    first = cache.fetch(f'{site.url}/a', checksum=sha256(disk(1)), holder='op-1')
    del site.files['/a']
    assert cache.fetch(f'{site.url}/a', checksum=sha256(disk(1)).upper(), holder='op-2') == first
    assert images.Cache(conf).fetch(f'{site.url}/elsewhere', checksum=sha256(disk(1)), holder='op-3') == first
    assert len(site.gets) == 1


@pytest.mark.parametrize('change', ['etag', 'date'])
def test_without_a_checksum_the_servers_word_decides(cache, site, disk, change):
    site.files['/a'] = disk(1)
    site.etags['/a'] = '"1"' if change == 'etag' else None
    cache.fetch(f'{site.url}/a', holder='op-1')
    cache.fetch(f'{site.url}/a', holder='op-2')
    assert len(site.gets) == 1
    if change == 'etag':
        site.files['/a'], site.etags['/a'] = disk(2), '"2"'
    else:
        site.files['/a'] = disk(2) + bytes(512)
    assert content(cache.fetch(f'{site.url}/a', holder='op-3')).startswith(disk(2))
    assert len(site.gets) == 2
    assert content(cache.find('op-1')) == disk(1)


def test_a_change_between_question_and_download_is_not_remembered_wrong(cache, site, disk, monkeypatch):
    site.files['/a'], site.etags['/a'] = disk(1), '"1"'
    real = images.cache.Cache._download

    def late(self, *words):
        site.files['/a'], site.etags['/a'] = disk(2), '"2"'
        return real(self, *words)
    monkeypatch.setattr(images.cache.Cache, '_download', late)
    assert content(cache.fetch(f'{site.url}/a', holder='op-1')) == disk(2)
    monkeypatch.undo()
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    site.files['/a'], site.etags['/a'] = disk(1), '"1"'
    assert content(cache.fetch(f'{site.url}/a', holder='op-2')) == disk(1)


def test_without_any_identity_it_is_fetched_each_time(cache, site, disk):
    site.has_dates = False
    for number in (1, 2):
        site.files['/a'] = disk(number)
        assert content(cache.fetch(f'{site.url}/a', holder=f'op-{number}')) == disk(number)
    assert len(site.gets) == 2


def test_a_file_without_a_checksum_is_read_again_when_it_changed(cache, put, disk, folder, monkeypatch):
    downloads = []
    real = images.cache.Cache._download
    monkeypatch.setattr(images.cache.Cache, '_download', lambda self, *words: downloads.append(1) or real(self, *words))
    source, _ = put('a', disk(1))
    cache.fetch(source, holder='op-1')
    cache.fetch(source, holder='op-2')
    assert len(downloads) == 1
    facts = os.stat(folder / 'a')
    put('a', disk(2))
    os.utime(folder / 'a', ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert content(cache.fetch(source, holder='op-3')) == disk(2)
    put('new', disk(3))
    os.utime(folder / 'new', ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    os.rename(folder / 'new', folder / 'a')      # same size, same time, another file
    assert content(cache.fetch(source, holder='op-4')) == disk(3)


def test_ten_threads_one_download(cache, site, disk):
    site.files['/a'] = disk(1)
    gate = threading.Event()
    site.plans = [{'gate': gate}]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(cache.fetch, f'{site.url}/a', checksum=sha256(disk(1)), holder=f'op-{n}') for n in range(10)]
        gate.set()
        found = {future.result(60).path for future in futures}
    assert len(found) == 1
    assert len(site.gets) == 1
    assert cache.holders() == [f'op-{n}' for n in range(10)]


def test_who_waits_for_a_failing_download_fails_with_it(cache, site, disk):
    site.files['/a'] = disk(1)
    gate = threading.Event()
    site.plans = [{'gate': gate}]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(cache.fetch, f'{site.url}/a', checksum='0' * 64, holder=f'op-{n}') for n in range(4)]
        waiting = threading.Event()
        while not (site.gets and len(cache._running) == 1):
            waiting.wait(0.01)
        waiting.wait(0.2)
        gate.set()
        for future in futures:
            with pytest.raises(errors.InvalidImage):
                future.result(60)
    assert cache._running == {}
    assert cache.holders() == []


def test_two_processes_one_download(cache, conf, site, disk, folder):
    """Another process has begun; this one waits for it and takes what it got."""
    site.files['/a'] = disk(1)
    gate = threading.Event()
    site.plans = [{'gate': gate}]
    other = start(conf, folder, f'cache.fetch("{site.url}/a", checksum="{sha256(disk(1))}", holder="other")')
    try:
        until(lambda: site.gets)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            future = pool.submit(cache.fetch, f'{site.url}/a', checksum=sha256(disk(1)), holder='mine')
            gate.set()
            image = future.result(60)
        assert other.wait(60) == 0
    finally:
        other.kill()
        other.wait()
    assert len(site.gets) == 1
    assert cache.find('other') == cache.find('mine') == image


# ---- holding and the bound

def test_held_until_released_also_after_a_restart(cache, conf, put, disk):
    image = cache.fetch(put('a', disk(1))[0], holder='op-1')
    again = images.Cache(conf)
    assert again.find('op-1') == image
    again.release('op-1')
    again.release('op-1')
    assert cache.find('op-1') is None


def test_the_same_holder_gets_the_same_image_again(cache, put, site, disk):
    site.files['/a'] = disk(1)
    site.has_dates = False
    first = cache.fetch(f'{site.url}/a', holder='op-1')
    site.files['/a'] = disk(2)
    assert cache.fetch(f'{site.url}/a', holder='op-1') == first
    assert len(site.gets) == 1
    other = cache.fetch(put('b', disk(3))[0], holder='op-1')      # it wants something else now
    assert content(other) == disk(3)
    assert cache.find('op-1') == other


def test_bound_with_holders(conf, put):
    conf.set_override('cache_mib', 3, 'images')
    cache = images.Cache(conf)
    for number in range(4):
        cache.fetch(put(f'{number}', os.urandom(MIB))[0], holder=f'op-{number}')
    assert len(raws(conf)) == 4, 'in use: they stay, whatever the bound is'
    order = [cache.find(f'op-{number}') for number in range(4)]
    cache.fetch(f'file://{conf.images.allowed_paths[0]}/0', holder='again')      # used once more, so the youngest
    for holder in ('again', 'op-0', 'op-1', 'op-2'):
        cache.release(holder)
    assert cache.trim() >= 2 * MIB
    assert [os.path.exists(image.path) for image in order] == [True, False, False, True]
    conf.set_override('cache_mib', 1, 'images')
    assert cache.trim() >= MIB
    assert raws(conf) == {os.path.basename(order[3].path)}
    assert content(cache.find('op-3'))


def test_an_image_larger_than_the_bound_is_served_while_held(conf, put):
    conf.set_override('cache_mib', 1, 'images')
    cache = images.Cache(conf)
    data = os.urandom(3 * MIB)
    image = cache.fetch(put('a', data)[0], holder='op-1')
    assert content(image) == data
    cache.release('op-1')
    assert cache.trim() >= 3 * MIB
    assert raws(conf) == set()
    assert content(cache.fetch(put('a', data)[0], holder='op-2')) == data


def test_unheld_images_give_way_when_the_disk_is_full(cache, conf, put, monkeypatch):
    old = cache.fetch(put('old', os.urandom(2 * MIB))[0], holder='op-1')
    cache.release('op-1')

    def statvfs(path):
        free = 65 * MIB + (0 if os.path.exists(old.path) else 4 * MIB)
        return type('Facts', (), {'f_bavail': free // 4096, 'f_frsize': 4096})()
    monkeypatch.setattr(os, 'statvfs', statvfs)
    assert cache.fetch(put('new', os.urandom(2 * MIB))[0], holder='op-2')
    assert not os.path.exists(old.path)


def test_many_fetch_release_and_trim_at_once(conf, put):
    """Nobody loses an image that he holds, whoever trims at the same time."""
    conf.set_override('cache_mib', 1, 'images')
    cache = images.Cache(conf)
    data = [os.urandom(700_000 // 512 * 512) for _ in range(3)]
    sources = [put(f'{number}', one)[0] for number, one in enumerate(data)]
    stop = threading.Event()

    def trim():
        while not stop.is_set():
            cache.trim()

    def work(worker):
        for turn in range(6):
            number = (worker + turn) % 3
            holder = f'op-{worker}-{turn}'
            image = cache.fetch(sources[number], holder=holder)
            assert content(image) == data[number]
            cache.release(holder)
    trimmer = threading.Thread(target=trim)
    trimmer.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(work, worker) for worker in range(4)]:
                future.result(100)
    finally:
        stop.set()
        trimmer.join()
    assert cache.holders() == []


# ---- crashes

def start(conf, folder, code):
    """Another process that has a cache in the same folder."""
    program = textwrap.dedent('''
        from ingot import config
        from ingot.drivers import images
        cache = images.Cache(config.load(state_dir=%r, images__allowed_paths=[%r]))
        %s
    ''') % (conf.state_dir, str(folder), code)
    return subprocess.Popen([sys.executable, '-c', program], env={**os.environ, 'no_proxy': '127.0.0.1'})


def until(predicate, seconds=60):
    clock = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if predicate():
            return
        clock.wait(0.02)
    raise AssertionError('it did not happen')


def test_killed_in_the_middle_of_a_download(cache, conf, folder, site, disk, leftovers):
    site.files['/a'] = os.urandom(3 * MIB)
    site.plans = [{'trickle': threading.Event()}]
    other = start(conf, folder, f'cache.fetch("{site.url}/a", holder="op-1")')
    try:
        until(lambda: site.gets and any(name.endswith('.download') for name in leftovers()))
        assert images.Cache(conf).holders() == []
        assert leftovers() != [], 'a living process keeps its unfinished files'
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
    again = images.Cache(conf)
    assert leftovers() == []
    assert content(again.fetch(f'{site.url}/a', holder='op-1')) == site.files['/a']


def test_killed_in_the_middle_of_a_conversion(conf, folder, make_qcow2, disk, leftovers):
    path = make_qcow2('a', disk(1))
    slow = folder / 'slow'
    slow.write_text(f'#!/bin/sh\necho $$ > {folder}/pid.new\nmv {folder}/pid.new {folder}/pid\nexec sleep 600\n')
    slow.chmod(0o755)
    other = start(conf, folder, f'images.cache.convert.programs.NAMES["qemu-img"] = ("{slow}", "x"); '
                  f'cache.fetch("file://{path}", holder="op-1")')
    try:
        until((folder / 'pid').exists)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
    pid = int((folder / 'pid').read_text())
    until(lambda: proc.is_gone(pid))
    again = images.Cache(conf)
    assert leftovers() == []
    assert content(again.fetch(f'file://{path}', holder='op-1')) == disk(1)


@pytest.mark.parametrize('call', range(8))
def test_crash_at_any_rename(conf, put, disk, monkeypatch, leftovers, call):
    """The process ends before its n-th rename: what is found afterwards is whole or nothing, and a retry succeeds."""
    source, _ = put('a', disk(1))
    count = []
    real = os.replace

    class Died(BaseException):
        pass

    def replace(*words):
        count.append(words)
        if len(count) > call:
            raise Died
        real(*words)
    cache = images.Cache(conf)
    monkeypatch.setattr(os, 'replace', replace)
    monkeypatch.setattr(images.cache, '_remove', lambda path: None)      # the dead do not tidy up
    try:
        cache.fetch(source, holder='op-1')
        assert len(count) <= call
    except Died:
        assert len(count) == call + 1
    monkeypatch.undo()
    again = images.Cache(conf)
    assert leftovers() == []
    found = again.find('op-1')
    assert found is None or content(found) == disk(1)
    assert content(again.fetch(source, holder='op-1')) == disk(1)


def test_a_damaged_image_is_fetched_again(conf, cache, put, disk):
    source, digest = put('a', disk(1))
    image = cache.fetch(source, checksum=digest, holder='op-1')
    os.chmod(image.path, 0o600)
    os.truncate(image.path, 1000)
    assert cache.find('op-1') is None
    assert content(cache.fetch(source, checksum=digest, holder='op-1')) == disk(1)
    os.unlink(image.path)
    again = images.Cache(conf)
    assert os.listdir(f'{conf.state_dir}/images/data') == []
    assert content(again.fetch(source, checksum=digest, holder='op-1')) == disk(1)


# ---- the service

def test_it_is_one_service_and_takes_a_request(tmp_path, put, disk):
    from ingot.drivers import base
    source, digest = put('a', disk(1))
    context = base.Context(config.load(state_dir=str(tmp_path / 's'), images__allowed_paths=[os.path.dirname(source[7:])]))
    cache = context.service(images.Cache)
    assert context.service(images.Cache) is cache
    node = {'uuid': 'n', 'instance_info': {'image_source': source, 'image_checksum': digest, 'image_disk_format': 'raw'}}
    wanted = images.request(node)
    cache.check(**wanted)
    assert content(cache.fetch(**wanted, holder='op')) == disk(1)
