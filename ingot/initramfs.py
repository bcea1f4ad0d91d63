"""The parts that every initramfs of ours is made of: busybox, kernel modules, shared libraries, and the packing.

All of them take files out of ``source``, a folder into which Debian packages were unpacked (ingot.debian), and put them
into ``tree``, which becomes the / of the machine. Equal input gives equal bytes.
"""

import os
import pathlib
import re
import shutil

from ingot import errors, programs

_LIBRARIES = '/lib/x86_64-linux-gnu'
_LOADER = '/lib64/ld-linux-x86-64.so.2'
_REMEDY = 'Add the package of that library to the list of packages.'


def epoch():
    """The one time stamp of everything built: SOURCE_DATE_EPOCH, else 1 January 2000 (seconds since 1970)."""
    return int(os.environ.get('SOURCE_DATE_EPOCH') or 946684800)


def kernel_version(source):
    """The version of the one kernel that was unpacked into ``source``."""
    folder, = (pathlib.Path(source) / 'lib/modules').iterdir()
    return folder.name


def busybox(source, tree):
    """Put busybox and a link for each of its programs into /bin."""
    binary = pathlib.Path(tree) / 'bin/busybox'
    binary.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(pathlib.Path(source) / 'bin/busybox', binary)
    for name in applets(binary):
        binary.with_name(name).symlink_to('busybox')


def applets(binary):
    """Names of the programs that this busybox can be."""
    return [name for name in programs.run(binary, '--list').split() if name != 'busybox']


def modules(source, tree, names):
    """Copy the named kernel modules and all that they need, with an index for kmod; returns their paths in load order.

    A name that this kernel has built in is fine; one that it does not know at all raises ProgramFailed.
    """
    version = kernel_version(source)
    _index(source, version)
    shown = programs.run('modprobe', '-C', '/dev/null', '-d', source, '-S', version, '--show-depends', '-a', *names)
    paths = list(dict.fromkeys(re.findall(r'^insmod (\S+)', shown, re.MULTILINE)))
    for path in paths:
        _copy(path, pathlib.Path(tree) / pathlib.Path(path).relative_to(source))
    for index in ('modules.builtin', 'modules.builtin.modinfo', 'modules.order'):
        _copy(pathlib.Path(source, 'lib/modules', version, index), pathlib.Path(tree, 'lib/modules', version, index))
    _index(tree, version)
    return [str(pathlib.Path(path).relative_to(source)) for path in paths]


def _index(tree, version):
    programs.run('depmod', '-C', '/dev/null', '-b', tree, version)  # no configuration of the building system


def libraries(source, tree, binaries):
    """Copy the loader and every shared library that the binaries (paths in ``tree``) need, directly or not."""
    folders = [f'{source}{_LIBRARIES}', f'{source}/usr{_LIBRARIES}']
    loader = f'{folders[0]}/{pathlib.Path(_LOADER).name}'
    needed = {}
    for binary in binaries:
        for name, path in _needed(loader, folders, binary).items():
            needed[name] = path
    for name, path in needed.items():
        _copy(path, pathlib.Path(f'{tree}{_LIBRARIES}', name))
    _copy(loader, pathlib.Path(f'{tree}{_LOADER}'))


def _needed(loader, folders, binary):
    """{soname: path}. The loader also looks where the building system has its libraries; those are as good as missing."""
    try:
        listed = programs.run(loader, '--list', '--inhibit-cache', '--library-path', ':'.join(folders), binary)
    except errors.ProgramFailed as error:
        raise errors.ProgramFailed(f'A library of {binary} is in no unpacked package: {error}', remedy=_REMEDY) from None
    found = {name: path for name, path in re.findall(r'^\s*(\S+) => (/\S+)', listed, re.MULTILINE) if name[0] != '/'}
    strange = [name for name, path in found.items() if not path.startswith(tuple(folders))]
    if strange:
        raise errors.ProgramFailed(f'{binary} needs {", ".join(strange)}, which is in no unpacked package.', remedy=_REMEDY)
    return found


def _copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def normalize(tree):
    """Give every file one time stamp and a mode that does not depend on who builds."""
    for path in [pathlib.Path(tree), *pathlib.Path(tree).rglob('*')]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def pack(tree, output, level=19):
    """Write ``tree`` as a compressed cpio archive that a Linux kernel takes as its initramfs.

    :param level: of zstd, 1 (quick) to 19 (small).
    """
    normalize(tree)
    archive = f'{output}.cpio'
    names = sorted(str(path.relative_to(tree)) for path in pathlib.Path(tree).rglob('*'))
    programs.run('cpio', '--create', '--format=newc', '--reproducible', '--owner=0:0', '--quiet', '-F', archive,
                 cwd=tree, stdin='\n'.join(names) + '\n')
    programs.run('zstd', f'-{level}', '-T0', '--quiet', '--force', '--rm', archive, '-o', output, timeout=600)
