"""From the words of a command line to a command, and for `run` and `export` to the studies it speaks of.

A study's fields are options of theirs. They are known only once the study is, so its name is looked for first.
"""

import dataclasses
import inspect
import itertools
import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union

import tyro

from mesascope.cli.arguments import COMMANDS, Identify, Reproduce, Show, StoredRuns
from mesascope.cli.errors import InputError
from mesascope.cli.runs_arguments import ACTIONS
from mesascope.runs.address import address
from mesascope.spelling import did_you_mean
from mesascope.studies import find_study, study_names

if TYPE_CHECKING:
    from mesascope.study.base import AbstractStudy

DESCRIPTION = """Which learning algorithm does a sequence model run in its forward pass, how closely, and where does
that stop being true? Figures and claims of papers, run again and judged by criteria stated beforehand.

Exit code 0: all claims reproduced. 1: some not, or inconclusive. 2: bad input, or an extra that is not
installed. 130, 143, 129: stopped by Ctrl-C, SIGTERM or SIGHUP, and the same command continues. 70: a bug.
`mesascope --version` prints the version."""

WITH_STUDIES = ("run", "export")
_WITH_VALUE = ("--preset", "--seeds", "--runs", "--to", "--width", "--workers", "--scheduler", "--scheduler-file")
_WITHOUT_VALUE = ("--json", "--quiet", "--force", "--open", "--help", "-h")
_CONFIG = (tyro.conf.FlagCreatePairsOff,)


class Request(NamedTuple):
    """A command, the studies it is for, and the words it was given in."""

    command: Any
    studies: "tuple[AbstractStudy, ...]"
    words: list[str]


def parse(words: list[str]) -> Request:
    """What a command line asks for; raises `InputError`, and SystemExit(2) where tyro has told the user already."""
    try:
        _check_command(words)
        _check_empty(words)
        address(_value_of("--runs", words) or "runs")
        study_names()  # raises ValueError where it cannot
        if words[0] in WITH_STUDIES:
            return _parse_with_studies(words)
        if words[0] == "identify":
            return _parse_identify(words)
        if words[0] == "runs":
            return _parse_runs(words)
        _check_options(words, _fields(COMMANDS[words[0]]) if words[0] in COMMANDS else [])
        command = _tyro(COMMANDS, _names_first(words) if words[0] == "report" else words)
        if isinstance(command, Show):
            find_study(command.study)
        studies = _every_study(command) if isinstance(command, Reproduce) else ()
        return Request(command, studies, words)
    except ValueError as error:
        raise InputError(str(error)) from error


def _parse_with_studies(words: list[str]) -> Request:
    """Every study parses the whole line with its own fields as options; so several take the fields they share."""
    names, _ = _split(words)
    classes = [find_study(name) for name in names]
    for twice in (name for i, name in enumerate(names) if name in names[:i]):
        raise InputError(f"a study must be named once; got {twice!r} twice. Leave one out.")
    _check_options(words, [name for each in (COMMANDS[words[0]], *classes) for name in _fields(each)])
    _check_shared(words, classes)
    preset = _value_of("--preset", words) or "quick"
    line = _names_first(words)
    commands = [_tyro(_with_settings(words[0], cls, preset), line) for cls in classes]
    if not commands:
        _tyro(COMMANDS, words)  # a request for help ends here
        raise InputError(f"`{words[0]}` needs the name of a study. `mesascope list` names them all.")
    return Request(commands[0], tuple(command.settings for command in commands), words)


def _parse_runs(words: list[str]) -> Request:
    """The word behind `runs` is a command of its own."""
    action = words[1] if words[1:] else ""
    if action not in (*ACTIONS, "--help", "-h"):
        meant = did_you_mean(action, ACTIONS) if action else ""
        raise InputError(f"`runs` must be followed by {', '.join(ACTIONS)}; got {action!r}.{meant}")
    if action in ACTIONS:
        _check_options(words[1:], _fields(ACTIONS[action]))
    return Request(_tyro(ACTIONS, words[1:], "mesascope runs", inspect.getdoc(StoredRuns) or ""), (), words)


def _parse_identify(words: list[str]) -> Request:
    """The task's settings are options, and so are the ranges of candidates' parameters."""
    from mesascope.cli import candidate_settings, task_settings

    name = _value_of("--task", words)
    extra = [] if name is None else [("settings", task_settings.options(task_settings.find_task(name)))]
    extra.append(("ranges", candidate_settings.options()))
    known = [option for _, options in extra for option in _option_names(options)]
    _check_options(words, [*_fields(Identify), *known])
    fields = [
        (each, Annotated[options, tyro.conf.arg(name="")], dataclasses.field(default_factory=options))
        for each, options in extra
    ]
    command = dataclasses.make_dataclass("Identify", fields, bases=(Identify,), frozen=True, kw_only=True)
    command.__doc__ = Identify.__doc__
    return Request(_tyro(COMMANDS | {"identify": command}, words), (), words)


