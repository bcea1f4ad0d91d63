"""Debian packages as a source of files: looked up in apt's lists, downloaded once, unpacked, never installed.

No root is needed: ``apt-get download`` and ``dpkg-deb --extract`` work for everybody. What was downloaded stays in a cache
folder, beside an index that makes the second time work without a network and even without apt's lists.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import tempfile

from ingot import errors, programs

_SECONDS = 900
_STALE = 'Run "apt-get update" as root, and check that the package mirror answers.'


@dataclasses.dataclass(frozen=True)
class Package:
    """One version of one package; ``sha256`` is that of the .deb file, ``depends`` as Debian writes it."""

    name: str
    version: str
    sha256: str
    depends: str = ''

    @property
    def filename(self):
        return f'{self.name}_{self.version.replace(":", "%3a")}_{self.sha256[:12]}.deb'


def cache_folder(cache=None):
    """Where downloads are kept: ``cache``, else $INGOT_CACHE, else ~/.cache/ingot."""
    return pathlib.Path(cache or os.environ.get('INGOT_CACHE') or '~/.cache/ingot').expanduser()


def look_up(names, cache=None):
    """{name: Package} as apt would install it now; what apt does not know comes from the cache's index.

    Raises ImageUnavailable naming the packages that neither knows, with the command that helps.
    """
    index = _read_index(cache)
    found = index | _ask_apt(names)
    if found != index:
        _write_index(found, cache)
    missing = sorted(set(names) - set(found))
    if missing:
        raise errors.ImageUnavailable(f'The package lists of this system do not know: {", ".join(missing)}.', remedy=_STALE)
    return {name: found[name] for name in names}


def depended(package, pattern):
    """The first name among the package's dependencies that matches the whole regular expression ``pattern``."""
    for name in re.findall(r'[a-z0-9][a-z0-9.+-]+', package.depends):
        if re.fullmatch(pattern, name):
            return name
    raise errors.ImageUnavailable(f'Package {package.name} {package.version} depends on nothing like "{pattern}": '
                                  f'{package.depends or "nothing"}.', remedy='This release of Debian is not supported: use 12.')


def fetch(names, cache=None):
    """[Package] of ``names`` in their order, each .deb in the cache with the right SHA-256; see ``path``."""
    packages = list(look_up(names, cache).values())
    absent = [package for package in packages if not _is_intact(package, cache)]
    if absent:
        _download(absent, cache)
    return packages


def path(package, cache=None):
    """Where the cache keeps the .deb of this package."""
    return cache_folder(cache) / 'debs' / package.filename


def unpack(packages, folder, cache=None):
    """Put the files of all packages into ``folder``, as they would lie under /."""
    for package in packages:
        programs.run('dpkg-deb', '--extract', path(package, cache), folder, timeout=_SECONDS)


def _ask_apt(names):
    try:
        text = programs.run('apt-cache', 'show', '--no-all-versions', *names)
    except errors.ProgramFailed:  # apt-cache fails when it knows none of them
        text = ''
    shown = [dict(re.findall(r'^([A-Z][\w-]*): (.*)$', stanza, re.MULTILINE)) for stanza in text.split('\n\n')]
    return {known['Package']: Package(known['Package'], known['Version'], known['SHA256'],
                                      ', '.join(known[key] for key in ('Pre-Depends', 'Depends') if key in known))
            for known in shown if 'SHA256' in known}


def _is_intact(package, cache):
    try:
        with open(path(package, cache), 'rb') as file:
            return hashlib.file_digest(file, 'sha256').hexdigest() == package.sha256
    except FileNotFoundError:
        return False


def _download(packages, cache):
    """Into a folder of our own first, so that a half file never gets its name and two builds do not meet."""
    debs = cache_folder(cache) / 'debs'
    debs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=debs, prefix='.partial-') as folder:
        wanted = [f'{package.name}={package.version}' for package in packages]
        try:
            programs.run('apt-get', '-q', '-o', 'APT::Sandbox::User=', 'download', *wanted, cwd=folder, timeout=_SECONDS)
        except errors.ProgramFailed as error:
            raise errors.ImageUnavailable(f'Could not download {", ".join(wanted)}: {error}', remedy=_STALE) from None
        for package in packages:
            file, = pathlib.Path(folder).glob(f'{package.name}_*.deb')
            file.rename(path(package, cache))
    broken = [package.name for package in packages if not _is_intact(package, cache)]
    if broken:
        raise errors.ImageUnavailable(f'Downloads with a wrong SHA-256: {", ".join(broken)}.', remedy=_STALE)


def _index(cache):
    return cache_folder(cache) / 'debs' / 'index.json'


def _read_index(cache):
    try:
        return {name: Package(**known) for name, known in json.loads(_index(cache).read_text()).items()}
    except FileNotFoundError:
        return {}


def _write_index(packages, cache):
    """Two writers may lose each other's news, which only costs asking apt again."""
    _index(cache).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile('w', dir=_index(cache).parent, delete=False) as file:
        json.dump({name: dataclasses.asdict(package) for name, package in sorted(packages.items())}, file, indent=1)
    os.replace(file.name, _index(cache))
