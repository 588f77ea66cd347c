"""A recorder at work, for the tests of a module."""

from collections.abc import Iterator

import pytest
from tests.support.recording import Recording, record

from bluenova_tools.local import Postgres


@pytest.fixture(scope="module")
def recording(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with record(postgres, tmp_path_factory) as one:
        yield one
