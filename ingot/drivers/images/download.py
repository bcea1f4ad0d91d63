"""Download over http(s): streamed, bounded, resumed where a connection broke (RFC 9110, section 14).

Resuming is done with If-Range only, so that two versions of a file are never mixed; a server without ETag and
Last-Modified is asked from the start again. Certificates are checked against the system's authorities.
"""

import http.client
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

from ingot import concurrency, errors
from ingot.drivers.images.url import mask, split_credentials

_BLOCK = 1 << 20
_SILENCE = 30        # seconds without a byte until a connection counts as lost
_TRIES = 5           # in a row without one new byte
_BROKEN = (OSError, http.client.HTTPException)


class _Lost(Exception):
    """The connection ended early, or the server is ill: worth another try."""


class _Stale(_Lost):
    """What came so far does not belong to what the server has now: from the start."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http(s) only, and never from https down to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        before, after = (urllib.parse.urlsplit(url).scheme for url in (req.full_url, newurl))
        if after != 'https' and not (after == 'http' and before == 'http'):
            raise errors.ImageUnavailable(f'{mask(req.full_url)} redirects to {mask(newurl)}: '
                                          f'from {before} to {after} is refused.')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_Redirects)


def read(url, sink, *, seconds, is_checked):
    """All bytes of ``url`` into ``sink`` within ``seconds``; ImageUnavailable, TooLarge or DeadlineExceeded.

    :param is_checked: the bytes will be compared with a checksum; otherwise the server has to say how many there are.
    """
    deadline = time.monotonic() + seconds
    tries, validator = 0, None
    while True:
        before = sink.received
        try:
            with _open(url, _resumption(sink.received, validator)) as answer:
                validator = _validator(answer)
                _receive(answer, sink, url, deadline, seconds, is_checked)
                return
        except _Lost as error:
            tries = 1 if sink.received > before else tries + 1
            validator = None if isinstance(error, _Stale) else validator
            if tries >= _TRIES:
                raise errors.ImageUnavailable(f'{mask(url)}: {error}; given up after {sink.received} bytes and '
                                              f'{tries} tries without a new one.') from None
            _pause(min(0.2 * 2 ** tries, max(deadline - time.monotonic(), 0)))
            _check_time(url, deadline, seconds)


def read_small(url, *, limit, seconds=60):
    """The whole answer of ``url`` (bytes), TooLarge above ``limit`` bytes, DeadlineExceeded after ``seconds``."""
    deadline, content = time.monotonic() + seconds, bytearray()
    try:
        with _open(url) as answer:
            expected = answer.length
            while len(content) <= limit and (data := answer.read1(_BLOCK)):
                content += data
                if time.monotonic() > deadline:
                    raise errors.DeadlineExceeded(f'{mask(url)} did not come within {seconds:g} s.',
                                                  remedy='Use a nearer server.')
    except (_Lost, *_BROKEN) as error:
        raise errors.ImageUnavailable(f'{mask(url)}: {error}', remedy='Check that its server answers.') from None
    if len(content) > limit:
        raise errors.TooLarge(f'{mask(url)} has more than {limit} bytes.')
    if expected is not None and len(content) < expected:
        raise errors.ImageUnavailable(f'{mask(url)}: the connection ended {expected - len(content)} bytes early.',
                                      remedy='Try again.')
    return bytes(content)


def identity(url):
    """ETag, Last-Modified and size of ``url`` as one text, or None when the server has neither of the first two."""
    try:
        with _open(url, method='HEAD') as answer:
            headers = answer.headers
    except (_Lost, errors.ImageUnavailable):      # it does not like the question; the download will tell
        return None
    if not (headers['ETag'] or headers['Last-Modified']):
        return None
    return f'http {url} {headers["ETag"]} {headers["Last-Modified"]} {headers["Content-Length"]} bytes'


def _open(url, headers=None, method='GET'):
    plain, authorization = split_credentials(url)
    request = urllib.request.Request(plain, headers={'User-Agent': 'ingot', **(headers or {})}, method=method)
    if authorization:
        request.add_unredirected_header('Authorization', authorization)
    try:
        return _opener.open(request, timeout=_SILENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise _Stale('the server has no such range') from None
        if error.code in (408, 425, 429) or error.code >= 500:
            raise _Lost(f'the server answered {error.code}') from None
        raise errors.ImageUnavailable(f'{mask(url)}: the server answered {error.code} {error.reason}.') from None
    except _BROKEN as error:
        if isinstance(getattr(error, 'reason', None), ssl.SSLCertVerificationError):
            raise errors.ImageUnavailable(
                f'{mask(url)}: the server\'s certificate is refused: {error.reason.verify_message}.',
                remedy='Add its authority to the certificates of this host, or correct the URL.') from None
        raise _Lost(f'no connection ({getattr(error, "reason", None) or error})') from None
    except ValueError as error:
        raise errors.ImageUnavailable(f'{mask(url)} is no usable URL: {type(error).__name__}.') from None


def _resumption(received, validator):
    return {'Range': f'bytes={received}-', 'If-Range': validator} if received and validator else None


def _validator(answer):
    """What If-Range takes: a strong ETag, or the date (RFC 9110, section 13.1.5)."""
    etag = answer.headers['ETag']
    return etag if etag and not etag.startswith('W/') else answer.headers['Last-Modified']


def _receive(answer, sink, url, deadline, seconds, is_checked):
    total = _total(answer, sink)
    if total is not None:
        sink.expect(total)
    elif not (answer.chunked or is_checked):
        raise errors.ImageUnavailable(f'{mask(url)}: its server does not say how many bytes it has.',
                                      remedy='Give a checksum, so that a transfer cut short is noticed.')
    while data := _next(answer):
        sink.take(data)
        _check_time(url, deadline, seconds)
    if total is not None and sink.received < total:
        raise _Lost(f'the connection ended early, with {sink.received} of {total} bytes')


def _next(answer):
    try:
        return answer.read1(_BLOCK)      # read1: returns with what is there, so that the deadline is seen
    except _BROKEN as error:
        raise _Lost(f'the connection was lost ({type(error).__name__})') from None


def _total(answer, sink):
    """Bytes of the whole, or None; the sink stands where this answer begins."""
    if answer.status != 206:
        if sink.received:
            sink.restart()
        return answer.length
    found = re.fullmatch(r'bytes (\d+)-\d+/(\d+)', answer.headers['Content-Range'] or '')
    if not found or int(found[1]) != sink.received:
        raise _Stale('the server answered with another range')
    return int(found[2])


def _check_time(url, deadline, seconds):
    if time.monotonic() > deadline:
        raise errors.DeadlineExceeded(f'{mask(url)} did not come within {seconds:g} s.',
                                      remedy='Raise [images]download_timeout, or use a nearer server.')


def _pause(seconds):
    concurrency.Event().wait(seconds)
