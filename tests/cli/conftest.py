"""A whole Ingot in this process, on free ports."""

import pytest

from ingot import config
from ingot.cli.serve import House


@pytest.fixture(scope='module')
def house(tmp_path_factory):
    """API and conductor, without power sync and automated cleaning."""
    house = House(config.load(state_dir=str(tmp_path_factory.mktemp('house')), api__port=0, agent__port=0, boot__port=0,
                              conductor__power_sync_seconds=0, conductor__automated_clean=False))
    house.start()
    yield house
    house.stop()
