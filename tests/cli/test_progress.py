"""What a terminal shows of the feed."""

import io

from ingot.cli import progress


def event(kind, node='n1', **data):
    return {'seq': 1, 'node': node, 'kind': kind, 'data': data}


def test_a_line_tells_state_phase_rate_and_time_left():
    line = progress.Line('machine-1')
    line.take(event('provision_state', to='wait call-back'), 1)
    line.take(event('agent.progress', phase='write image', done=256 << 20, total=1 << 30, rate=128 << 20), 2)
    assert str(line) == ('machine-1    wait call-back  write image         [#####...............]    256 of 1024 MB '
                         '  128 MB/s    6 s left')


def test_a_rate_of_zero_is_no_division_by_zero():
    line = progress.Line('m')
    line.take(event('agent.progress', phase='write image', done=0, total=10, rate=0), 1)
    assert '0 s left' in str(line)


def test_a_new_phase_forgets_the_bytes_of_the_former_one():
    line = progress.Line('m')
    line.take(event('agent.progress', phase='write image', done=5, total=10, rate=1), 1)
    line.take(event('agent.phase', phase='verify image'), 2)
    assert '[' not in str(line)
    assert line.marks == [('verify image', 2)]


def test_without_a_terminal_only_news_are_printed():
    stream = io.StringIO()
    display = progress.Display({'n1': 'one'}, stream=stream)
    display.take(event('provision_state', to='deploying'))
    for done in (1, 2, 3):
        display.take(event('agent.progress', phase='write image', done=done, total=9, rate=1))
        display.draw()
    display.take(event('provision_state', node='stranger', to='error'))
    display.draw()
    assert len(stream.getvalue().splitlines()) == 1


def test_the_bar_stays_within_its_frame():
    assert progress.bar(-1) == f'[{"." * 20}]'
    assert progress.bar(7) == f'[{"#" * 20}]'
