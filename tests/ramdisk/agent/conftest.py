import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))      # for agent_bench: pytest imports tests without a path
import agent_bench


@pytest.fixture
def machine(tmp_path):
    return agent_bench.make_machine(tmp_path)
