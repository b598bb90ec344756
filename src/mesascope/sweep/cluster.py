"""The workers of a Dask scheduler, which do jobs as a `Pool` does: on a cluster, in containers, or on this machine.

A worker computes a cell and stores its result itself; what travels is the cell's configuration and, back, the seconds
it took. So workers and whoever sends them jobs need the same place of results and the same version of this package.
"""

import contextlib
import json
import logging
import queue
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mesascope.extras import check_extra
from mesascope.runs.archive import Archive
from mesascope.runs.store import Store
from mesascope.sweep.pool import (
    Event,
    Job,
    Lost,
    Progressed,
    Said,
    Started,
    WorkerLost,
    events_at_end,
)

SECONDS_TO_ANSWER = 5.0  # for a scheduler, each time it is asked
SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_OF_A_COUNT = 2.0  # of workers
SECONDS_BETWEEN_REPORTS = 1.0  # of a job on its way
SECONDS_OF_SILENCE = 30.0  # before a lack of workers is told
AHEAD = 4  # jobs that are sent for each thread of a worker: the others wait here


_UNREACHABLE = (OSError, TimeoutError, ValueError, LookupError)  # also a file that holds no address, or none yet


class SchedulerLost(ConnectionError):
    """No scheduler answers; the message says what to do."""


class Scheduler(NamedTuple):
    """Where a scheduler is: its address, or the file that it writes its address to."""

    address: str = ""
    file: str = ""

    def __str__(self) -> str:
        return self.address or self.file

    def connect(self) -> Any:
        """A client of it; OSError where none answers, ValueError for what is no address."""
        from distributed import Client
        from distributed.comm.addressing import get_address_host_port

        for name in filter(lambda name: name.startswith("distributed"), list(logging.root.manager.loggerDict)):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said in our own words
        address = self.address or json.loads(Path(self.file).read_text())["address"]
        get_address_host_port(address, strict=True)
        return Client(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)


class Sent(NamedTuple):
    """A job that a scheduler has, and what will be its outcome."""

    job: Job
    future: Any


