"""The runner of tutorials: a page that lies, in whatever way, fails."""

import pytest

from tests import tutorial

PAGE = '''# A page

Words, and `code`.

    $ NAME=world; cat > greeting <<'END'
    $HOME is a word here
    hello
    END
    $ cat greeting
    $HOME is a word here
    ...
    $ printf '%s\\n' "$(tail -1 greeting)" \\
        "$NAME"
    hello
    world

    $ echo 2f6fa3dc-1111-4222-8333-444455556666 took 12.5 s; echo end
    9c0de8b1-... took 0.3 s
    end
    $ false || echo no
    n...
'''


@pytest.fixture
def shell(tmp_path):
    shell = tutorial.Shell(HOME=str(tmp_path))
    shell.run(f'cd {tmp_path}', 10)
    yield shell
    shell.end()


def test_commands_are_read_with_what_they_print():
    commands = tutorial.read(PAGE)
    assert [one.number for one in commands] == [5, 9, 12, 17, 20]
    assert commands[0].text.endswith('hello\nEND')
    assert commands[2].text == 'printf \'%s\\n\' "$(tail -1 greeting)" \\\n    "$NAME"'
    assert commands[3].expected == ['9c0de8b1-... took 0.3 s', 'end']


def test_a_page_that_is_true_is_followed(shell):
    assert len(tutorial.follow(PAGE, shell, 10)) == 5


@pytest.mark.parametrize(('before', 'after'), [
    ('    world\n', ''), ('    world\n', '    world\n    more\n'), ('    world\n', '    word\n'),
    ('    hello\n    world', '    hello'),
    ('took 0.3 s', 'took 0 s'), ('9c0de8b1-...', '9c0de8b1'), ('|| echo no', '; echo no'), ('    n...\n', ''), ('    ...\n', ''),
    ('    n...\n', '    n...o.\n')])
def test_a_page_that_lies_is_found_out(shell, before, after):
    assert before in PAGE
    page = PAGE.replace(before, after, 1)
    if after == '; echo no':
        page = page.replace('; echo no', '; (echo no; false)')
    with pytest.raises(AssertionError, match=r'line \d+: '):
        tutorial.follow(page, shell, 10)


def test_a_command_that_does_not_end_is_killed(shell):
    with pytest.raises(AssertionError, match='line 1: sleep 600'):
        tutorial.follow('    $ sleep 600\n', shell, 0.5)
