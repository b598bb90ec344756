"""What an identification has so far, in a folder: one that was stopped goes on from there."""

import contextlib
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.identify.asking import AnySubject
from mesascope.identify.environments import Environment
from mesascope.identify.fit import Fit
from mesascope.identify.sanity import Sanity, question_of
from mesascope.subject import AbstractSequenceSubject, AbstractSubject

NUM_ASKED_AGAIN = 4  # prompts, by whose answers a model is known again
SAME = 1e-5  # of an answer, beyond what repeated answers differ by


class Kept:
    """Answers and fits of one model, one task and one key; with no folder nothing is kept.

    A folder of another model is emptied: the model is asked a few prompts anew, and its answers are compared.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder

    def remembering(self, checked: Sanity, environment: Environment) -> AnySubject:
        """The subject, its answers kept: it is asked each question once."""
        subject = checked.subject
        if self.folder is None:
            return subject
        asked = question_of(subject, environment.part(slice(0, NUM_ASKED_AGAIN)))
        question = [asked] if isinstance(asked, np.ndarray) else list(asked)
        method = subject.next_states if isinstance(subject, AbstractSequenceSubject) else subject.predictions
        now = method(*question)
        before = self._read("known")
        if before is not None and not _alike(before[0].get("answers"), now, SAME + 4 * checked.floor.value):
            self.forget()
        self._write("known", {"answers": now}, {})
        if isinstance(subject, AbstractSequenceSubject):
            return _RememberedSequence(subject, self)
        return _Remembered(subject, self)

    def answers(self, ask: Callable[..., np.ndarray], *question: np.ndarray) -> np.ndarray:
        """The answers to a question, from the folder where they are there."""
        digest = hashlib.sha256()
        for array in question:
            digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
        found = self._read(digest.hexdigest())
        if found is None:
            found = {"answers": ask(*question)}, {}
            self._write(digest.hexdigest(), *found)
        return found[0]["answers"]

    def fit(self, name: str, compute: Callable[[], Fit]) -> Fit:
        """A candidate's fit, from the folder where it is there."""
        found = self._read(f"fit {name}")
        if found is not None:
            parameters = {each: np.asarray(value)[()] for each, value in found[0].items()}
            return Fit(parameters, found[1]["num_steps"], found[1]["delta"], tuple(found[1]["at_bound"]))
        fitted = compute()
        header = {"num_steps": fitted.num_steps, "delta": fitted.delta, "at_bound": list(fitted.at_bound)}
        self._write(f"fit {name}", {each: np.asarray(value) for each, value in fitted.parameters.items()}, header)
        return fitted

    def forget(self) -> None:
        """Remove the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, name: str) -> tuple[dict[str, np.ndarray], dict] | None:
        """None for what is not there, or damaged: it is computed again."""
        if self.folder is None:
            return None
        try:
            return load_arrays(self.folder / name)
        except (UnusableFile, FileNotFoundError):
            return None

    def _write(self, name: str, arrays: dict[str, np.ndarray], header: dict) -> None:
        if self.folder is None:
            return
        with contextlib.suppress(OSError):  # a disk that is full or cannot be written to: nothing is kept
            self.folder.mkdir(parents=True, exist_ok=True)
            save_arrays(self.folder / name, arrays, header)


class _Remembered(AbstractSubject):
    def __init__(self, subject: AbstractSubject, kept: Kept):
        self.subject, self.kept, self.name = subject, kept, subject.name

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return self.kept.answers(self.subject.predictions, xs, ys, queries)


class _RememberedSequence(AbstractSequenceSubject):
    def __init__(self, subject: AbstractSequenceSubject, kept: Kept):
        self.subject, self.kept, self.name = subject, kept, subject.name

    def next_states(self, states: np.ndarray) -> np.ndarray:
        return self.kept.answers(self.subject.next_states, states)


def _alike(before: np.ndarray | None, now: np.ndarray, share: float) -> bool:
    return before is not None and before.shape == now.shape and bool(
        np.linalg.norm(before - now) <= share * np.linalg.norm(now)
    )  # fmt: skip
