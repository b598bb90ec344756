"""Shell completion: commands, names of studies, options and their values; fast, since no Python runs on a TAB.

tyro's own scripts complete no names of studies, and start Python each time.
"""

import dataclasses
from typing import get_args

from mesascope.cli.arguments import COMMANDS, Preset
from mesascope.cli.runs_arguments import ACTIONS
from mesascope.studies import study_names

_POSITIONAL = {
    "study": study_names,
    "studies": study_names,
    "what": study_names,
    "shell": lambda: ("bash", "zsh"),
    "action": lambda: tuple(ACTIONS),
}

_SCRIPT = """_mesascope() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words
  case $previous in
    --preset) words="{presets}" ;;
    --runs|--to|--figure|--scheduler-file) COMPREPLY=( $(compgen -d -- "$word") ); return ;;
    *)
      case ${{COMP_WORDS[1]}} in
{commands}
      esac
      if [ "$COMP_CWORD" -eq 1 ]; then words="{names} --help --version"; fi ;;
  esac
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -F _mesascope mesascope
"""


def completion(shell: str) -> str:
    """The script for a shell; zsh runs bash's."""
    commands = "\n".join(f'        {name}) words="{" ".join(_words(cls))}" ;;' for name, cls in COMMANDS.items())
    script = _SCRIPT.format(presets=" ".join(get_args(Preset)), commands=commands, names=" ".join(COMMANDS))
    return "autoload -U +X bashcompinit && bashcompinit\n" * (shell == "zsh") + script


def _words(command: type) -> list[str]:
    """What may follow a command: its operands, then its options."""
    names = [field.name for field in dataclasses.fields(command)]
    operands = [word for name in names if name in _POSITIONAL for word in _POSITIONAL[name]()]
    return [*operands, *(f"--{name.replace('_', '-')}" for name in names if name not in _POSITIONAL), "--help"]
