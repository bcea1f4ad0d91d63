"""The corpus, replayed to the real Ironic and to Ingot."""

import pathlib

from tests.differential import corpus, differences, run


def test_both_answer_alike_or_differ_as_is_meant(capsys):
    status = run.main([])
    assert status == 0, capsys.readouterr().out[-8000:]


def test_the_corpus_is_large_enough():
    requests = [step for path in corpus.files() for step in corpus.read(path) if isinstance(step, corpus.Request)]
    assert len(requests) >= 1500


def test_the_page_says_what_the_table_says():
    page = pathlib.Path(__file__).parents[2] / 'docs' / 'differences.md'
    assert page.read_text() == differences.page(), 'make differences'
