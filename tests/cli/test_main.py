"""The command line itself."""

import subprocess

import pytest

import ingot
from ingot import config, errors
from ingot.cli import completion, main, node, settings


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(['--version'])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f'ingot {ingot.__version__}\n'


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(['node', 'deploy'])
    assert ended.value.code == 2
    assert 'the following arguments are required: node' in capsys.readouterr().err


def test_an_error_has_its_remedy_and_status_1(capsys, tmp_path):
    assert main.main(['db', 'version', '--state-dir', str(tmp_path / 'x'), '--set', 'nonsense']) == 1
    assert 'expected GROUP.NAME=VALUE' in capsys.readouterr().err


def test_db_upgrade_and_version(capsys, tmp_path):
    assert main.main(['db', 'version', '--state-dir', str(tmp_path)]) == 0
    assert main.main(['db', 'upgrade', '--state-dir', str(tmp_path)]) == 0
    assert main.main(['db', 'version', '--state-dir', str(tmp_path)]) == 0
    first, second, third = capsys.readouterr().out.split()
    assert (first, second) == ('empty', third)


def test_no_answer_is_status_4(capsys):
    assert main.main(['node', 'list', '--url', 'http://127.0.0.1:1']) == 4
    assert 'no answer from the API' in capsys.readouterr().err


def test_set_reaches_the_option(tmp_path):
    parser = main.parser('db')
    options = parser.parse_args(['db', 'version', '--state-dir', str(tmp_path), '--set', 'conductor.lease_seconds=2.5'])
    assert settings.load(options).conductor.lease_seconds == 2.5


def test_a_file_is_read_and_the_command_line_wins(tmp_path):
    file = tmp_path / 'ingot.conf'
    file.write_text('[api]\nport = 7001\n[agent]\nport = 7002\n')
    parser = main.parser('db')
    conf = settings.load(parser.parse_args(['db', 'version', '--config-file', str(file), '--state-dir', str(tmp_path),
                                            '--set', 'api.port=7003']))
    assert (conf.api.port, conf.agent.port) == (7003, 7002)


def test_a_bad_value_names_the_option(tmp_path):
    options = main.parser('db').parse_args(['db', 'version', '--state-dir', str(tmp_path), '--set', 'api.port=x'])
    with pytest.raises(errors.Invalid, match='port'):
        settings.load(options)


def test_pairs_read_json_values_and_refuse_lone_keys():
    assert node.pairs(['a=1', 'b=x=y', 'c={"d": true}']) == {'a': 1, 'b': 'x=y', 'c': {'d': True}}
    with pytest.raises(errors.Invalid, match='expected KEY=VALUE'):
        node.pairs(['lonely'])


def test_completion_in_a_real_bash():
    script = completion.script(main.parser())
    probe = f'{script}\nCOMP_WORDS=(ingot node de); COMP_CWORD=2; _ingot; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(['bash', '-c', probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['delete', 'deploy']


def test_every_option_has_a_sentence():
    for options in config.GROUPS.values():
        for option in options:
            assert len(option.help or "") > 10, option.name
