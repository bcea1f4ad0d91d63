"""What the pages say is so: their links lead somewhere, and options, commands, tests and error texts in them exist."""

import argparse
import pathlib
import re

import pytest

from ingot import config
from ingot.api import openapi, resource
from ingot.api.v1 import root
from ingot.cli import main

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/**/*.md'))]
_LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')
_CODE = re.compile(r'`([^`\n]+)`|^(?:    |\t)+(?:\$ )?(.+)$', re.MULTILINE)
_INLINE = re.compile(r'`([^`\n]+)`')
_OPTION = re.compile(r'\[([A-Za-z]+)\] ?([a-z]+(?:_[a-z]+)*)\b')
#: Groups that are sections of other programs' files.
_STRANGERS = {'Service'}


@pytest.fixture(scope='module')
def pages():
    return {page: page.read_text() for page in PAGES}


@pytest.fixture(scope='module')
def source():
    return ''.join(path.read_text() for path in sorted(ROOT.glob('ingot/**/*.py')))


def anchors(text):
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r'^#+ (.*)$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_links_between_pages_lead_somewhere(pages):
    lost = []
    for page, text in pages.items():
        for target in _LINK.findall(text):
            path, _, anchor = target.partition('#')
            if '://' in target:
                continue
            there = (page.parent / path).resolve() if path else page
            if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
                lost.append(f'{page.name}: {target}')
    assert not lost


def test_options_exist(pages):
    known = {(group, option.name) for group, options in config.GROUPS.items() for option in options}
    found = {(page.name, *option) for page, text in pages.items() for option in options_of(text)}
    assert len(found) > 30
    assert not sorted(one for one in found if one[1:] not in known)


def options_of(text):
    """(group, name) of `[group] name`, of group.name=value after --set, and of files of options."""
    for group, name in _OPTION.findall(text):
        if group in config.GROUPS:
            yield group, name
    for name in re.findall(r'--set ([a-z_.]+)=', text):
        yield tuple(name.split('.')) if '.' in name else ('DEFAULT', name)
    group = None
    for line in text.splitlines():
        section = re.fullmatch(r'    \[(\w+)\]', line)
        setting = re.match(r'    ([a-z_]+) = ', line)
        group = section[1] if section else group if setting else None
        if setting and group and group not in _STRANGERS:
            yield group, setting[1]


def commands(text):
    """Commands that call ingot, as lists of words."""
    for inline, block in _CODE.findall(text):
        for part in re.split(r'[;&|]+', inline or block):
            words = part.split('#')[0].split()
            if 'ingot' in words[:1] or (words and words[0].endswith('/ingot')):
                yield words[1:]


def parsers(parser):
    """{path: parser} of all subcommands."""
    found = {(): parser}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                found |= {(name, *path): inner for path, inner in parsers(sub).items()}
    return found


def test_commands_exist(pages):
    known, wrong, count = parsers(main.parser()), [], 0
    for page, text in pages.items():
        for words in commands(text):
            count += 1
            problem = problem_of(known, words)
            if problem:
                wrong.append(f'{page.name}: ingot {" ".join(words)}: {problem}')
    assert count > 40
    assert not wrong


def problem_of(known, words):
    """What is wrong with a command line, or None; words in capitals and after an option stand for anything."""
    path = ()
    while len(path) < len(words) and (*path, words[len(path)]) in known:
        path = (*path, words[len(path)])
    parser = known[path]
    if any(isinstance(action, argparse._SubParsersAction) for action in parser._actions):
        rest = [word for word in words[len(path):] if not word.startswith('-')]
        if rest and not rest[0].isupper() and '|' not in rest[0] and rest[0] != '...':
            return f'there is no command {rest[0]}'
    options = {option for action in parser._actions for option in action.option_strings}
    unknown = [word for word in words if re.fullmatch(r'--[a-z][a-z-]*', word.partition('=')[0])
               and word.partition('=')[0] not in options]
    if unknown:
        return f'there is no option {unknown[0]}'
    choices = next((action.choices for action in parser._actions if not action.option_strings and action.choices
                    and not isinstance(action, argparse._SubParsersAction)), None)
    first = next((word for word in words[len(path):] if not word.startswith('-')), None)
    return f'{first} is none of {list(choices)}' if path[:1] != ('node',) and choices and first and first not in choices else None


def test_tests_that_are_named_exist(pages):
    there = {name for path in ROOT.glob('tests/**/test_*.py')
             for name in re.findall(r'^def (test_\w+)', path.read_text(), re.MULTILINE)}
    named = set(re.findall(r'`(test_\w+)`', pages[ROOT / 'docs' / 'testing.md']))
    assert len(named) > 40
    assert not named - there


def test_every_place_of_the_api_has_its_line(pages):
    """By its last word: /v1/nodes/{node}/states/power is found as `power`."""
    tree = root.tree(resource.Site(config.load(), None, None))
    words = {[word for word in path.split('/') if '{' not in word][-1] for path, *_ in openapi.places(tree)}
    table = pages[ROOT / 'docs' / 'resources.md'].partition('\n## ')[0]
    assert len(words) > 50
    assert not words - {''} - set(re.findall(r'[\w.]+', ' '.join(_INLINE.findall(table))))


def test_error_texts_of_the_operators_table_are_those_of_the_code(pages, source):
    table = pages[ROOT / 'docs' / 'operator.md'].partition('## What to do when')[2].partition('\n## ')[0]
    texts = re.findall(r'^\| `([^`]+)` \|', table, re.MULTILINE)
    assert len(texts) > 20
    missing = [part for text in texts for part in text.split(' ... ') if part not in flat(source)]
    assert not missing


def flat(source):
    """The source with the pieces of long strings joined, and escaped quotes as they are read."""
    return re.sub(r"'\s*\n\s*f?'", '', source).replace("\\'", "'")
