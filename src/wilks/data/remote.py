"""Checked downloads: https only, size and sha256 verified, nothing kept that does not match."""

import hashlib
import json
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from wilks._base.errors import InvalidFile, UnknownName, near_names

ATLAS_OPEN_DATA_URL = "https://atlas-opendata.web.cern.ch/atlas-opendata/samples/2020/4lep/"
MOST_BYTES = 2_000_000_000
"""Largest download of a file of unknown size."""

_BLOCK = 1 << 20
_LOCK = "lock.json"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class RemoteFile:
    """One file that may be downloaded.

    Args:
        name: name in the cache, without folders.
        path: path below the base URL.
        size: bytes, if known.
        sha256: digest in hexadecimal, if known.
        citation: publication of the data.

    Raises:
        InvalidFile: if the name could leave the cache.
    """

    name: str
    path: str
    size: int | None = None
    sha256: str | None = None
    citation: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", self.name) or ".." in self.path.split("/"):
            raise InvalidFile(f"file {self.name!r} at {self.path!r}: names are plain, without folders or '..'")


def cache_folder(folder: str | Path | None = None) -> Path:
    """Folder of downloaded files, private to the user: given, ``WILKS_DATA``, or the user's cache.

    Args:
        folder: folder to use instead.
    """
    chosen = folder or os.environ.get("WILKS_DATA") or Path(platformdirs.user_cache_dir("wilks", "wilks")) / "data"
    path = Path(chosen)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def fetch(
    name: str,
    *,
    registry: Mapping[str, RemoteFile],
    cache: str | Path | None = None,
    base_url: str = ATLAS_OPEN_DATA_URL,
    progress: Callable[[int, int | None], Any] | None = None,
    trust_first: bool = False,
    allow_loopback_http: bool = False,
    timeout: float = 30.0,
) -> Path:
    """A file of the registry, from the cache if it is there and unchanged, else downloaded and checked.

    Args:
        name: name in the registry.
        registry: files that may be fetched.
        cache: folder; see `cache_folder`.
        base_url: where the paths of the registry begin.
        progress: called with bytes received and bytes expected (None if not known).
        trust_first: accept a file without known sha256 once, and write its sum into the lock file of the cache.
        allow_loopback_http: allow plain http to this machine, for tests.
        timeout: seconds without an answer after which the download ends.

    Raises:
        UnknownName: if the registry has no such file.
        InvalidFile: if the file cannot be got, or is not what the registry says.
    """
    if name not in registry:
        raise UnknownName(f"no file {name!r} to fetch; {near_names(name, registry)}")
    file, folder = registry[name], cache_folder(cache)
    expected = file.sha256 or _locked(folder).get(name)
    path = folder / file.name
    if path.is_file() and expected is not None:
        _check(path, file, expected, f"{path}: ", "delete it to download it again")
        return path
    if expected is None and not trust_first:
        raise InvalidFile(f"{name}: its sha256 is not known; trust the first download (--trust-first) or give the file")
    url = base_url + file.path
    received = _downloaded(url, file, folder, progress, allow_loopback_http, timeout)
    try:
        digest = _check(received, file, expected, f"{url}: ", "nothing was kept")
        os.replace(received, path)
    finally:
        received.unlink(missing_ok=True)
    if file.sha256 is None:
        _write_lock(folder, _locked(folder) | {name: digest})
    return path


class _RedirectWithinHost(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise InvalidFile(f"{req.full_url}: redirected to {newurl}, another host; not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str, allow_loopback_http: bool) -> bool:
    """Whether the address is on this machine; refuses everything but https (or http to this machine, if allowed)."""
    parts = urlsplit(url)
    here = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and here and allow_loopback_http):
        raise InvalidFile(f"{url}: only https is used")
    return here


def _downloaded(
    url: str,
    file: RemoteFile,
    folder: Path,
    progress: Callable[[int, int | None], Any] | None,
    allow_loopback_http: bool,
    timeout: float,
) -> Path:
    """Download into a temporary file in the cache; it is removed if anything goes wrong."""
    direct = [urllib.request.ProxyHandler({})] if _check_url(url, allow_loopback_http) else []
    opener = urllib.request.build_opener(_RedirectWithinHost(), *direct)
    handle, temporary = tempfile.mkstemp(prefix=".incoming-", dir=folder)
    path = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as target, opener.open(url, timeout=timeout) as source:
            _copy(source, target, url, file.size, progress)
    except (OSError, HTTPException) as broken:
        path.unlink(missing_ok=True)
        reason = f"status {broken.code}" if isinstance(broken, urllib.error.HTTPError) else str(broken)
        raise InvalidFile(
            f"{url} could not be downloaded ({reason}) and {folder} does not hold it; "
            "get it by other means and use --events DIR"
        ) from broken
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _copy(source: Any, target: Any, url: str, size: int | None, progress: Callable[..., Any] | None) -> None:
    received, limit = 0, MOST_BYTES if size is None else size
    while block := source.read(_BLOCK):
        received += len(block)
        if received > limit:
            raise InvalidFile(f"{url}: longer than {limit} bytes; nothing was kept")
        target.write(block)
        if progress is not None:
            progress(received, size)
    announced = source.headers.get("Content-Length")
    if announced is not None and received != int(announced):
        raise InvalidFile(f"{url}: ended after {received} of {announced} bytes; nothing was kept, try again")


def _check(path: Path, file: RemoteFile, expected: str | None, where: str, advice: str) -> str:
    """Digest of a file that has the right size and sum."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise InvalidFile(f"{where}{size} bytes, expected {file.size}; {advice}")
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if expected is not None and digest != expected:
        raise InvalidFile(f"{where}sha256 {digest}, expected {expected}; {advice}")
    return digest


def _locked(folder: Path) -> dict[str, str]:
    path = folder / _LOCK
    if not path.is_file():
        return {}
    try:
        sums = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as broken:
        raise InvalidFile(f"{path}: no valid JSON ({broken}); delete it to trust files anew") from broken
    if not isinstance(sums, dict) or not all(isinstance(digest, str) for digest in sums.values()):
        raise InvalidFile(f"{path}: expected an object of sha256 sums by name; delete it to trust files anew")
    return sums


def _write_lock(folder: Path, sums: Mapping[str, str]) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".lock-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as target:
        json.dump(dict(sorted(sums.items())), target, indent=1)
    os.replace(temporary, folder / _LOCK)
