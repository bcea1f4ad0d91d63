"""A cache in a temporary folder, a web server that can be told to misbehave, and images made by the real qemu-img."""

import hashlib
import http.server
import os
import re
import subprocess
import threading

import pytest

from ingot import config, programs
from ingot.drivers import images


@pytest.fixture
def folder(tmp_path):
    """The folder that images may come from."""
    path = tmp_path / 'allowed'
    path.mkdir()
    return path


@pytest.fixture
def conf(tmp_path, folder):
    return config.load(state_dir=str(tmp_path / 'state'), images__allowed_paths=[str(folder)])


@pytest.fixture
def cache(conf):
    return images.Cache(conf)


@pytest.fixture
def put(folder):
    """put(name, bytes) -> (file URL, SHA-256)."""
    def put(name, content):
        path = folder / name
        path.write_bytes(content)
        return f'file://{path}', hashlib.sha256(content).hexdigest()
    return put


@pytest.fixture
def qemu_img():
    def qemu_img(*words):
        return subprocess.run([programs.find('qemu-img'), *map(str, words)], check=True, capture_output=True, text=True).stdout
    return qemu_img


@pytest.fixture
def make_qcow2(folder, qemu_img):
    """make_qcow2(name, content, *options) -> path; the disk's bytes are ``content``."""
    def make_qcow2(name, content, *options):
        plain = folder / f'{name}.plain'
        plain.write_bytes(content)
        qemu_img('convert', '-f', 'raw', '-O', 'qcow2', *options, plain, folder / name)
        plain.unlink()
        return folder / name
    return make_qcow2


def _data(seed, size):
    return hashlib.shake_256(str(seed).encode()).digest(size)


@pytest.fixture
def disk():
    """disk(seed, mib=2): bytes of a small disk: data, a gap, data."""
    def disk(seed, mib=2):
        size = mib << 20
        content = bytearray(size)
        content[:70000] = _data(seed, 70000)
        content[size - 4096:] = _data(f'{seed} end', 4096)
        return bytes(content)
    return disk


class Site:
    """What the server serves and how: ``files`` (path -> bytes), ``plans`` (what the next GETs do), ``seen`` requests.

    A plan is a dict: ``status``, ``cut`` (bytes of the body, then the connection is closed), ``length`` (a lie), ``trickle``,
    ``location``, ``chunked``, ``silent_length`` (no Content-Length), ``gate`` (an Event to wait for before the body).
    """

    def __init__(self):
        self.files, self.plans, self.seen, self.etags = {}, [], [], {}
        self.has_dates = self.has_head = self.has_ranges = True
        self.lock = threading.Lock()

    @property
    def gets(self):
        return [request for request in self.seen if request[0] == 'GET']


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(self.server.site, {} if self.server.site.has_head else {'status': 405}, is_head=True)

    def do_GET(self):
        site = self.server.site
        with site.lock:
            plan = site.plans.pop(0) if site.plans else {}
        self._answer(site, plan, is_head=False)

    def _answer(self, site, plan, *, is_head):
        site.seen.append((self.command, self.path, dict(self.headers)))
        content = site.files.get(self.path.partition('?')[0])
        if content is None:
            return self.send_error(404)
        if 'status' in plan:
            self.send_response(plan['status'])
            if 'location' in plan:
                self.send_header('Location', plan['location'])
            self.send_header('Content-Length', '0')
            return self.end_headers()
        start = self._start(site)
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(content) - 1}/{len(content)}')
        self._headers(site, plan, body)
        if is_head:
            return None
        if 'gate' in plan:
            assert plan['gate'].wait(60)
        return self._send(plan, body)

    def _start(self, site):
        found = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        current = (site.etags.get(self.path), self._date(site))
        is_current = self.headers.get('If-Range') in [word for word in current if word]
        return int(found[1]) if found and is_current and site.has_ranges else 0

    def _date(self, site):
        return 'Tue, 01 Jan 2030 00:00:00 GMT' if site.has_dates else None

    def _headers(self, site, plan, body):
        if site.etags.get(self.path):
            self.send_header('ETag', site.etags[self.path])
        if site.has_dates:
            self.send_header('Last-Modified', self._date(site))
        if plan.get('chunked'):
            self.send_header('Transfer-Encoding', 'chunked')
        elif not plan.get('silent_length'):
            self.send_header('Content-Length', str(plan.get('length', len(body))))
        self.end_headers()

    def _send(self, plan, body):
        body = body[:plan.get('cut', len(body))]
        if 'trickle' in plan:
            while not plan['trickle'].wait(0.02):
                self.wfile.write(b'x')
            self.close_connection = True
            return
        if plan.get('chunked'):
            for start in range(0, len(body), 100000):
                part = body[start:start + 100000]
                self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
            if 'cut' not in plan:
                self.wfile.write(b'0\r\n\r\n')
        else:
            self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = True

    protocol_version = 'HTTP/1.1'


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients go away in the middle here; that is meant."""


@pytest.fixture
def site(monkeypatch):
    """A running server; ``site.url`` is its base."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server = _Server(('127.0.0.1', 0), _Handler)
    server.site = Site()
    server.site.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hasty(monkeypatch):
    """Downloads try again at once."""
    monkeypatch.setattr('ingot.drivers.images.download._pause', lambda seconds: None)


@pytest.fixture
def leftovers(conf):
    """leftovers() -> unfinished files in the cache's folder."""
    def leftovers():
        base = os.path.join(conf.state_dir, 'images')
        hidden = [name for _, _, names in os.walk(base) for name in names if name.startswith('.')]
        return sorted(os.listdir(f'{base}/work') + hidden)
    return leftovers
