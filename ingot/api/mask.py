"""Masks secrets in JSON columns; what holds none passes as the text it is."""

import re

import orjson

MASK = '******'
_SECRET = re.compile(r'pass(?:word|wd|phrase|code)|secret|token|credential|_key\b|configdrive|image_url', re.I)
_IN_URL = re.compile(r'(?<=://)[^/@\s"]*:[^/@\s"]*(?=@)')


def text(column):
    """The JSON text ``column`` as an orjson.Fragment with its secrets masked."""
    if _SECRET.search(column) or _IN_URL.search(column):
        return value(orjson.loads(column))
    return orjson.Fragment(column)


def value(document):
    """``document`` with every secret in it masked: by the name of its key, and passwords inside URLs."""
    if isinstance(document, dict):
        return {key: _member(key, inner) for key, inner in document.items()}
    if isinstance(document, list):
        return [value(inner) for inner in document]
    return _IN_URL.sub(MASK, document) if isinstance(document, str) else document


def _member(key, inner):
    is_secret = _SECRET.search(key) and inner is not None and not isinstance(inner, bool)
    return MASK if is_secret else value(inner)
