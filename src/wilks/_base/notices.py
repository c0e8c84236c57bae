"""One-line notices to the user: each is said once per process, on the log called "wilks"."""

import functools
import logging


@functools.cache
def notice(sentence: str) -> None:
    """Say a sentence once; the log "wilks" prints it on standard error unless the user has set it otherwise."""
    logging.getLogger("wilks").warning(sentence)
