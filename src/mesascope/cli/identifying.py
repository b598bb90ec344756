"""`identify`: open the model, ask it, print what was found, draw it, keep it."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

from rich.text import Text

from mesascope.cli import candidate_settings, task_settings
from mesascope.cli.arguments import Identify
from mesascope.cli.console import messages, output, print_json
from mesascope.cli.errors import InputError
from mesascope.cli.stopped import farewell
from mesascope.cli.study_models import is_study, study_model
from mesascope.configuration import fingerprint
from mesascope.extras import ExtraError
from mesascope.files import write_atomically
from mesascope.random import seed_key
from mesascope.runs.directory import DirectoryError
from mesascope.runs.place import place_of
from mesascope.runs.store import Store
from mesascope.subject import SubjectError


def identify(command: Any) -> int:
    """Carry the command out; 0 whatever the verdict is, InputError for a model that cannot be asked."""
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    check_targets(command)
    say = _say(command)
    try:
        subject, task = _opened(command, say)
        from mesascope.identify.candidates import chosen
        from mesascope.identify.identify import identify as run

        tried = [
            candidate_settings.with_ranges(each, command.ranges) for each in chosen(command.candidates or None, task)
        ]
        keep = _unfinished(command)
        with farewell(lambda: f"mesascope: stopped; {keep} keeps the answers; the same command goes on from there.\n"):
            found = run(
                subject, task, tried, key=seed_key(command.seed), budget=command.budget, lengths=command.lengths,
                say=say, keep=keep,
            )  # fmt: skip
    except SubjectError as error:
        raise InputError(f"{error} {_kept(error)}") from error
    except ExtraError as error:
        raise InputError(f"{command.model} {error}.") from error
    except (DirectoryError, FileNotFoundError, ValueError) as error:
        raise InputError(str(error)) from error
    if command.json:
        print_json(found.to_json())
    elif command.quiet:
        output().print(Text(found.sentence), soft_wrap=True)
    else:
        from mesascope.identify.words import screen

        output().print(screen(found))
    _write(found, command)
    return 0


def _unfinished(command: Any) -> Path:
    """Where answers and fits lie until the command is done: a folder of its own for everything that was asked."""
    names = ("model", "candidates", "ranges", "budget", "lengths", "seed", "preset")
    asked = {name: str(getattr(command, name)) for name in names}
    return place_of(command.runs).scratch(f"identify/{fingerprint({**asked, 'task': str(task_of(command))})[:16]}")


def check_targets(command: Identify) -> None:
    """Raise InputError, before anything is asked, where a file cannot be written."""
    if command.figure is not None and command.figure.suffix not in (".pdf", ".svg", ".png"):
        raise InputError(f"`--figure` must end in .pdf, .svg or .png; got {str(command.figure)!r}.")
    for name in ("figure", "save"):
        path = getattr(command, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"`--{name}` must lie in a folder that is there; got {str(path)!r}.")


def _opened(command: Any, say: Any) -> tuple[Any, Any]:
    """The subject and the task it is asked with."""
    from mesascope.interop.opening import as_subject

    task = task_of(command)
    if is_study(command.model):
        say(f"{command.model}, preset {command.preset}")
        store = Store(command.runs, say=say)
        found = study_model(command.model, command.preset, store, lambda done, total, text: None)
        return as_subject(found.model, name=found.name), task or found.task
    if task is None:
        raise InputError("`--task` must say what prompts the model is asked. `mesascope tasks` lists them.")
    if ":" in command.model:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` would find the user's module
    return as_subject(command.model), task


def task_of(command: Any) -> Any:
    """The task that the command names, with its settings; None where it names none."""
    if not command.task:
        return None
    cls = task_settings.find_task(command.task)
    return task_settings.make(cls, dataclasses.asdict(command.settings))


def _say(command: Identify) -> Any:
    console = messages()

    def say(text: str) -> None:
        if not command.quiet:
            console.print(Text(f"identify: {text}"), soft_wrap=True)

    return say


def _write(found: Any, command: Identify) -> None:
    try:
        if command.save is not None:
            found.save(command.save)
        if command.figure is not None:
            import io

            from mesascope.cli.exporting import width_in_cm

            buffer = io.BytesIO()
            found.figure(width_in_cm(command.width)).savefig(buffer, format=command.figure.suffix[1:])
            write_atomically(command.figure, buffer.getvalue())
    except OSError as error:
        raise InputError(f"the result cannot be written: {error}. Name another file.") from error


def _kept(error: SubjectError) -> str:
    """Where the prompt lies that the model failed at."""
    from mesascope.arrays import save_arrays

    path = Path("mesascope-question.safetensors")
    try:
        save_arrays(path, error.question, {"format": "question 1", "error": str(error)})
    except OSError:
        return ""
    return f"The prompt is kept in {path}."
