"""An identification in words and tables: one screen, the verdict first."""

import math
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mesascope.candidate import tells_of_steps
from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.layers import Layers
from mesascope.identify.result import Identification, LawRow, Row
from mesascope.identify.verdict import APPROXIMATE, TOLERANCE, Kind, Verdict
from mesascope.probes.layer_map import LayerMap
from mesascope.stats import Estimate

DIVERGES = 1e3  # a distance above which its digits say nothing
GOOD = (Kind.IDENTIFIED, Kind.TIE)
MANY_MORE = 20  # times as many prompts: no advice
NUM_ROWS = 8  # of the ranked table that one screen has room for


def sentence(found: Identification) -> str:
    """What the subject runs, with parameters, distance and scope; or why that cannot be said."""
    verdict, choice = found.verdict, found.choice
    subject, named = found.subject, algorithm(choice)
    near = f"distance {_interval(choice.delta)}"
    match verdict.kind:
        case Kind.IDENTIFIED:
            scope = "as an algorithm" if verdict.separating else "on this distribution"
            return f"{subject} runs {named}: {near}, {scope}."
        case Kind.APPROXIMATELY:
            return f"{subject} runs approximately {named}: {near}."
        case Kind.TIE:
            others = [algorithm(found.row(name)) for name in verdict.members[1:]]
            return f"{subject} runs {named}, or {', or '.join(others)}: these prompts do not tell them apart ({near})."
        case Kind.MIXTURE:
            assert found.mixture is not None
            parts = [f"{weight.mean:.2f} {name}" for name, weight in found.mixture.weights.items()]
            whole = f"{' + '.join(parts)}, distance {found.mixture.delta:.3f}"
            return f"{subject} runs no single candidate, but a mixture: {whole}."
        case Kind.NONE:
            num = len(found.rows)
            these = f"any of the {num} candidates and baselines" if num > 1 else "the candidate"
            return f"{subject} does not run {these}: the best is {named}, {near}."
        case _:
            return f"{subject} cannot be judged by so few prompts: the best is {named}, {near}.{_how_many(verdict)}"


def algorithm(row: Row) -> str:
    """A candidate in words with its parameters: "3 steps of gradient descent, learning_rate = 1.08"."""
    says = row.says.format(num_steps=row.num_steps)
    if row.num_steps == 1:
        says = says.replace("1 step(s)", "one step").replace("mean label of the 1 nearest", "label of the nearest")
        says = says.replace("(s)", "")
    says = says.replace("(s)", "s")
    numbers = [
        f"{name} = {_number(value, row.intervals.get(name))}"
        for name, value in row.parameters.items()
        if _is_number(value)
    ]
    return ", ".join([says, *numbers])


def screen(found: Identification) -> Group:
    """The verdict, the ranked table, and what was broken out of distribution."""
    parts: list[Any] = [Text(sentence(found), style="bold"), *map(Text, remarks(found)), Text(""), ranking(found)]
    if len(found.laws) > 1:
        parts.append(scope_table(found))
    if found.layers is not None:
        parts += [layer_table(found.layers), *map(Text, _growth(found.layers))]
    return Group(*parts)


def remarks(found: Identification) -> list[str]:
    """What stands beside the verdict: what fits as well with more parameters, bounds, the scope, notes."""
    verdict, lines = found.verdict, []
    if verdict.no_gain and verdict.kind in (*GOOD, Kind.APPROXIMATELY):
        lines.append(f"With more parameters and no gain: {', '.join(verdict.no_gain)}.")
    if found.choice.at_bound:
        lines.append(f"At the end of its range: {', '.join(found.choice.at_bound)}. What fits best may lie beyond it.")
    if verdict.tolerance > TOLERANCE:
        lines.append(f"The tolerance is {_short(verdict.tolerance)}, twice what the model's own answers differ by.")
    broken = [law.law for law in found.laws if law.law not in verdict.scope]
    if len(found.choice.counts) > 1:
        noun = "steps" if tells_of_steps(found.choice.says) else "k"
        counts = ", ".join(map(str, found.choice.counts))
        lines.append(f"As near with other settings: {noun} = {counts}.")
    if broken and verdict.kind in (Kind.IDENTIFIED, Kind.APPROXIMATELY):
        lines.append(f"With these parameters it breaks at: {', '.join(broken)}.")
    lines += _broken(found)
    lines += _of_untrained(found) + _that_decide(found)
    heavy = [law.law for law in found.laws if law.by_median]
    if heavy:
        lines.append(f"Judged by medians, since few prompts hold most of the error: {', '.join(heavy)}.")
    return [*lines, *found.notes]


def _broken(found: Identification) -> list[str]:
    """The symmetries that the answers lack, with what it means, where no candidate says it already."""
    response = found.symmetries.response
    lines = []
    if found.verdict.kind in (Kind.NONE, Kind.MIXTURE, Kind.INCONCLUSIVE):
        lines += [f"Fails {each.name} (by {each.value:.2g}): {each.breaks}" for each in found.symmetries.broken]
    if response is not None and response.delta_spec > found.verdict.tolerance and found.verdict.kind not in GOOD:
        lines.append(f"The best fixed filter of its inputs' spectrum is at {_short(response.delta_spec)} from it.")
    return lines


