"""Packages from a small Debian archive of our own: the real apt-get and dpkg-deb, without network or root."""

import hashlib
import subprocess

import pytest

from ingot import debian, errors

APT_CONF = """Dir::State "{0}/state"; Dir::State::status "{0}/status"; Dir::Cache "{0}/cache"; Dir::Etc "{0}/etc";
Dir::Etc::sourcelist "{0}/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::parts "-"; APT::Sandbox::User "";
"""


class Archive:
    """A folder that apt takes for a mirror."""

    def __init__(self, folder):
        self.folder, self.stanzas = folder, []
        for name in ('state/lists/partial', 'cache/archives/partial', 'etc', 'pool'):
            (folder / name).mkdir(parents=True)
        (folder / 'status').touch()
        (folder / 'sources.list').write_text(f'deb [trusted=yes] file:{folder}/pool ./\n')
        (folder / 'apt.conf').write_text(APT_CONF.format(folder))

    def add(self, name, version, depends='', text='hello\n'):
        content = self.folder / f'{name}-content'
        (content / 'DEBIAN').mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)
        control = f'Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n'
        control += f'Depends: {depends}\n' if depends else ''
        (content / 'DEBIAN/control').write_text(control)
        deb = self.folder / 'pool' / f'{name}_{version.replace(":", "")}_all.deb'
        subprocess.run(['dpkg-deb', '--build', '--root-owner-group', content, deb], check=True, capture_output=True)
        self.stanzas.append(f'{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\n'
                            f'SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n')
        return deb

    def update(self):
        (self.folder / 'pool/Packages').write_text('\n'.join(self.stanzas))
        subprocess.run(['apt-get', 'update'], check=True, capture_output=True)

    def forget(self):
        """The package lists are gone, as on a fresh system."""
        subprocess.run(['apt-get', 'clean'], check=True)
        for file in (self.folder / 'state/lists').glob('*Packages*'):
            file.unlink()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setenv('APT_CONFIG', str(tmp_path / 'archive/apt.conf'))
    archive = Archive(tmp_path / 'archive')
    archive.add('kernel-meta', '1:2.0', depends='base (>= 1), kernel-6.1.0-9-amd64 (= 2.0)')
    archive.deb = archive.add('kernel-6.1.0-9-amd64', '2.0', text='the kernel\n')
    archive.update()
    return archive


def test_a_package_is_fetched_once_and_unpacked(archive, tmp_path):
    package, = debian.fetch(['kernel-6.1.0-9-amd64'], tmp_path / 'cache')
    assert (package.version, package.sha256) == ('2.0', hashlib.sha256(archive.deb.read_bytes()).hexdigest())
    archive.deb.unlink()
    assert debian.fetch(['kernel-6.1.0-9-amd64'], tmp_path / 'cache') == [package]
    debian.unpack([package], tmp_path / 'out', tmp_path / 'cache')
    assert (tmp_path / 'out/kernel-6.1.0-9-amd64').read_text() == 'the kernel\n'


def test_the_real_package_behind_a_name(archive, tmp_path):
    meta = debian.look_up(['kernel-meta'], tmp_path)['kernel-meta']
    assert debian.depended(meta, r'kernel-\d\S+') == 'kernel-6.1.0-9-amd64'
    with pytest.raises(errors.ImageUnavailable, match=r'kernel-meta 1:2\.0 depends on nothing like "nothing-\.\*"'):
        debian.depended(meta, 'nothing-.*')


def test_an_unknown_package_names_itself_and_the_command_that_helps(archive, tmp_path):
    with pytest.raises(errors.ImageUnavailable, match='do not know: no-such-thing') as caught:
        debian.fetch(['kernel-meta', 'no-such-thing'], tmp_path)
    assert 'apt-get update' in caught.value.explain()


def test_without_lists_the_cache_still_serves(archive, tmp_path):
    before = debian.fetch(['kernel-meta', 'kernel-6.1.0-9-amd64'], tmp_path / 'cache')
    archive.forget()
    assert debian.fetch(['kernel-meta', 'kernel-6.1.0-9-amd64'], tmp_path / 'cache') == before
    with pytest.raises(errors.ImageUnavailable, match='kernel-meta'):
        debian.fetch(['kernel-meta'], tmp_path / 'empty')


def test_a_damaged_download_is_fetched_again(archive, tmp_path):
    package, = debian.fetch(['kernel-meta'], tmp_path)
    debian.path(package, tmp_path).write_bytes(b'half')
    debian.fetch(['kernel-meta'], tmp_path)
    assert hashlib.sha256(debian.path(package, tmp_path).read_bytes()).hexdigest() == package.sha256


def test_a_mirror_that_has_lost_the_file_is_told_with_a_remedy(archive, tmp_path):
    archive.deb.unlink()
    with pytest.raises(errors.ImageUnavailable, match=r'kernel-6\.1\.0-9-amd64=2\.0') as caught:
        debian.fetch(['kernel-6.1.0-9-amd64'], tmp_path)
    assert 'apt-get update' in caught.value.remedy
    assert not list((tmp_path / 'debs').glob('*.deb'))


def test_a_newer_version_is_fetched_beside_the_old_one(archive, tmp_path):
    old, = debian.fetch(['kernel-6.1.0-9-amd64'], tmp_path)
    archive.add('kernel-6.1.0-9-amd64', '2.1')
    archive.update()
    new, = debian.fetch(['kernel-6.1.0-9-amd64'], tmp_path)
    assert (old.version, new.version) == ('2.0', '2.1')
    assert debian.path(old, tmp_path).exists()


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv('INGOT_CACHE', str(tmp_path))
    assert debian.cache_folder() == tmp_path
    assert debian.cache_folder('/elsewhere') == type(tmp_path)('/elsewhere')
    monkeypatch.delenv('INGOT_CACHE')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert debian.cache_folder() == tmp_path / '.cache/ingot'
