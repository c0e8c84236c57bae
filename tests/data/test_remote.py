"""Checked downloads from a server on this machine; no test leaves it."""

import hashlib
import http.server
import json
import os
import threading

import pytest

from wilks._base.errors import InvalidFile, UnknownName
from wilks.data.remote import RemoteFile, cache_folder, fetch
from wilks.physics.collider.tables.remote_files import ATLAS_2020_FILES

CONTENT = b"four leptons " * 1000
SIZE = len(CONTENT)
SUM = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self):
        type(self).requests += 1
        if self.path.endswith("missing"):
            self.send_error(404)
        elif self.path.endswith("elsewhere"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:9/file")
            self.end_headers()
        elif self.path.endswith("moved"):
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:500] if self.path.endswith("truncated") else CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Handler.requests = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def get(server, folder, path="file", *, size=SIZE, sha256=SUM, **options):
    registry = {"f.root": RemoteFile("f.root", path, size, sha256)}
    return fetch("f.root", registry=registry, cache=folder, base_url=server, allow_loopback_http=True, **options)


def test_good_file_is_downloaded_once(server, tmp_path):
    seen = []
    path = get(server, tmp_path, progress=lambda received, expected: seen.append((received, expected)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    get(server, tmp_path)
    assert Handler.requests == 1
    assert [item.name for item in tmp_path.iterdir()] == ["f.root"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sha256": "0" * 64}, f"sha256 {SUM}, expected {'0' * 64}; nothing was kept"),
        ({"size": 14000}, "13000 bytes, expected 14000; nothing was kept"),
        ({"size": 500}, "longer than 500 bytes; nothing was kept"),
        ({"path": "truncated"}, "ended after 500 of 13000 bytes"),
        ({"path": "truncated", "size": None}, "ended after 500 of 13000 bytes"),
        ({"path": "missing"}, "could not be downloaded .status 404. .* use --events DIR"),
        ({"path": "elsewhere"}, "redirected to http://127.0.0.2:9/file, another host"),
    ],
)
def test_wrong_files_leave_nothing(server, tmp_path, options, message):
    with pytest.raises(InvalidFile, match=message):
        get(server, tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_redirect_within_the_host_is_followed(server, tmp_path):
    assert get(server, tmp_path, "moved").read_bytes() == CONTENT


def test_interrupted_download_leaves_nothing_and_can_be_repeated(server, tmp_path):
    def interrupt(received, expected):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_unknown_sum_needs_trust_and_is_binding_afterwards(server, tmp_path):
    with pytest.raises(InvalidFile, match=r"its sha256 is not known; trust the first download \(--trust-first\)"):
        get(server, tmp_path, sha256=None)
    assert Handler.requests == 0
    path = get(server, tmp_path, sha256=None, trust_first=True)
    assert json.loads((tmp_path / "lock.json").read_text()) == {"f.root": SUM}
    assert get(server, tmp_path, sha256=None) == path
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(InvalidFile, match=f"expected {SUM}; delete it to download it again"):
        get(server, tmp_path, sha256=None)


def test_no_network_names_url_folder_and_the_way_without(tmp_path):
    registry = {"f.root": RemoteFile("f.root", "file", 1, SUM)}
    with pytest.raises(InvalidFile, match=r"http://127.0.0.1:9/file could not be downloaded .*use --events DIR"):
        fetch("f.root", registry=registry, cache=tmp_path, base_url="http://127.0.0.1:9/", allow_loopback_http=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/"])
def test_only_https_is_used(url, tmp_path):
    registry = {"f.root": RemoteFile("f.root", "file", 1, SUM)}
    with pytest.raises(InvalidFile, match="only https is used"):
        fetch("f.root", registry=registry, cache=tmp_path, base_url=url)


@pytest.mark.parametrize(
    ("name", "path"), [("../f.root", "f"), ("a/b", "f"), ("f.root", "../f"), ("", "f"), (".f", "f")]
)
def test_names_cannot_leave_the_cache(name, path):
    with pytest.raises(InvalidFile, match="names are plain"):
        RemoteFile(name, path)


def test_unknown_name_and_broken_lock_are_refused(tmp_path):
    with pytest.raises(UnknownName, match="did you mean"):
        fetch("data.4lep.roo", registry=ATLAS_2020_FILES, cache=tmp_path)
    (tmp_path / "lock.json").write_text("{")
    with pytest.raises(InvalidFile, match="no valid JSON"):
        fetch("mc_363490.llll.4lep.root", registry=ATLAS_2020_FILES, cache=tmp_path)


def test_cache_is_private_and_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("WILKS_DATA", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    assert os.stat(cache_folder()).st_mode & 0o777 == 0o700


def test_registry_knows_the_sizes_that_are_published():
    assert ATLAS_2020_FILES["mc_363490.llll.4lep.root"].size == 179_082_866
    assert ATLAS_2020_FILES["mc_345060.ggH125_ZZ4lep.4lep.root"].size == 50_518_236


@pytest.mark.shared
def test_registry_agrees_with_the_files_in_hand(shared_data):
    known = [file for file in ATLAS_2020_FILES.values() if file.sha256 is not None]
    assert len(known) == 10
    for file in known:
        content = (shared_data / "atlas4l" / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