def _of_untrained(found: Identification) -> list[str]:
    """Whether training made the model what it is."""
    if found.untrained is None:
        return []
    near = found.untrained.choice <= max(found.choice.delta.high, found.verdict.tolerance)
    told = f"An untrained copy: distance {_interval(found.untrained.delta)} from the model"
    own = f"{_short(found.untrained.choice)} from {found.choice.name} fitted to the copy"
    return [f"{told}, {own}{': the architecture alone does as much' if near else ''}."]


def _that_decide(found: Identification) -> list[str]:
    """Of a tie, the prompts that would tell its first two members apart."""
    if found.verdict.kind is not Kind.TIE:
        return []
    first, second = found.verdict.members[:2]
    separating = [law for law in found.laws if law.law in found.verdict.separating]
    if not separating:
        return [f"No prompts that were tried tell {first} and {second} apart."]
    best = max(separating, key=lambda law: law.separation)
    return [f"Prompts that would tell {first} and {second} apart: {best.law}, {_short(best.separation)} apart."]


def ranking(found: Identification, most: int = NUM_ROWS) -> Table:
    """Candidates, the nearest first, at most so many."""
    num = found.num_prompts[IN_DISTRIBUTION]
    title = (
        f"{IN_DISTRIBUTION}, {num} fresh prompts: distance 0 is the same, 1 is as far as answering zero [95% interval]"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("candidate", "distance", "farther than the choice by", "fitted"):
        table.add_column(head, no_wrap=head == "candidate")
    for row in found.rows[:most]:
        farther = "" if row.name == found.choice.name else _interval(row.difference)
        table.add_row(*(Text(cell) for cell in (row.name, _interval(row.delta), farther, _fitted(row))))
    if len(found.rows) > most:
        table.add_row(Text(f"and {len(found.rows) - most} more, farther"))
    return table


def scope_table(found: Identification) -> Table:
    """Every law out of distribution, parameters as they were fitted in distribution."""
    table = Table(title="out of distribution, parameters kept", title_justify="left", box=box.SIMPLE_HEAD)
    runner_up = found.verdict.runner_up or "runner-up"
    for head in ("prompts", "", f"distance of {found.choice.name}", f"of {runner_up}"):
        table.add_column(head)
    for law in found.laws:
        if law.law != IN_DISTRIBUTION:
            table.add_row(*(Text(cell) for cell in _law_cells(law, found.verdict)))
    return table


def layer_table(layers: Layers) -> Table:
    """The nearest step of a candidate to each layer, by the model's own head and by readouts that were fitted."""
    title = f"layers against steps of {layers.candidate}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    maps = {"by its own head": layers.map} | ({} if layers.fitted is None else {"by a fitted readout": layers.fitted})
    for head in ("layer", *(f"nearest step{each}" for name in maps for each in (f", {name}", "'s distance"))):
        table.add_column(head.replace("nearest step's ", ""))
    for i in range(len(layers.map.best_step)):
        table.add_row(str(i + 1), *(cell for each in maps.values() for cell in _nearest(each, i)))
    return table


def _nearest(found: LayerMap, i: int) -> tuple[str, str]:
    distance = float(found.best_distance[i])
    return "none is near" if distance > APPROXIMATE else str(found.best_step[i]), _short(distance)


def _growth(layers: Layers) -> list[str]:
    """How the nearest step moves with the layer, where three layers or more are near one."""
    line, exponential = layers.map.linear_r2, layers.map.exponential_r2
    if math.isnan(line):
        return []
    return [f"The nearest step against the layer: R^2 of a line {line:.2f}, of an exponential {exponential:.2f}."]


def _law_cells(law: LawRow, verdict: Verdict) -> tuple[str, ...]:
    holds = ("holds" if law.law in verdict.scope else "broken") if verdict.kind in (*GOOD, Kind.APPROXIMATELY) else ""
    return law.law, holds, _interval(law.choice), "" if law.runner_up is None else _interval(law.runner_up)


def _fitted(row: Row) -> str:
    numbers = [
        f"{name} {value:.4g}" if _is_number(value) else f"{row.num_free} {name[: -1 if row.num_free == 1 else None]}"
        for name, value in row.parameters.items()
    ]
    taken = tells_of_steps(row.says)
    steps = f"{row.num_steps} step{'s' * (row.num_steps != 1)}" if taken else f"k = {row.num_steps}"
    return ", ".join([*([] if row.num_steps is None else [steps]), *numbers])


def _interval(estimate: Estimate) -> str:
    if estimate.mean > DIVERGES:
        return "diverges"
    mean, low, high = (_short(each) for each in estimate)
    return mean if mean == low == high else f"{mean} [{low}, {high}]"


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "infinite" if value > 0 else "undefined"
    return (
        "0"
        if value == 0
        else f"{value:.1e}"
        if abs(value) < 1e-3
        else f"{value:.3f}"
        if abs(value) < 10
        else f"{value:.3g}"
    )


def _number(value: float, interval: Any) -> str:
    return f"{value:.4g}" if interval is None else f"{value:.4g} ({interval.low:.4g} to {interval.high:.4g})"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _how_many(verdict: Verdict) -> str:
    if not math.isfinite(verdict.more_prompts):
        return ""
    if verdict.more_prompts > MANY_MORE:
        return " Its distance is close to a threshold."
    return f" About {verdict.more_prompts:.0f} times as many would decide."