class Cluster:
    """The workers of a scheduler, as a context.

    A job whose worker ends in the middle of it is tried again on another by the scheduler, three times at most if it is
    not told otherwise. Where the scheduler itself is lost, `say` tells, and for `patience` seconds it is looked for
    again: then what is unfinished is sent anew, and what a worker has stored by then is found. Raises `ExtraError`
    without Dask, and `SchedulerLost` where there is no scheduler, or none any more.
    """

    def __init__(self, scheduler: Scheduler, say: Callable[[str], None], patience: float = 300.0):
        check_extra("cluster")
        self.scheduler, self.say, self.patience = scheduler, say, patience
        self.waiting: dict[str, Job] = {}
        self.sent: dict[str, Sent] = {}
        self.unfinished: set[str] = set()
        self.heard: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self.topic = f"mesascope-{uuid.uuid4().hex}"
        self.client: Any = None
        self.num_threads, self.counted = 0, -SECONDS_OF_A_COUNT

    def __enter__(self) -> "Cluster":
        try:
            self._connect()
        except _UNREACHABLE as error:
            raise SchedulerLost(
                f"no Dask scheduler answers at {self.scheduler} ({_first_line(error)}). Start one, as by `dask "
                "scheduler`, or name another."
            ) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._disconnect()

    @property
    def num_workers(self) -> int:
        """How many jobs its workers do side by side by now; 1 while there is none."""
        if time.monotonic() - self.counted > SECONDS_OF_A_COUNT:
            with contextlib.suppress(Exception):  # a scheduler that is lost just now
                self.num_threads = sum(self.client.nthreads().values())
            self.counted = time.monotonic()
        return max(1, self.num_threads)

    def add(self, *jobs: Job) -> None:
        """More to do, after what was added earlier."""
        self.waiting |= {job.key: job for job in jobs}
        self.unfinished |= {job.key for job in jobs}

    def reader(self, store: Store) -> Archive:
        """Where results are read; nothing is computed here."""
        return store.archive

    def events(self) -> Iterator[Event]:
        """What happens until nothing is left to do. A job whose need failed fails with it."""
        last = time.monotonic()
        while self.waiting or self.sent:
            if self.client.status != "running":
                yield from self._reconnect()
            self._send()
            events = [*self._heard(), *self._settled()]
            yield from events
            if events:
                last = time.monotonic()
            elif time.monotonic() - last > SECONDS_OF_SILENCE and not self.num_threads:
                self.say(f"The scheduler {self.scheduler} has no workers. Waiting for some.")
                last = time.monotonic()
            else:
                time.sleep(SECONDS_BETWEEN_LOOKS)

    def _connect(self) -> None:
        self.client = self.scheduler.connect()
        self.client.subscribe_topic(self.topic, lambda event: self.heard.put(event[1]))

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already
            self.client.close(timeout=1)

    def _reconnect(self) -> Iterator[Event]:
        """Wait for the scheduler to come back; `SchedulerLost` where it does not."""
        self.say(f"The scheduler {self.scheduler} does not answer. Waiting for it up to {self.patience:.0f} s.")
        self._disconnect()
        deadline = time.monotonic() + self.patience
        while True:
            try:
                self._connect()
                break
            except _UNREACHABLE as error:
                if time.monotonic() > deadline:
                    raise SchedulerLost(
                        f"the Dask scheduler {self.scheduler} is lost ({_first_line(error)}). What was stored is kept: "
                        "start the scheduler and its workers again and give the same command, which computes what is "
                        "missing."
                    ) from error
                time.sleep(0.5)
        self.say("The scheduler is back. What is unfinished is sent again.")
        lost = [sent.job for sent in self.sent.values()]
        self.sent = {}
        self.waiting = {job.key: job for job in lost} | self.waiting
        yield from (Lost(job) for job in lost)

    def _send(self) -> None:
        """Give the scheduler what can be done by now, but not much more than there are workers for."""
        room = AHEAD * self.num_workers - len(self.sent) if self.waiting else 0
        ready = [job for job in self.waiting.values() if not job.needs & self.unfinished]
        for order, job in enumerate(ready[: max(room, 0)]):
            name = f"{job.label}-{uuid.uuid4().hex[:8]}"
            with contextlib.suppress(Exception):  # the scheduler is lost just now: the next look finds it so
                future = self.client.submit(
                    perform, job.work, job.key, self.topic, _num_devices(), key=name, priority=-order, pure=False
                )
                self.sent[job.key] = Sent(self.waiting.pop(job.key), future)

    def _heard(self) -> Iterator[Event]:
        """What workers told of jobs on their way."""
        while not self.heard.empty():
            key, kind, content = self.heard.get()
            if key not in self.sent:
                continue
            job = self.sent[key].job
            if kind == "started":
                yield Started(job)
            elif kind == "said":
                yield Said(job, content)
            else:
                yield Progressed(job, *content)

    def _settled(self) -> Iterator[Event]:
        """Jobs that ended, and those whose outcome nobody will know."""
        for job, future in list(self.sent.values()):
            if future.status == "pending" or self.client.status != "running":
                continue
            try:
                kind, content = future.result(timeout=SECONDS_TO_ANSWER)
            except Exception as error:
                if future.status == "error":
                    yield from self._done(job, "failed", _in_our_words(error))
                elif self.client.status == "running":  # given up, as where its worker left with the result
                    del self.sent[job.key]
                    self.waiting = {job.key: job, **self.waiting}
                    yield Lost(job, "was given up by the scheduler. It is sent again.")
            else:
                yield from self._done(job, kind, content)

    def _done(self, job: Job, kind: str, content: Any) -> Iterator[Event]:
        self.sent.pop(job.key, None)
        yield from events_at_end(job, kind, content, self.waiting, self.unfinished)


def perform(work: Callable[..., Any], key: str, topic: str, num_devices: int) -> tuple[str, Any]:
    """Do one job on a worker, on as many devices as where it was planned, on which last bits depend; its outcome."""
    import jax
    from distributed import get_worker

    from mesascope.training.runtime import set_up_runtime

    set_up_runtime(num_devices)
    jax.devices()  # from now on there are so many
    worker, last = get_worker(), [0.0]

    def tell(kind: str, content: Any = None) -> None:
        with contextlib.suppress(Exception):  # the scheduler is lost: the result is stored all the same
            worker.log_event(topic, (key, kind, content))

    def report(done: int, total: int, text: str) -> None:
        if time.monotonic() - last[0] > SECONDS_BETWEEN_REPORTS:
            last[0] = time.monotonic()
            tell("progressed", (done, total, text))

    tell("started")
    if jax.local_device_count() != num_devices:
        found = f"has {jax.local_device_count()} devices in place of {num_devices}: last bits may differ"
        tell("said", f"A worker {found}. Start workers anew for each machine that gives commands.")
    try:
        return "finished", work(report, lambda text: tell("said", text))
    except Exception as error:
        error.add_note(traceback.format_exc())
        return "failed", error


def _in_our_words(error: BaseException) -> Exception:
    """The error of a job that was never done."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerLost("was stopped: every worker that computed it ended, as workers do where memory runs out")
    return RuntimeError(f"could not be sent to a worker or back ({type(error).__name__}: {_first_line(error)})")


def _num_devices() -> int:
    import jax

    return jax.local_device_count()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