def _option_names(options: type, before: str = "") -> list[str]:
    """Names of a dataclass's fields, those of a dataclass in it behind its own and a dot."""
    found: list[str] = []
    for field in dataclasses.fields(options):
        inner = field.default_factory
        name = field.metadata.get("name", field.name)
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            found += _option_names(inner, f"{name}.")
        else:
            found.append(f"{before}{name}")
    return found


def _check_command(words: list[str]) -> None:
    """Raise InputError for no command, or one that there is not."""
    known = (*COMMANDS, "--help", "-h", "--version", "-V")
    if not words:
        raise InputError(f"give a command: {', '.join(COMMANDS)}. `mesascope --help` says what each does.")
    if words[0] in ("--version", "-V") and words[1:]:
        raise InputError(f"`{words[0]}` must stand alone; got {words[1]!r} behind it. Leave that out.")
    if words[0] not in known:
        raise InputError(
            f"there is no command {words[0]!r}.{did_you_mean(words[0], known)} The commands are {', '.join(COMMANDS)}."
        )


def _check_empty(words: list[str]) -> None:
    """Raise InputError for an empty word, as a variable of the shell that is not set leaves it."""
    for before, word in itertools.pairwise(words):
        if not word or (word.startswith("--") and word.endswith("=")):
            name = word.removesuffix("=") or before
            raise InputError(f"behind `{name}` must stand a name or a value; got an empty word. Fill it in.")


def _check_options(words: list[str], settings: list[str]) -> None:
    """Raise InputError for an option that neither the command nor its studies have."""
    known = ["--help", "-h", *(f"--{name.replace('_', '-')}" for name in settings)]
    for word in (word.partition("=")[0] for word in words[1:]):
        if word.startswith("-") and not re.match(r"-[\d.]|--?$", word) and word.replace("_", "-") not in known:
            study = " STUDY" if words[0] in WITH_STUDIES else ""
            raise InputError(
                f"`{words[0]}` has no option {word}.{did_you_mean(word, known)} "
                f"`mesascope {words[0]}{study} --help` lists them all."
            )


def _fields(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _check_shared(words: list[str], classes: "list[type[AbstractStudy]]") -> None:
    """Raise InputError for a setting that only some of the studies have."""
    fields = {cls.name(): [field.name for field in dataclasses.fields(cls)] for cls in classes}
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        setting = option.removeprefix("--").replace("-", "_")
        lacking = [name for name, known in fields.items() if setting not in known]
        if 0 < len(lacking) < len(fields):
            raise InputError(
                f"{option} is not a setting of {', '.join(lacking)}. Run studies with other settings apart."
            )


def _with_settings(name: str, cls: "type[AbstractStudy]", preset: str) -> dict[str, type]:
    default = cls.preset(preset if preset in cls.presets else "quick")
    kind = Annotated[cls, tyro.conf.arg(name="")]
    settings = ("settings", kind, dataclasses.field(default_factory=lambda: default))
    command = dataclasses.make_dataclass(
        COMMANDS[name].__name__, [settings], bases=(COMMANDS[name],), frozen=True, kw_only=True
    )
    command.__doc__ = COMMANDS[name].__doc__
    return COMMANDS | {name: command}


def _every_study(command: Reproduce) -> "tuple[AbstractStudy, ...]":
    names = [name for name in study_names() if name.startswith(command.paper)]
    if not names:
        raise InputError(f"`paper` must begin the name of a study; got {command.paper!r}. See `mesascope list`.")
    changes = {} if command.seeds is None else {"seeds": command.seeds}
    return tuple(find_study(name).preset(command.preset, **changes) for name in names)


def _names_first(words: list[str]) -> list[str]:
    """The same line with the names of studies together, as tyro takes them."""
    names, others = _split(words)
    return [words[0], *names, *others]


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """The names of studies behind the command, and all other words.

    Behind an option that is not known here, a study's own, only a word that is the name of a study counts as one.
    """
    names, others, rest, values_follow = [], [], iter(words[1:]), False
    for word in rest:
        if word.startswith("-"):
            others += [word, *itertools.islice(rest, int(word in _WITH_VALUE))]
            values_follow = not (word in _WITH_VALUE or word in _WITHOUT_VALUE or "=" in word)
        elif not values_follow or word in study_names():
            names.append(word)
        else:
            others.append(word)
    return names, others


def _value_of(option: str, words: list[str]) -> str | None:
    """The value an option is given last."""
    found = [after for word, after in itertools.pairwise(words) if word == option]
    found += [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]
    return found[-1] if found else None


def _tyro(
    commands: dict[str, Any], words: list[str], program: str = "mesascope", description: str = DESCRIPTION
) -> Any:
    kinds = tuple(Annotated[cls, tyro.conf.subcommand(name=name)] for name, cls in commands.items())
    command: Any = Union[kinds]  # noqa: UP007 (a union of what is known only now)
    return tyro.cli(command, prog=program, description=description, args=words, config=_CONFIG)
