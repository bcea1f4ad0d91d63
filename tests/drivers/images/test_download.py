"""Downloads survive lost connections, never mix two versions, and know when something is missing."""

import hashlib
import io
import threading

import pytest

from ingot import errors
from ingot.drivers.images import download
from ingot.drivers.images.sink import Sink

MIB = 1 << 20
CONTENT = hashlib.shake_128(b'one').digest(3 * MIB) + bytes(MIB) + b'end'
OTHER = hashlib.shake_128(b'two').digest(len(CONTENT) - 100)


@pytest.fixture
def get(tmp_path, site, hasty):
    """get(path) -> bytes as they arrived in the file, after their digest was compared."""
    site.files['/a'] = CONTENT

    def get(path='/a', *, limit=64 * MIB, seconds=60, is_checked=True, base=None):
        target = tmp_path / 'file'
        with Sink(target, algorithm='sha256', limit=limit, make_room=lambda need: None, name='a') as sink:
            download.read((base or site.url) + path, sink, seconds=seconds, is_checked=is_checked)
            digest = sink.finish()
        assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
        return target.read_bytes()
    return get


def ranges(site):
    return [headers.get('Range') for _, _, headers in site.gets]


def test_plain(get, site):
    assert get() == CONTENT
    assert len(site.gets) == 1


def test_chunked(get, site):
    site.plans = [{'chunked': True}]
    assert get(is_checked=False) == CONTENT


