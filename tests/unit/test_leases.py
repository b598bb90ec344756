"""Leases: held by one, refreshed while the holder lives, taken over when it does not, whatever the clocks say."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mesascope import stopping
from mesascope.runs import lease
from mesascope.runs.address import S3Address, SftpAddress, address, s3_address, sftp_address
from mesascope.runs.lease import is_over, leased
from mesascope.runs.place import place_of

NAME = "study/key.lock"


class Memory:
    """What a place does for leases, in a dictionary; it fails while it is `gone`."""

    def __init__(self):
        self.files, self.gone, self.one = {}, False, threading.Lock()

    def create(self, name, content):
        with self._there():
            return self.files.setdefault(name, content) == content

    def exchange(self, name, content, was):
        with self._there():
            if self.files.get(name) != was:
                return False
            self.files[name] = content
            return True

    def read(self, name, num_bytes=None):
        with self._there():
            if name not in self.files:
                raise FileNotFoundError(name)
            return self.files[name]

    def unlink(self, name):
        with self._there():
            self.files.pop(name, None)

    def _there(self):
        if self.gone:
            raise OSError("no connection")
        return self.one


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(lease, "SECONDS", 0.3)
    monkeypatch.setattr(lease, "PAUSE", 0.01)


@pytest.fixture
def leases():
    return Memory()


def taken_after(leases):
    """Seconds until a lease is held by this thread, and whether it had to wait."""
    waited, started = [], time.monotonic()
    with leased(leases, NAME, lambda: waited.append(True)):
        return time.monotonic() - started, bool(waited)


def test_a_lease_names_its_holder_and_is_gone_afterwards(leases):
    with leased(leases, NAME, pytest.fail):
        told = json.loads(leases.files[NAME])
        assert told.keys() == {"owner", "host", "process", "since", "until"}
        assert 0 < told["until"] - time.time() <= lease.SECONDS
    assert leases.files == {}
    assert stopping.before_end == []


def test_a_holder_that_lives_keeps_its_lease_however_long_it_takes(leases):
    entered, threads = threading.Event(), ThreadPoolExecutor(1)

    def second():
        with leased(leases, NAME, lambda: None):
            entered.set()

    with leased(leases, NAME, pytest.fail):
        future = threads.submit(second)
        assert not entered.wait(4 * lease.SECONDS)
    future.result(timeout=10)
    assert entered.is_set()


def test_a_lease_that_ran_out_is_taken_over_at_once(leases):
    leases.files[NAME] = json.dumps({"owner": "dead", "until": time.time() - 1}).encode()
    seconds, _ = taken_after(leases)
    assert seconds < lease.SECONDS
    assert leases.files == {}


@pytest.mark.parametrize("content", [b"", b"garbage", b"[1]", json.dumps({"until": 1e12}).encode()])
def test_a_lease_that_does_not_change_is_taken_over_whatever_it_says(content, leases):
    """A holder that was killed while it wrote, or whose clock is days ahead."""
    leases.files[NAME] = content
    seconds, waited = taken_after(leases)
    assert lease.SECONDS <= seconds < 10 * lease.SECONDS
    assert waited
    assert not is_over(content)


def test_of_many_that_find_a_dead_lease_one_holds_it_at_a_time(leases):
    leases.files[NAME] = json.dumps({"until": 0}).encode()
    inside, most = [], []

    def work(_):
        with leased(leases, NAME, lambda: None):
            inside.append(True)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert most == [1] * 6


def test_a_slow_holder_leaves_the_lease_of_another_alone(leases):
    with leased(leases, NAME, pytest.fail):
        leases.files[NAME] = b"another's"
        time.sleep(1.5 * lease.SECONDS)
    assert leases.files == {NAME: b"another's"}


def test_a_place_that_is_gone_for_a_while_costs_nothing(leases):
    with leased(leases, NAME, pytest.fail):
        first = leases.files[NAME]
        leases.gone = True
        time.sleep(lease.SECONDS / 2)
        leases.gone = False
        time.sleep(lease.SECONDS / 2)
        assert leases.files[NAME] != first
        leases.gone = True
    assert NAME in leases.files  # it runs out


def test_a_process_that_is_stopped_gives_its_lease_back(leases):
    with leased(leases, NAME, pytest.fail):
        stopping.before_end[-1]()
        assert leases.files == {}


def test_an_error_of_the_place_is_the_callers(leases):
    leases.gone = True
    with pytest.raises(OSError, match="no connection"), leased(leases, NAME, pytest.fail):
        pytest.fail("nothing is held")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sftp://host/runs", SftpAddress("host", None, None, "/runs")),
        ("sftp://me@host:2222/a/b%20c/", SftpAddress("host", 2222, "me", "/a/b c")),
        ("sftp://host/~/runs", SftpAddress("host", None, None, "runs")),
    ],
)
def test_the_parts_of_an_address_of_sftp(text, parts):
    assert sftp_address(text) == parts
    assert address(text) == text


def test_the_parts_of_other_addresses():
    assert s3_address("s3://bucket/a/b/") == S3Address("bucket", "a/b")
    assert s3_address("s3://bucket") == S3Address("bucket", "")
    assert address("runs") == Path("runs")
    assert address("/a:/b") == Path("/a:/b")


def test_a_path_that_looks_like_an_address_is_refused():
    with pytest.raises(ValueError, match="`runs` must be text where it is no folder; got the path 's3:/bucket/runs'"):
        place_of(Path("s3://bucket/runs"))
