"""Compile the agent and that part of the standard library which it can reach; runs under the ramdisk's own Python.

``python3 stdlib.py SOURCES LIBRARY TREE``: SOURCES holds the package ``agent``, LIBRARY is the folder of the standard
library, TREE becomes the machine's /. Imports nothing of Ingot. Only .pyc files are written, without docstrings for the
library, so that the ramdisk stays small and no time is spent on compiling.
"""

import ast
import modulefinder
import os
import pathlib
import py_compile
import shutil
import sys

#: Imported by the interpreter itself, or from C, where no search sees it.
ALWAYS = ('_strptime', 'codecs', 'copyreg', 'encodings.aliases', 'encodings.ascii', 'encodings.idna', 'encodings.latin_1',
          'encodings.utf_8', 'io', 'os', 'runpy', 'site', 'traceback', 'warnings')
#: Mentioned by modules that work without; they and all they would pull in stay out unless the agent names them.
LEFT_OUT = ('asyncio', 'bz2', 'curses', 'doctest', 'distutils', 'ftplib', 'lzma', 'multiprocessing', 'optparse', 'pdb',
            'pydoc', 'readline', 'ssl', '_ssl', 'tarfile', 'tkinter', 'unittest', 'webbrowser', 'xml', 'xmlrpc')


def main(sources, library, tree):
    agent = sorted((sources / 'agent').rglob('*.py'))
    named = set().union(*(imported(file) for file in agent))
    path = [str(sources), str(library), str(library / 'lib-dynload')]
    finder = modulefinder.ModuleFinder(path, excludes=[name for name in LEFT_OUT if name not in named])
    for name in [*ALWAYS, *(dotted(file.relative_to(sources)) for file in agent)]:
        finder.import_hook(name)
    refuse_strangers(finder)
    for _, module in sorted(finder.modules.items()):
        if module.__file__:
            put(pathlib.Path(module.__file__), sources, library, tree)


def imported(file):
    """Top names of all modules that the source file imports."""
    nodes = list(ast.walk(ast.parse(file.read_bytes())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition('.')[0] for name in names}


def dotted(file):
    parts = file.with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def refuse_strangers(finder):
    """The agent may import what the standard library has, and nothing else."""
    missing, _ = finder.any_missing_maybe()
    for name in missing:
        users = sorted(user for user in finder.badmodules.get(name, ()) if user.partition('.')[0] == 'agent')
        if users:
            sys.exit(f'{", ".join(users)} imports {name}, which the standard library does not have')


def put(file, sources, library, tree):
    is_agent = file.is_relative_to(sources)
    place = pathlib.Path('ingot') / file.relative_to(sources) if is_agent else (
        pathlib.Path('usr/lib') / library.name / file.relative_to(library))
    target = tree / place
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix != '.py':
        shutil.copy(file, target)
    else:
        py_compile.compile(file, target.with_suffix('.pyc'), f'/{place}', doraise=True, optimize=0 if is_agent else 2,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == '__main__':
    os.umask(0o022)
    main(*(pathlib.Path(word).resolve() for word in sys.argv[1:]))
