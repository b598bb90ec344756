"""Who computes the cells of a command: this process, processes of its own, or the workers of a Dask scheduler."""

import contextlib
from collections.abc import Iterator

from mesascope.cli.arguments import Computing
from mesascope.cli.progress import Display
from mesascope.runs.store import Store
from mesascope.studies import seconds_of_cells
from mesascope.study.base import AbstractStudy
from mesascope.sweep.forecast import Seconds
from mesascope.sweep.plan import PlannedStudy, jobs
from mesascope.sweep.pool import Pool
from mesascope.sweep.run import Done, run_here, run_side_by_side

SECONDS_WORTH_IT = 10.0  # of computing, less than which new processes take longer to start than they save


@contextlib.contextmanager
def engine(
    studies: tuple[PlannedStudy, ...],
    store: Store,
    display: Display,
    command: Computing,
    *,
    seconds: Seconds | None = None,
    keep_going: bool = False,
) -> Iterator[tuple[Pool | None, Iterator[Done]]]:
    """A cluster where one is named; processes side by side where there is enough to compute for them; else this one.

    What may need more memory than there is, which can end a process, is never computed in this one. The pool is given,
    too, where there is one: it draws figures.
    """
    seconds = seconds_of_cells() if seconds is None else seconds
    if command.scheduler or command.scheduler_file:
        from mesascope.sweep.cluster import Cluster, Scheduler

        with Cluster(Scheduler(command.scheduler, command.scheduler_file), display.say) as cluster:
            yield None, run_side_by_side(studies, store, display, cluster, seconds, keep_going=keep_going)
        return
    todo = jobs(studies, store, seconds).values()
    little = min(command.workers, len(todo)) < 2 or sum(job.seconds for job in todo) < SECONDS_WORTH_IT
    if little and not (todo and any(beyond_presets(each.study) for each in studies)):
        yield None, run_here(studies, store, display, keep_going)
        return
    with Pool(command.workers) as pool:
        yield pool, run_side_by_side(studies, store, display, pool, seconds, keep_going=keep_going)


def beyond_presets(study: AbstractStudy) -> bool:
    """Whether a number of something is larger than in every preset, so that nobody has seen the memory it takes."""
    tried = [study.preset(name) for name in study.presets]
    if not tried:
        return False
    numbers = {name: value for name, value in vars(study).items() if type(value) is int and name != "first_seed"}
    return any(number > max(getattr(each, name) for each in tried) for name, number in numbers.items())
