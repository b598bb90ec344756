"""Processes that do jobs side by side, each job after those it needs.

Each process is spawned, not forked, since JAX's threads do not survive a fork. It sees all cores and makes as many
devices of them as a process alone does, so that a job's result is the same, bit for bit, wherever it runs.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from mesascope import stopping
from mesascope.runs.store import Store

SECONDS_TO_END = 0.7  # for a process that is asked to stop to write what it is writing
MOST_TRIES = 3  # of a job whose process ended in the middle of it


class Job(NamedTuple):
    """`work(report, say)`, which a process can be sent; `needs` are keys of jobs to be done before."""

    key: str
    label: str
    work: Callable[..., Any]
    needs: frozenset[str] = frozenset()
    seconds: float = 0.0


class Started(NamedTuple):
    """A process has begun a job."""

    job: Job


class Progressed(NamedTuple):
    """A job is at `done` steps of `total`."""

    job: Job
    done: int
    total: int
    text: str


class Said(NamedTuple):
    """A job has something to tell the user."""

    job: Job
    text: str


class Lost(NamedTuple):
    """A job's process ended in the middle of it, or went out of reach: what there is to say. The job is tried again."""

    job: Job
    text: str = ""


class Finished(NamedTuple):
    """A job is done; what its work gave."""

    job: Job
    value: Any


class Failed(NamedTuple):
    """A job ended in an error, or its process did."""

    job: Job
    error: BaseException


Event = Started | Progressed | Said | Lost | Finished | Failed


class WorkerLost(RuntimeError):
    """A process ended in the middle of a job."""


class Pool:
    """`num_workers` processes, as a context: at its end they end, whatever they are at.

    A job whose process ends in the middle of it, killed for one, is tried again in another, `MOST_TRIES` times in all.
    Jobs may be added at any time. What a terminal sends, Ctrl-C for one, is for this process alone, which then stops
    the others; if it is killed, they end by themselves.
    """

    def __init__(self, num_workers: int):
        self.num_workers = num_workers
        self.context = multiprocessing.get_context("spawn")
        self.waiting: dict[str, Job] = {}
        self.unfinished: set[str] = set()
        self.idle: list[Connection] = []
        self.busy: dict[Connection, Job] = {}
        self.processes: dict[Connection, BaseProcess] = {}
        self.tries: Counter[str] = Counter()

    def __enter__(self) -> "Pool":
        stopping.before_end.append(self.stop)
        return self

    def __exit__(self, *exception: object) -> None:
        for connection in list(self.processes):
            self._end(connection)
        stopping.before_end.remove(self.stop)

    def stop(self) -> None:
        """End all processes, each as soon as it has written what it is writing."""
        processes = list(self.processes.values())
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + SECONDS_TO_END
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join(0.1)

    def add(self, *jobs: Job) -> None:
        """More to do, after what was added earlier."""
        self.waiting |= {job.key: job for job in jobs}
        self.unfinished |= {job.key for job in jobs}

    def events(self) -> Iterator[Event]:
        """What happens until nothing is left to do. A job whose need failed fails with it."""
        while self.waiting or self.busy:
            yield from self._start_jobs()
            for ready in wait(list(self.busy), timeout=0.5):
                assert isinstance(ready, Connection)
                yield from self._hear(ready)

    def reader(self, store: Store) -> Store:
        """Where results are read: one that is damaged by now is computed anew, here."""
        return Store(store.archive.place, say=store.say)

    def _start_jobs(self) -> Iterator[Event]:
        for job in list(self.waiting.values()):
            if job.needs & self.unfinished:
                continue
            if not self.idle and len(self.processes) >= self.num_workers:
                return
            connection = self.idle.pop() if self.idle else self._spawn()
            del self.waiting[job.key]
            self.tries[job.key] += 1
            self.busy[connection] = job
            connection.send(job.work)
            yield Started(job)

    def _hear(self, connection: Connection) -> Iterator[Event]:
        job = self.busy[connection]
        kind, content = self._receive(connection)
        if kind == "progressed":
            yield Progressed(job, *content)
        elif kind == "said":
            yield Said(job, content)
        elif isinstance(content, WorkerLost) and self.tries[job.key] < MOST_TRIES:
            self.waiting = {job.key: job, **self.waiting}
            yield Lost(job, f"{content}. It is tried again.")
        else:
            if self.busy.pop(connection, None):
                self.idle.append(connection)
            yield from events_at_end(job, kind, content, self.waiting, self.unfinished)

    def _receive(self, connection: Connection) -> tuple[str, Any]:
        try:
            return connection.recv()
        except (EOFError, OSError):
            process = self.processes[connection]
            self._end(connection)
            ended = f"a process that computed it ended (exit code {process.exitcode}), as it does where memory runs out"
            return "failed", WorkerLost(f"was stopped: {ended}")

    def _spawn(self) -> Connection:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=serve, args=(theirs,), daemon=True)
        with stopping.unbroken():
            allowed = signal.pthread_sigmask(signal.SIG_BLOCK, stopping.STOPS)  # the new process starts so, too
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
            self.processes[ours] = process
        theirs.close()
        return ours

    def _end(self, connection: Connection) -> None:
        process, busy = self.processes.pop(connection), self.busy.pop(connection, None)
        connection.close()  # which ends a process that waits for a job
        if busy:
            process.terminate()
        process.join(SECONDS_TO_END)
        if process.is_alive():
            process.kill()
            process.join()


def events_at_end(job: Job, kind: str, content: Any, waiting: dict[str, Job], unfinished: set[str]) -> Iterator[Event]:
    """What happens at a job's end, "finished" or not: waiting jobs that need one that failed fail with it."""
    unfinished.discard(job.key)
    if kind == "finished":
        yield Finished(job, content)
        return
    yield Failed(job, content)
    for other in [each for each in waiting.values() if job.key in each.needs]:
        if waiting.pop(other.key, None):
            yield from events_at_end(other, "failed", content, waiting, unfinished)


def serve(connection: Connection) -> None:
    """Do one job after the other, until whoever sends them is gone."""
    stopping.ignore(signal.SIGINT, signal.SIGHUP)  # which a terminal sends to all, and are for who sends the jobs
    stopping.end_at(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping.STOPS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with (
        contextlib.suppress(EOFError, OSError),
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        while True:
            connection.send(_outcome(connection.recv(), connection))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _outcome(work: Callable[..., Any], connection: Connection) -> tuple[str, Any]:
    def report(done: int, total: int, text: str) -> None:
        connection.send(("progressed", (done, total, text)))

    try:
        return "finished", work(report, lambda text: connection.send(("said", text)))
    except Exception as error:
        where = traceback.format_exc()  # which the other process cannot see
        with contextlib.suppress(Exception):  # an error that cannot be sent is told of in words
            error = pickle.loads(pickle.dumps(error))
            error.add_note(where)
            return "failed", error
        return "failed", RuntimeError(where)
