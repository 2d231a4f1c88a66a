"""The page's server answers its own page only, and the command teaches as `stream` does."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from commands import failed, object_of
from serving import IMAGE, NETWORK, X, Y

from edge_naca.core import Core
from edge_naca.host import recorder
from edge_naca.host.choice import Choice, Mark
from edge_naca.host.link import LineCounts
from edge_naca.host.mirror import Lesson
from edge_naca.host.packing import Packer
from edge_naca.host.watching import Watching
from edge_naca.host.web import server
from edge_naca.host.web.server import AddressError, Page, loopback

HOSTILE = ["a", "<img src=x onerror=alert(1)>", "a\u202eb", "none", "\x1b[31m"]
READ = ("", "facts", "figures", "static/watch.js", "static/watch.css", "bokeh/bokeh.min.js")


def watching_of(control: Any, names: list[str] = HOSTILE) -> Watching:
    return Watching("<b>title</b>", names, Core(NETWORK), LineCounts(), control)


@pytest.fixture(scope="module")
def choice() -> Choice:
    return Choice([(0, b"\0")] * 10)


@pytest.fixture(scope="module")
def watching(choice: Choice) -> Watching:
    return watching_of(choice)


@pytest.fixture(scope="module")
def page(watching: Watching) -> Iterator[Page]:
    with Page(watching) as page:
        yield page


@pytest.fixture
def client(page: Page) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page.url, trust_env=False, timeout=60) as client:
        yield client


def events(client: httpx.Client, path: str = "pictures") -> Iterator[tuple[str, Any]]:
    with client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


# ---- who is answered ---------------------------------------------------------------------------


def test_the_page_and_its_parts_are_there(client: httpx.Client) -> None:
    for path in READ:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) > 100
    assert client.get("facts").json() == {
        "title": "<b>title</b>", "classes": HOSTILE, "teaches": True, "has_own": True,
    }  # fmt: skip


def test_each_page_has_an_address_of_its_own(page: Page) -> None:
    with Page(watching_of(None)) as other:
        tokens = [urlsplit(one.url).path.strip("/") for one in (page, other)]
        hosts = {urlsplit(one.url).hostname for one in (page, other)}
    assert hosts == {"127.0.0.1"}
    assert len(set(tokens)) == 2
    assert all(len(token) >= 32 for token in tokens)  # 192 bits


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("token", ["", "x", "x" * 32, "é", "..", "%2e%2e"])
def test_who_does_not_know_the_address_is_not_answered(page: Page, token: str, path: str) -> None:
    root = page.url.rsplit("/", 2)[0]
    answer = httpx.get(f"{root}/{token}/{path}", trust_env=False, timeout=60)
    assert answer.status_code == 403
    assert "edge-naca watch printed" in answer.text


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),  # a name that was made to lead here (DNS rebinding)
        ("Host", "evil.example:PORT"),
        ("Host", "127.0.0.1"),  # another port
        ("Host", "127.0.0.1.evil.example:PORT"),
        ("Host", ""),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", "https://127.0.0.1:PORT"),
        ("Origin", "http://127.0.0.1:1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),  # another port of this machine
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_pages_are_not_answered(
    page: Page, client: httpx.Client, choice: Choice, method: str, header: str, value: str
) -> None:
    choice.teach(None)
    headers = {
        header: value.replace("PORT", str(urlsplit(page.url).port)),
        "Content-Type": "application/json",
    }
    path = "teach" if method == "POST" else "facts"
    answer = client.request(method, path, headers=headers, content=b'{"teach": 1}')
    assert answer.status_code == 403
    assert choice.wanted is None


def test_two_hosts_at_once_are_not_answered(page: Page) -> None:
    address = urlsplit(page.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0)) as line:
        line.sendall(
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nHost: evil.example\r\n\r\n"
            .encode()
        )  # fmt: skip
        assert re.match(rb"HTTP/1.1 4\d\d ", line.recv(100))


@pytest.mark.parametrize("target", ["*", "/", "//", "http://evil.example/"])
def test_odd_targets_are_refused(page: Page, target: str) -> None:
    address = urlsplit(page.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0)) as line:
        line.sendall(f"OPTIONS {target} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        assert re.match(rb"HTTP/1.1 4\d\d ", line.recv(100))


def test_no_file_beside_the_page_s_is_read(page: Page) -> None:
    address = urlsplit(page.url)
    assert address.hostname is not None
    for path in ("static/../server.py", "static/..%2fserver.py", "bokeh/../../__init__.py"):
        with socket.create_connection((address.hostname, address.port or 0)) as line:
            line.sendall(
                f"GET {address.path}{path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
            )
            assert re.match(rb"HTTP/1.1 40\d ", line.recv(100))


def test_nothing_is_loaded_from_elsewhere(client: httpx.Client) -> None:
    policy = client.get("").headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == parts["connect-src"] == "'self'"
    for file in server.STATIC.iterdir():
        assert not re.search(r"(https?:)?//\w", file.read_text()), file


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.0.1", "example.org", "", "1"])
def test_only_loopback_is_served(address: str) -> None:
    with pytest.raises(AddressError, match="no loopback address"):
        loopback(address)
    assert loopback("localhost") == "127.0.0.1"
    assert loopback("[::1]") == "::1"


def test_a_port_that_is_taken_is_named(page: Page, watching: Watching) -> None:
    port = urlsplit(page.url).port
    assert port is not None
    with pytest.raises(AddressError, match=f"port {port}: Address already in use; choose another"):
        Page(watching, port=port)


def test_a_page_ends_though_a_browser_holds_on() -> None:
    with Page(watching_of(None)) as page, httpx.Client(base_url=page.url, trust_env=False) as one:
        found = events(one)
        assert next(found)[0] == "all"
        page.close()
        with pytest.raises(httpx.RemoteProtocolError):
            list(found)
        with pytest.raises(httpx.ConnectError):
            httpx.get(page.url, trust_env=False)


# ---- what is asked for -------------------------------------------------------------------------


def test_buttons_choose(client: httpx.Client, choice: Choice) -> None:
    for wish, wanted, resting in ((3, 3, False), (None, 3, True), ("all", None, False)):
        assert client.post("teach", json={"teach": wish}).json() == {}
        assert (choice.wanted, choice.is_resting) == (wanted, resting)


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"{}", b'{"teach": 5}', b'{"teach": -1}', b'{"teach": true}', b"null",
     b'{"teach": "0"}', b'{"teach": 1.0}', b"[" * 900, b'{"teach": ' + b" " * 2000, b"\xff"],
)  # fmt: skip
def test_wishes_that_cannot_be_are_refused(
    client: httpx.Client, choice: Choice, body: bytes
) -> None:
    choice.teach(None)
    answer = client.post("teach", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["refused"]
    assert (choice.wanted, choice.is_resting) == (None, False)


def test_forms_are_refused(client: httpx.Client, choice: Choice) -> None:
    answer = client.post("teach", content=b'{"teach": 1}', headers={"Content-Type": "text/plain"})
    assert answer.json() == {"refused": "this is no JSON"}
    assert choice.wanted is None
    assert client.get("teach").status_code == 405


def test_who_only_predicts_teaches_nothing_and_a_sensor_has_no_labels() -> None:
    with Page(watching_of(None)) as page, httpx.Client(base_url=page.url, trust_env=False) as one:
        assert not one.get("facts").json()["teaches"]
        assert "only predicts" in one.post("teach", json={"teach": 1}).json()["refused"]
    mark = Mark(has_own=False)
    with Page(watching_of(mark)) as page, httpx.Client(base_url=page.url, trust_env=False) as one:
        assert one.post("teach", json={"teach": "all"}).status_code == 400
        assert one.post("teach", json={"teach": 2}).status_code == 200
        assert mark.label_of(None) == 2


def test_each_tab_sees_all() -> None:
    """A second tab that comes later begins with what the first one was shown."""
    core, watching = Core(NETWORK), watching_of(None)
    samples = Packer(core).samples(X[:30])
    results = core.learn_many(X[:30], Y[:30])

    def note(first: int, last: int) -> None:
        for number in range(first, last):
            label = int(Y[number])
            watching.note_lesson(Lesson(samples[number], label, label, results[number]))

    def until(found: Iterator[tuple[str, Any]], count: int) -> list[int]:
        numbers: list[int] = []
        while len(numbers) < count:
            numbers += next(found)[1]["lessons"]["number"]
        return numbers

    with Page(watching) as page, httpx.Client(base_url=page.url, trust_env=False) as one:
        note(0, 10)
        first = events(one)
        assert until(first, 10) == list(range(1, 11))
        with httpx.Client(base_url=page.url, trust_env=False) as two:
            second = events(two)
            assert until(second, 10) == list(range(1, 11))
            note(10, 30)
            for found in (first, second):
                assert until(found, 20) == list(range(11, 31))


# ---- the command -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watch")
    (folder / "i.naca").write_bytes(IMAGE)
    np.savez(folder / "d.npz", x_train=X[:100], y_train=Y[:100], x_test=X[:2], y_test=Y[:2])
    return folder


def words_of(files: Path, *more: object) -> tuple[object, ...]:
    device = f"emulate:{files / 'i.naca'}"
    return ("watch", device, "--data", files / "d.npz", "--order", "given", "--end", *more)


class Looking(threading.Thread):
    """Somebody who opens the page at once, teaches a class, and all when nothing is left of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
        super().__init__(daemon=True)
        self._label, self._url = label, ""
        self._is_said, self._has_chosen = threading.Event(), threading.Event()
        monkeypatch.setattr("edge_naca.cli.report.say", self._say)
        self.start()

    def _say(self, text: str, err: bool = False) -> None:
        self._url = text.removeprefix("Watch at ")
        self._is_said.set()
        self._has_chosen.wait(60)  # only then anything is taught

    def run(self) -> None:
        self._is_said.wait(60)
        with httpx.Client(base_url=self._url, trust_env=False, timeout=60) as client:
            client.post("teach", json={"teach": self._label})
            self._has_chosen.set()
            for _, picture in events(client):
                if picture["teaching"]["used_up"]:
                    client.post("teach", json={"teach": "all"})
                    return


