"""The image cache, a service that drivers share: any source becomes a checked raw image that is held while it is needed.

One download serves all machines that want the same image at the same time, in this process and in others. What has a
checksum is fetched once in its life in the cache; what has none is fetched again when its server or file shows a change.
"""

import contextlib
import hashlib
import json
import os

from ingot import concurrency, cpu, errors
from ingot.drivers.images import checksum as checksums
from ingot.drivers.images import convert, format, lockfile, manifest
from ingot.drivers.images import source as _sources
from ingot.drivers.images.sink import Sink
from ingot.drivers.images.store import Known, Store
from ingot.drivers.images.url import mask

_MIB = 1 << 20
_SUMS_LIMIT = 4 * _MIB
_RESERVE = 64 * _MIB      # bytes of the disk that stay free for others
_SECTOR = 512


class Cache:
    """See the module. :param conf: uses state_dir and [images]. Every method may be called from many threads."""

    def __init__(self, conf):
        self._conf = conf
        self._folder = os.path.join(os.path.abspath(conf.state_dir), 'images')
        self._store = Store(self._folder)
        self._lock = concurrency.Lock()
        self._running = {}      # what is being fetched: key -> Future

    def check(self, source, **_):
        """InvalidParameter or ImageUnavailable when a ``file://`` source may not or cannot be read; for validation."""
        _sources.check(source, self._conf.images.allowed_paths)

    def fetch(self, source, *, checksum=None, algorithm='sha256', disk_format=None, holder):
        """The raw image of ``source``, held for ``holder`` until ``release``; asking again gives the same image.

        :param checksum: hex digest of the bytes as they are downloaded, or the URL of a SHA256SUMS file.
        :param algorithm: sha256 or sha512. :param disk_format: raw or qcow2, when its owner says so.
        Raises InvalidImage, InvalidParameter, TooLarge, ImageUnavailable, DeadlineExceeded.
        """
        request = _key(source, checksum, algorithm)
        held = self._store.find(holder)
        if held and held[1] == request:
            return held[0]
        _sources.fence(source, self._conf.images.allowed_paths)
        self.trim()
        job = _Job(source, *self._resolve(source, checksum, algorithm), holder, request)
        return self._fetch(job, disk_format)

    def find(self, holder):
        """The Image that ``holder`` holds, or None; also after a restart."""
        held = self._store.find(holder)
        return held[0] if held else None

    def release(self, holder):
        """``holder`` needs its image no more; fine when it has none."""
        self._store.release(holder)

    def holders(self):
        """Everybody who holds an image: for those who look for what was left behind."""
        return self._store.holders()

    def trim(self):
        """Remove least recently used images that nobody holds, down to [images]cache_mib; returns the bytes freed."""
        return self._store.trim(self._conf.images.cache_mib * _MIB)

    def _fetch(self, job, disk_format):
        for _ in range(3):      # an image can be trimmed between its arrival and our hold, if its first holder let go
            known = (job.words and self._store.known(job.words)) or self._share(job)
            try:
                format.agree(known.format, disk_format, mask(job.source))
            except errors.InvalidImage:
                self._store.release(job.holder)
                raise
            image = self._store.hold(known.image, job.holder, job.request)
            if image:
                return image
        raise errors.ImageUnavailable(f'Image {mask(job.source)} was removed from the cache while it was asked for.',
                                      remedy='Raise [images]cache_mib.')

    def _resolve(self, source, checksum, algorithm):
        """(digest or None, algorithm, words that stand for the content or None)."""
        if checksum and checksums.is_url(checksum):
            _sources.fence(checksum, self._conf.images.allowed_paths)
            text = _sources.read_text(checksum, self._conf, limit=_SUMS_LIMIT)
            checksum, algorithm = checksums.find(text, source, name=mask(checksum))
        if algorithm not in checksums.ALGORITHMS:
            raise errors.InvalidParameter(f'Algorithm "{algorithm}" is not accepted; {" and ".join(checksums.ALGORITHMS)} are.')
        if checksum:
            return checksum.lower(), algorithm, f'{algorithm}:{checksum.lower()}'
        return None, algorithm, _sources.identity(source, self._conf)

    def _share(self, job):
        """The outcome of ``_obtain``, which runs once for all who ask for the same at the same time."""
        key = job.key
        with self._lock:
            future = self._running.get(key)
            is_first = future is None
            if is_first:
                future = self._running[key] = concurrency.Future()
        if not is_first:
            return future.result()
        try:
            future.set_result(self._obtain(job))
        except BaseException as error:
            future.set_exception(error)
        finally:
            del self._running[key]
        return future.result()

    def _obtain(self, job):
        """Known image of ``job``: another process may have got it meanwhile, otherwise it is fetched now."""
        images = self._conf.images
        patience = images.download_timeout + images.convert_timeout
        with lockfile.hold(self._store.work(f'{job.key}.lock'), patience, what=f'fetch image {mask(job.source)}'):
            known = job.words and self._store.known(job.words)
            if known:
                return known
            downloaded, raw = (self._store.work(f'{job.key}.{kind}') for kind in ('download', 'raw'))
            try:
                with cpu.everywhere():
                    return self._import(job, downloaded, raw)
            except OSError as error:
                raise errors.ImageUnavailable(
                    f'Image {mask(job.source)} cannot be kept in {self._folder}: {error.strerror or error}.',
                    remedy='Check the disk that state_dir lies on.') from error
            finally:
                for path in (downloaded, raw, f'{raw}.json'):
                    _remove(path)

    def _import(self, job, downloaded, raw):
        name, images = mask(job.source), self._conf.images
        digest = self._download(job, downloaded)
        facts = format.inspect(downloaded, name=name, max_mib=images.max_image_mib)
        whole = None
        if facts.format == 'qcow2':
            convert.check(downloaded, name=name, seconds=images.convert_timeout)
            self._make_room(convert.data_bytes(downloaded, name=name, seconds=images.convert_timeout))
            convert.to_raw(downloaded, raw, name=name, virtual_size=facts.virtual_size, seconds=images.convert_timeout)
            _remove(downloaded)
        else:
            whole = digest if job.algorithm == 'sha256' and facts.virtual_size % _SECTOR == 0 else None
            os.replace(downloaded, raw)
        os.truncate(raw, -(-facts.virtual_size // _SECTOR) * _SECTOR)
        measured, image = manifest.build(raw, whole)
        self._store.install(raw, measured, image, job.holder, job.request)
        known = Known(image, facts.format)
        self._store.remember(f'{job.algorithm}:{digest}', known)
        if job.words and not job.checksum and _sources.identity(job.source, self._conf) == job.words:
            self._store.remember(job.words, known)      # else it changed since we asked: the words are of other bytes
        self.trim()
        return known

    def _download(self, job, path):
        """Hex digest of what was downloaded; InvalidImage when it is not the one that was asked for."""
        with Sink(path, algorithm=job.algorithm, limit=self._conf.images.max_image_mib * _MIB, make_room=self._make_room,
                  name=mask(job.source)) as sink:
            _sources.read(job.source, sink, self._conf, is_checked=bool(job.checksum))
            digest = sink.finish()
        if job.checksum and digest != job.checksum:
            raise errors.InvalidImage(
                f'Image {mask(job.source)}: its {job.algorithm} is {digest}, but {job.checksum} was asked for.',
                remedy='Correct instance_info/image_checksum (or image_os_hash_value) if the image was changed on purpose.')
        return digest

    def _make_room(self, need):
        """ImageUnavailable unless ``need`` more bytes fit on the disk; images that nobody holds give way."""
        missing = need + _RESERVE - _free(self._folder)
        if missing <= 0:
            return
        self._store.trim(max(self._store.size() - missing, 0))
        free = _free(self._folder)
        if need + _RESERVE > free:
            raise errors.ImageUnavailable(
                f'{self._folder} has {free // _MIB} MiB free; this image needs {need // _MIB} MiB, and '
                f'{_RESERVE // _MIB} MiB stay free.', remedy='Make space below state_dir, or lower [images]cache_mib.')


class _Job:
    """One fetch: what, with which digest, for whom."""

    def __init__(self, source, checksum, algorithm, words, holder, request):
        self.source, self.checksum, self.algorithm, self.words = source, checksum, algorithm, words
        self.holder, self.request = holder, request
        self.key = _key(source, checksum, algorithm, words)[:32]


def _key(*parts):
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _free(folder):
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
