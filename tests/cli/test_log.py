"""The log: every line once, in order, whoever writes them; a reader who stops to read holds up nobody."""

import io
import logging
import threading

import pytest

from ingot import concurrency
from ingot.cli import log

THREADS, LINES = 8, 500


class Stream(io.StringIO):
    """A stream that can be stopped; it knows how often it was written to."""

    def __init__(self):
        super().__init__()
        self.writes, self.is_open, self.is_stuck = 0, threading.Event(), threading.Event()
        self.is_open.set()

    def write(self, text):
        self.writes += 1
        self.is_stuck.set()
        self.is_open.wait()
        return super().write(text)


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def logger(stream):
    handler = log.Lines(stream)
    handler.setFormatter(logging.Formatter('%(message)s'))
    logger = logging.Logger('test')
    logger.addHandler(handler)
    return logger


def test_a_line_is_there_when_the_call_returns(logger, stream):
    logger.info('%s is %s', 'one', 1)
    assert stream.getvalue() == 'one is 1\n'


def test_every_line_of_every_thread_is_there_once_and_in_its_order(logger, stream):
    def tell(name):
        for number in range(LINES):
            logger.info('%d %d', name, number)
    threads = [concurrency.spawn(tell, name) for name in range(THREADS)]
    for thread in threads:
        thread.join()
    told = [tuple(map(int, line.split())) for line in stream.getvalue().splitlines()]
    for name in range(THREADS):
        assert [number for teller, number in told if teller == name] == list(range(LINES))
    assert len(told) == THREADS * LINES


def test_who_writes_holds_up_nobody_and_writes_what_came_meanwhile(logger, stream):
    stream.is_open.clear()
    writer = concurrency.spawn(logger.info, 'first')
    assert stream.is_stuck.wait(60)
    for number in range(20):
        logger.info(number)              # would wait for ever
    stream.is_open.set()
    writer.join(60)
    assert stream.getvalue().split() == ['first', *map(str, range(20))]
    assert stream.writes == 2


def test_of_too_many_lines_the_newest_are_kept(stream):
    handler = log.Lines(stream)
    stream.is_open.clear()
    record = logging.LogRecord('test', logging.INFO, '', 0, 'line', (), None)
    writer = concurrency.spawn(handler.handle, record)
    assert stream.is_stuck.wait(60)
    for _ in range(log._MOST + 5):
        handler.handle(record)
    stream.is_open.set()
    writer.join(60)
    assert stream.getvalue().count('line') == log._MOST + 1


def test_the_end_of_the_process_waits_for_what_is_being_written(logger, stream):
    stream.is_open.clear()
    concurrency.spawn(logger.info, 'first')
    assert stream.is_stuck.wait(60)
    logger.info('last')
    ending = concurrency.spawn(logger.handlers[0].flush)
    stream.is_open.set()
    ending.join(60)
    assert stream.getvalue().split() == ['first', 'last']


def test_nobody_writes_for_others_for_ever(logger, stream):
    """While it writes a line the next one comes, more often than it is to go on."""
    left, write = iter(range(log._ROUNDS * 3)), stream.write

    def answered(text):
        if (number := next(left, None)) is not None:
            logger.info(number)
        writers.add(threading.get_ident())
        return write(text)
    writers, stream.write = set(), answered
    logger.info('first')
    assert concurrency.wait_for(lambda: len(stream.getvalue().split()) == 1 + log._ROUNDS * 3, 60)
    assert len(writers) > 1


def test_what_cannot_be_written_is_no_error_of_who_logs(logger, capsys):
    logger.info('%d', 'no number')
    assert '--- Logging error ---' in capsys.readouterr().err
    logger.info('next')


def test_the_time_of_a_line_is_that_of_logging():
    record = logging.makeLogRecord({'msg': 'told', 'levelname': 'INFO', 'name': 'test'})
    for created in (1.7e9, 1.7e9 + 0.4567, 1.7e9 + 61):
        record.created, record.msecs = created, int(created % 1 * 1000) + 0.0
        assert log.Format(log.FORMAT).format(record) == logging.Formatter(log.FORMAT).format(record)
