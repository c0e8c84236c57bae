"""The name under which scripts hand over their pool; it is accepted and changes nothing."""

mapper = map
"""Scripts set ``likelihood.mapper = pool.map``; work is batched in one process instead."""