def test_watch_teaches_and_records_as_stream_does(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.jsonl"
    report = object_of("stream", "--port", *words_of(files)[1:-1])
    monkeypatch.setattr("edge_naca.cli.report.say", lambda *a, **k: None)
    told = object_of(*words_of(files, "--record", path, "--twin"))
    assert told["state_hash"] == report["state_hash"]
    assert told["twin"] == "equal"
    known = recorder.read(path)
    assert [label for label, _ in known.items] == Y[:100].tolist()
    assert known.choices == ()


def test_what_a_button_chose_is_in_the_recording(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, label = tmp_path / "r.jsonl", int(Y[99])
    looking = Looking(monkeypatch, label)
    told = object_of(*words_of(files, "--record", path))
    looking.join(60)
    order = sorted(range(100), key=lambda place: (Y[place] != label, place))
    core = Core(NETWORK)
    core.learn_many(X[order], Y[order])
    assert (told["done"], told["state_hash"]) == (100, f"{core.state_hash():08x}")
    known = recorder.read(path)
    assert [one for one, _ in known.items] == Y[order].tolist()
    assert known.choices == ((0, label), ((Y[:100] == label).sum(), None))


def test_errors_of_the_command(files: Path) -> None:
    said = failed(2, *words_of(files, "--address", "0.0.0.0"))
    assert "no loopback address" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = failed(1, *words_of(files, "--page-port", port))
    assert f"port {port}: Address already in use" in said
    assert "say what to stream" in failed(2, "watch", f"emulate:{files / 'i.naca'}")
