"""URLs with their secrets: taken apart for a request, and masked for people."""

import base64
import urllib.parse


def mask(url):
    """``url`` without user, password and query (signed URLs carry their secret there)."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition('@')[2]
    return parts._replace(netloc=f'***@{host}' if '@' in parts.netloc else host,
                          query='***' if parts.query else '', fragment='').geturl()


def split_credentials(url):
    """(url without user and password, value of the Authorization header or None)."""
    parts = urllib.parse.urlsplit(url)
    credentials, at, host = parts.netloc.rpartition('@')
    if not at:
        return url, None
    plain = urllib.parse.unquote(credentials).encode()
    return parts._replace(netloc=host).geturl(), 'Basic ' + base64.b64encode(plain).decode()
