"""Make the ramdisk, kernel and initramfs, from Debian packages: without root, byte for byte the same each time."""

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

from ingot import debian, errors, initramfs, programs
from ingot.ramdisk import packages

_HERE = pathlib.Path(__file__).parent
_SECONDS = 300

Ramdisk = collections.namedtuple('Ramdisk', 'kernel initrd manifest')


def build(folder, flavour='small', cache=None, append='', *, agent=_HERE / 'agent', level=19):
    """Make ``kernel``, ``initrd`` and ``ramdisk.json`` in ``folder``, unless they are there from equal input.

    :param flavour: 'small' (virtual machines, boots fastest) or 'full' (real hardware).
    :param cache: folder of downloads; default: $INGOT_CACHE, ~/.cache/ingot.
    :param append: words that stand behind those of the kernel line, for /init and the agent (``ingot.shell``).
    :param agent: folder of the agent's Python package. :param level: of zstd; 1 for a quick try, 19 for a small ramdisk.
    Returns Ramdisk(kernel, initrd, manifest), paths. Raises ImageUnavailable when packages cannot be had, Invalid.
    """
    if flavour not in packages.FLAVOURS:
        raise errors.InvalidParameter(f'Ramdisk flavour "{flavour}" is unknown; there are: {", ".join(packages.FLAVOURS)}.')
    folder, agent = pathlib.Path(folder), pathlib.Path(agent)
    if not (agent / '__main__.py').exists():
        raise errors.InvalidParameter(f'{agent} is no agent: it has no __main__.py.')
    ramdisk = Ramdisk(folder / 'kernel', folder / 'initrd', folder / 'ramdisk.json')
    names = packages.wanted(flavour, cache)
    inputs = _inputs(agent, debian.look_up(names, cache).values(), flavour=flavour, append=append, level=level)
    if not _is_fresh(ramdisk, inputs):
        fetched = debian.fetch(names, cache)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix='.build-') as work:
            _make(Ramdisk(*(pathlib.Path(work, path.name) for path in ramdisk)), inputs, agent, fetched, cache)
            for path in ramdisk:  # the manifest comes last: without it nothing counts as built
                os.replace(pathlib.Path(work, path.name), path)
    return ramdisk


def _inputs(agent, used, **wishes):
    """All that decides about the bytes."""
    recipe = [_HERE / 'init.sh', _HERE / 'udhcpc.sh', *_HERE.glob('*.py'), pathlib.Path(initramfs.__file__)]
    return {**wishes, 'epoch': initramfs.epoch(), 'agent_sha256': _digest(agent.rglob('*.py')),
            'recipe_sha256': _digest(recipe), 'packages': [
                {key: value for key, value in dataclasses.asdict(package).items() if key != 'depends'} for package in used]}


def _digest(files):
    """SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f'{file.name} {file.stat().st_size}\n'.encode() + file.read_bytes())
    return digest.hexdigest()


def _describe(path):
    with open(path, 'rb') as file:
        return {'bytes': path.stat().st_size, 'sha256': hashlib.file_digest(file, 'sha256').hexdigest()}


def _is_fresh(ramdisk, inputs):
    try:
        manifest = json.loads(ramdisk.manifest.read_text())
        return manifest['inputs'] == inputs and manifest['files'] == {
            path.name: _describe(path) for path in (ramdisk.kernel, ramdisk.initrd)}
    except (OSError, ValueError, KeyError):
        return False


def _make(ramdisk, inputs, agent, used, cache):
    source, tree = ramdisk.kernel.with_name('source'), ramdisk.kernel.with_name('tree')
    source.mkdir()
    debian.unpack(used, source, cache)
    version = initramfs.kernel_version(source)
    _furnish(tree, inputs['flavour'], inputs['append'])
    initramfs.busybox(source, tree)
    loaded = initramfs.modules(source, tree, packages.MODULES[inputs['flavour']])
    _put_programs(source, tree, agent, ramdisk.kernel.with_name('sources'))
    initramfs.pack(tree, ramdisk.initrd, inputs['level'])
    shutil.copy(source / f'boot/vmlinuz-{version}', ramdisk.kernel)
    ramdisk.manifest.write_text(json.dumps({
        'inputs': inputs, 'kernel_version': version, 'modules': loaded, 'left_out': 'firmware (non-free)',
        'files': {path.name: _describe(path) for path in (ramdisk.kernel, ramdisk.initrd)}}, indent=1) + '\n')


def _furnish(tree, flavour, append):
    """The folders and files that need no package."""
    for name in ('dev', 'etc/udhcpc', 'ingot', 'proc', 'run', 'sbin', 'sys', 'tmp', 'usr/bin'):
        (tree / name).mkdir(parents=True)
    for name, text, mode in [('init', (_HERE / 'init.sh').read_text(), 0o755),
                             ('etc/udhcpc/default.script', (_HERE / 'udhcpc.sh').read_text(), 0o755),
                             ('etc/hosts', '127.0.0.1 localhost\n', 0o644), ('etc/passwd', 'root:x:0:0::/:/bin/sh\n', 0o644),
                             ('ingot/modules', ' '.join(packages.ALWAYS[flavour]) + '\n', 0o644),
                             ('ingot/append', ' '.join(append.split()), 0o644)]:
        (tree / name).write_text(text)
        (tree / name).chmod(mode)


def _put_programs(source, tree, agent, sources):
    """Python with what the agent needs of it, the agent, and the programs of packages.PROGRAMS with their libraries."""
    python, = (source / 'usr/bin').glob('python3.*[0-9]')
    shutil.copytree(agent, sources / 'agent', ignore=shutil.ignore_patterns('__pycache__'))
    _run_python(source, python, _HERE / 'stdlib.py', sources, source / 'usr/lib' / python.name, tree)
    for origin, target in {**packages.PROGRAMS, python.relative_to(source): 'usr/bin/python3'}.items():
        shutil.copy(source / origin, tree / target)
    (tree / 'bin/python3').symlink_to('../usr/bin/python3')
    initramfs.libraries(source, tree, [
        *(tree / target for target in packages.PROGRAMS.values()), tree / 'usr/bin/python3', *tree.rglob('lib-dynload/*.so')])


def _run_python(source, python, *args):
    """Run the unpacked Python, with its own C library: .pyc files are good for one version only."""
    libraries = f'{source}/lib/x86_64-linux-gnu:{source}/usr/lib/x86_64-linux-gnu'
    programs.run(f'{libraries.partition(":")[0]}/ld-linux-x86-64.so.2', '--inhibit-cache', '--library-path', libraries,
                 python, '-s', '-S', *args, timeout=_SECONDS,
                 environment={'PYTHONHASHSEED': '0', 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONPATH': '', 'PYTHONHOME': ''})
