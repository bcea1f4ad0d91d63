"""Files come only from allowed folders, whatever links and dots say; secrets in URLs stay out of errors."""

import os

import pytest

from ingot import errors
from ingot.drivers.images import source, url


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / 'secret'
    path.write_text('root:x')
    return path


def test_a_file_in_the_folder(folder):
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'a b').write_text('x')
    source.check(f'file://{folder}/sub/a%20b', [str(folder)])
    source.check(f'file://{folder}/sub/../sub/a%20b', ['/nonexistent', f'{folder}/'])


@pytest.mark.parametrize('how', ['plain', 'dots', 'encoded dots', 'link', 'folder link', 'neighbour', 'nul', 'itself', 'proc'])
def test_other_files_are_refused(folder, secret, how, tmp_path):
    (folder / 'link').symlink_to(secret)
    (folder / 'up').symlink_to('..')
    neighbour = tmp_path / 'allowed-not'
    neighbour.mkdir()
    (neighbour / 'x').write_text('x')
    path = {'plain': secret, 'dots': f'{folder}/../secret', 'encoded dots': f'{folder}/%2e%2e/secret', 'link': folder / 'link',
            'folder link': folder / 'up' / 'secret', 'neighbour': neighbour / 'x', 'nul': f'{secret}%00', 'itself': folder,
            'proc': '/proc/self/environ'}[how]
    with pytest.raises(errors.InvalidParameter) as caught:
        source.check(f'file://{path}', [str(folder)])
    assert str(folder) in str(caught.value)
    assert 'allowed_paths' in caught.value.remedy


def test_allowed_folder_may_be_a_link_itself(folder, tmp_path):
    (tmp_path / 'images').symlink_to(folder)
    (folder / 'a').write_text('x')
    source.check(f'file://{tmp_path}/images/a', [f'{tmp_path}/images'])


def test_a_link_swapped_after_the_check_is_noticed(folder, secret, monkeypatch):
    """Somebody replaces a folder on the way by a link between our check and our open."""
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'secret').write_text('harmless')
    real = os.open

    def swapped(path, *words, **more):
        if str(path).endswith('/sub/secret'):
            os.rename(folder / 'sub', folder / 'away')
            (folder / 'sub').symlink_to(secret.parent)
        return real(path, *words, **more)
    monkeypatch.setattr(os, 'open', swapped)
    with pytest.raises(errors.InvalidParameter, match='allowed folder'):
        source.check(f'file://{folder}/sub/secret', [str(folder)])


@pytest.mark.parametrize('kind', ['folder', 'pipe', 'missing', 'socket'])
def test_only_regular_files(folder, kind):
    path = folder / 'thing'
    if kind == 'folder':
        path.mkdir()
    elif kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'socket':
        os.mknod(path, 0o140600)
    with pytest.raises((errors.InvalidParameter, errors.ImageUnavailable),
                       match='No such file' if kind == 'missing' else 'not a regular file'):
        source.check(f'file://{path}', [str(folder)])


def test_masking():
    assert url.mask('https://user:pw@host:1/a/b?X-Signature=s&y#z') == 'https://***@host:1/a/b?***'
    assert url.mask('https://host/a') == 'https://host/a'
    assert url.split_credentials('http://us%40er:p%3Aw@host/a?b') == ('http://host/a?b', 'Basic dXNAZXI6cDp3')
    assert url.split_credentials('http://host/a@b') == ('http://host/a@b', None)
