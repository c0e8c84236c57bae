"""Cutting work into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidOption
from wilks.execution.chunks import Chunk, plan


@given(n=st.integers(0, 500), chunk_size=st.integers(1, 60))
def test_chunks_cover_all_items_once_and_in_order(n, chunk_size):
    chunks = plan(n, chunk_size, task="toys")
    items = [i for chunk in chunks for i in range(chunk.start, chunk.start + chunk.size)]
    assert items == list(range(n))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.size == chunk_size for chunk in chunks[:-1])


def test_a_chunk_names_itself_and_its_items():
    assert str(Chunk("toys", 3, 30, 10)) == "toys chunk 3 (items 30 to 39)"


@pytest.mark.parametrize(
    ("n", "size", "message"), [(-1, 5, "number of items -1 is negative"), (5, 0, "chunk size 0 is below 1")]
)
def test_impossible_plans_are_refused(n, size, message):
    with pytest.raises(InvalidOption, match=message):
        plan(n, size)