@pytest.mark.parametrize('etag', [None, '"v1"'])
def test_lost_connections_are_resumed(get, site, etag):
    site.etags['/a'] = etag
    site.plans = [{'cut': MIB}, {'cut': MIB // 2 + 1}, {'cut': 1}, {'status': 503}, {'cut': 0}, {}]
    assert get() == CONTENT
    at = [0, MIB, MIB + MIB // 2 + 1, MIB + MIB // 2 + 2]
    assert ranges(site) == [None, f'bytes={at[1]}-', f'bytes={at[2]}-', f'bytes={at[3]}-', f'bytes={at[3]}-', f'bytes={at[3]}-']
    assert site.gets[1][2]['If-Range'] == (etag or 'Tue, 01 Jan 2030 00:00:00 GMT')


def test_a_lost_chunked_answer_is_resumed(get, site):
    site.plans = [{'chunked': True, 'cut': MIB}, {}]
    assert get(is_checked=False) == CONTENT
    assert ranges(site) == [None, f'bytes={MIB}-']


def test_new_version_in_the_middle_is_fetched_from_its_start(get, site, monkeypatch):
    site.etags['/a'] = '"v1"'
    site.plans = [{'cut': MIB}, {'status': 503}]

    def change(seconds):
        site.files['/a'], site.etags['/a'] = OTHER, '"v2"'
    site.has_dates = False
    monkeypatch.setattr(download, '_pause', change)
    assert get() == OTHER
    assert ranges(site) == [None, f'bytes={MIB}-', f'bytes={MIB}-']


@pytest.mark.parametrize('lack', ['validators', 'ranges', 'weak etag'])
def test_without_a_safe_way_to_resume_it_starts_again(get, site, lack):
    site.has_dates = lack == 'ranges'
    site.has_ranges = lack != 'ranges'
    site.etags['/a'] = 'W/"v1"' if lack == 'weak etag' else None
    site.plans = [{'cut': MIB}]
    assert get() == CONTENT
    assert ranges(site) == [None, f'bytes={MIB}-' if lack == 'ranges' else None]


def test_range_that_is_gone(get, site):
    site.plans = [{'cut': MIB}, {'status': 416}]
    assert get() == CONTENT
    assert ranges(site) == [None, f'bytes={MIB}-', None]


def test_a_server_that_promises_too_much(get, site):
    site.has_ranges = False
    site.plans = [{'length': len(CONTENT) + 5}] * 20
    with pytest.raises(errors.ImageUnavailable, match=f'{len(CONTENT)} of {len(CONTENT) + 5} bytes; given up .* 5 tries'):
        get()


def test_a_server_that_goes_away_for_good(get, site):
    site.plans = [{'cut': 1000}] + [{'cut': 0}] * 20
    with pytest.raises(errors.ImageUnavailable, match='given up after 1000 bytes and 5 tries'):
        get()


def test_without_a_length_a_checksum_is_needed(get, site):
    site.plans = [{'silent_length': True}, {'silent_length': True}]
    assert get(is_checked=True) == CONTENT
    with pytest.raises(errors.ImageUnavailable, match='how many bytes') as caught:
        get(is_checked=False)
    assert 'checksum' in caught.value.remedy


@pytest.mark.parametrize('plan', [{}, {'chunked': True}])
def test_size_limit(get, site, plan):
    site.plans = [plan]
    with pytest.raises(errors.TooLarge):
        get(limit=len(CONTENT) - 1)
    assert get(limit=len(CONTENT)) == CONTENT


def test_deadline(get, site):
    with pytest.raises(errors.DeadlineExceeded, match=r'within 1e-06 s|within 0'):
        get(seconds=0.000001)


def test_deadline_holds_against_a_server_that_trickles(get, site):
    enough = threading.Event()
    site.plans = [{'trickle': enough}]
    with pytest.raises(errors.DeadlineExceeded, match=r'within 0\.3 s'):
        get(seconds=0.3)
    enough.set()


def test_errors_of_the_server(get, site):
    with pytest.raises(errors.ImageUnavailable, match='answered 404'):
        get('/missing')
    assert len(site.gets) == 1
    site.plans = [{'status': 500}] * 20
    with pytest.raises(errors.ImageUnavailable, match='answered 500'):
        get()
    assert len(site.gets) == 6


def test_nobody_there(get):
    with pytest.raises(errors.ImageUnavailable, match='no connection'):
        get(base='http://127.0.0.1:9')


def test_redirects(get, site):
    site.plans = [{'status': 302, 'location': '/a'}]
    site.files['/b'] = b''
    assert get('/b') == CONTENT
    for place in ('file:///etc/passwd', 'ftp://127.0.0.1/a', 'gopher://x'):
        site.plans = [{'status': 302, 'location': place}]
        with pytest.raises(errors.ImageUnavailable, match=r'refused|answered 302'):
            get('/b')


def test_https_is_not_left_for_http():
    request = download.urllib.request.Request('https://user:secret@host/a')
    with pytest.raises(errors.ImageUnavailable, match='from https to http is refused') as caught:
        download._Redirects().redirect_request(request, io.BytesIO(), 302, 'Found', {}, 'http://host/a?sig=secret')
    assert 'secret' not in str(caught.value)


def test_credentials_are_sent_and_never_shown(get, site):
    base = site.url.replace('//', '//user:geheim@')
    assert get(base=base) == CONTENT
    assert site.gets[0][2]['Authorization'] == 'Basic dXNlcjpnZWhlaW0='
    for path in ('/missing?sig=geheim', '/a?sig=geheim'):
        with pytest.raises(errors.IngotError) as caught:
            get(path, base=base, limit=1)
        assert 'geheim' not in caught.value.explain()
        assert '***@127.0.0.1' in str(caught.value) or 'Image a' in str(caught.value)


def test_credentials_do_not_follow_a_redirect(get, site):
    site.plans = [{'status': 302, 'location': '/a'}]
    get(base=site.url.replace('//', '//user:geheim@'))
    assert 'Authorization' in site.gets[0][2]
    assert 'Authorization' not in site.gets[1][2]


def test_small_files(site, hasty):
    site.files['/s'] = b'x' * 100
    assert download.read_small(f'{site.url}/s', limit=100) == b'x' * 100
    with pytest.raises(errors.TooLarge):
        download.read_small(f'{site.url}/s', limit=99)
    site.plans = [{'cut': 50}]
    with pytest.raises(errors.ImageUnavailable, match='50 bytes early'):
        download.read_small(f'{site.url}/s', limit=100)
    site.plans = [{'chunked': True}]
    assert download.read_small(f'{site.url}/s', limit=100) == b'x' * 100


def test_small_files_have_a_deadline_too(site):
    """A server that gives a byte now and then would hold an API request for hours."""
    site.files['/s'], over = b'x' * 100_000, threading.Event()
    site.plans = [{'trickle': over}]
    with pytest.raises(errors.DeadlineExceeded, match=r'/s did not come within 0\.3 s'):
        download.read_small(f'{site.url}/s', limit=100_000, seconds=0.3)
    over.set()


def test_identity_changes_with_the_file(site):
    site.files['/a'] = CONTENT
    first = download.identity(f'{site.url}/a')
    assert first == download.identity(f'{site.url}/a')
    site.etags['/a'] = '"v2"'
    second = download.identity(f'{site.url}/a')
    site.files['/a'] = OTHER
    assert len({first, second, download.identity(f'{site.url}/a')}) == 3
    site.etags['/a'], site.has_dates = None, False
    assert download.identity(f'{site.url}/a') is None
    assert download.identity(f'{site.url}/missing') is None
    site.has_head = False
    assert download.identity(f'{site.url}/a') is None
