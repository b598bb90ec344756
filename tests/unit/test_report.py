import base64
import csv
import dataclasses
import io
import math
import re
import struct
from typing import ClassVar

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from mesascope.drawing.style import COLOURS, house_style
from mesascope.report.captions import caption
from mesascope.report.drawn import digest, drawn, record
from mesascope.report.figures import FORMATS, save_figures
from mesascope.report.tables import (
    in_a_row,
    numbers_markdown,
    numbers_table,
    spread,
    studies_table,
    tallies,
    tally,
    verdict_table,
    verdicts_csv,
    verdicts_markdown,
)
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import Claim


class Drawn(AbstractStudy):
    """Draws a line."""

    title: ClassVar = "A line"
    source: ClassVar = "None"
    claims: ClassVar = (
        Claim("met", "It is small.", "largest error", "at most", 0.5, over="one number"),
        Claim("missed", "It is | large.", "|mean| of a quantity with a rather long description", "at least", 0.5),
        Claim("open-to-doubt", "Nobody knows.", "mean", "at most", 0.25),
        Claim("lost", "It is there.", "mean", "at most", 1.0),
        Claim("always", "It is always small.", "error", "at most", 1.0, over="every seed"),
        Claim("absent", "It is reached.", "error", "at most", 1.0),
    )
    presets: ClassVar = {"quick": {}}

    seeds: int = 3
    style_in_effect: ClassVar[list] = []

    def cells(self):
        return ()

    def summarise(self, results):
        return np.linspace(0, 1, 5)

    def figures(self, summary):
        figure = Figure(figsize=(3, 2))
        axes = figure.subplots()
        (line,) = axes.plot(summary, label="a line")
        axes.set(xlabel="x of it", title="$x^2$")
        axes.legend()
        self.style_in_effect.append(line.get_color())
        return {"line": figure, "again": figure}

    def readings(self, summary):
        return {
            "met": 1e-15,
            "missed": [0.1, 0.1, 0.1 + 1e-9],
            "open-to-doubt": [0.1, 0.2, 0.4],
            "lost": [math.nan, 0.1, 0.2],
            "always": [0.1, 0.2, 0.4],
            "absent": np.ma.masked_all(3),
            "loss of nothing": np.arange(20.0),
        }


@pytest.fixture
def result():
    return Drawn().run()


def save(result, directory):
    return save_figures(result.figures(), directory, FORMATS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A directory that was not there, with a result's figures in every format, as `save_figures` names them."""
    directory = tmp_path_factory.mktemp("report") / "new" / "figures"
    return directory, save(Drawn().run(), directory)


def test_a_figure_is_written_in_the_formats_asked_for(result, saved, tmp_path):
    assert [path.name for path in save_figures(result.figures(), tmp_path)] == ["line.png", "again.png"]
    directory, paths = saved
    assert sorted(path.name for path in paths) == sorted(
        f"{name}.{extension}" for name in ("line", "again") for extension in ("png", "svg", "pdf")
    )
    assert sorted(paths) == sorted(directory.iterdir())
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert all(path.read_bytes().startswith(starts[path.suffix[1:]]) for path in paths)


def width_of(png):
    return struct.unpack(">I", png[16:20])[0]


def test_a_png_has_200_dots_an_inch_of_the_width_asked_for(result, saved, tmp_path):
    assert width_of((saved[0] / "line.png").read_bytes()) == int(17 / 2.54 * 200)
    (path, _) = save_figures(result.figures(width=8.5), tmp_path)
    assert width_of(path.read_bytes()) == int(8.5 / 2.54 * 200)


def test_a_notebook_shows_every_figure_in_the_house_style(result):
    page = result._repr_html_()
    pictures = re.findall(r'<img alt="(\w+)" width="(\d+)" src="data:image/png;base64,([^"]+)">', page)
    assert [(name, width) for name, width, _ in pictures] == [("line", "643"), ("again", "643")]
    assert {width_of(base64.b64decode(data)) for *_, data in pictures} == {1338}
    assert "<?xml" not in page
    assert Drawn.style_in_effect[-1] == COLOURS[0]


def test_a_caption_says_what_how_many_seeds_which_criterion_and_which_command(result):
    (figure, _) = result.figures().values()
    text = caption(Drawn(), result, "line", figure, "mesascope export it --to figures")
    assert "A line. $x^2$: x of it (a line)." in text
    assert "n = 3 seeds. Preset quick." in text
    assert f"- It is small. {Drawn.claims[0].criterion}; measured 1e-15: reproduced." in text
    assert "Command: mesascope export it --to figures" in text


def test_the_fonts_of_formulas_warn_of_nothing(tmp_path, caplog):
    figure = Figure(figsize=(1, 1))
    figure.suptitle("$b_1 a_2^T / c^*$")
    with house_style():
        save_figures({"formula": figure}, tmp_path)
    assert not caplog.records


def test_no_file_tells_the_date_or_needs_a_font(saved):
    svg, pdf = (saved[0] / "line.svg").read_text(), (saved[0] / "line.pdf").read_bytes()
    assert "<text" not in svg
    assert b"/FontFile2" in pdf
    assert "dc:date" not in svg
    assert b"CreationDate" not in pdf
    assert b"/Type3" not in pdf


def test_equal_figures_are_equal_files_in_the_house_style_whatever_the_users(result, saved, tmp_path):
    with matplotlib.rc_context({"axes.facecolor": "yellow", "axes.prop_cycle": matplotlib.cycler(color=["red"])}):
        before = dict(matplotlib.rcParams)
        again = save(result, tmp_path)
        assert dict(matplotlib.rcParams) == before
    assert Drawn.style_in_effect[-1] == COLOURS[0]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in saved[1]]


def test_the_style_is_undone_after_an_error():
    before = dict(matplotlib.rcParams)
    with pytest.raises(ZeroDivisionError), house_style():
        raise ZeroDivisionError
    assert dict(matplotlib.rcParams) == before


def test_nothing_is_half_written(result, tmp_path, monkeypatch):
    save_figures(result.figures(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_figures(dataclasses.replace(result, summary=result.summary + 1).figures(), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def printed(table, **options):
    console = Console(file=io.StringIO(), **options)
    console.print(table)
    return console.file.getvalue()


def test_the_table_reads_at_80_columns_without_colour(result):
    text = printed(verdict_table(result), width=80, no_color=True, force_terminal=False)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    for row in (
        "✓ reproduced +met +1e-15 ",
        "✗ not reproduced +missed +0.1 ",
        r"\? inconclusive +open-to-doubt +0.233 ",
        "✗ not reproduced +lost +not finite +mean: at most 1",
        "∅ not measured +absent +none ",
    ):
        assert re.search(row, text), row
    assert re.search(r"interval -0.146 to +", text)  # 7/30 -+ 4.3027 * 0.15275 / sqrt(3)
    assert re.search(r"range 0.1 to 0.4 ", text)


def test_the_table_is_coloured_on_a_terminal(result):
    assert "\x1b[32m✓ reproduced" in printed(
        verdict_table(result), width=80, force_terminal=True, color_system="standard", legacy_windows=False
    )


def test_a_spread_is_called_what_it_is(result):
    met, _, doubtful, lost, always, absent = result.verdicts
    assert [spread(verdict) for verdict in (met, doubtful, lost, always, absent)] == [
        "",
        "interval -0.146 to 0.613",
        "",
        "range 0.1 to 0.4",
        "",
    ]


def test_numbers_stand_one_a_seed_and_many_in_short(result):
    text = printed(numbers_table(result), width=80)
    assert re.search(r"open-to-doubt +0.1  0.2  0.4", text)
    assert re.search(r"loss of nothing +20 numbers from 0 to 19", text)
    assert "| open-to-doubt | 0.1, 0.2, 0.4 |" in numbers_markdown(result)
    assert in_a_row([math.nan] * 20) == "20 numbers, none finite"


def test_the_markdown_table_has_a_row_a_claim(result):
    lines = verdicts_markdown([result, result]).splitlines()
    assert len(lines) == 2 + 12
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {10}
    assert "It is \\| large." in lines[3]
    assert "| 0.233 | -0.146 to 0.613 |  |" in lines[4]
    assert "| 0.4 |  | 0.1 to 0.4 |" in lines[6]


def test_the_csv_holds_every_number_in_full(result):
    rows = list(csv.DictReader(io.StringIO(verdicts_csv([result]))))
    assert [row["claim"] for row in rows] == [claim.id for claim in Drawn.claims]
    for row, verdict in zip(rows, result.verdicts, strict=True):
        assert (row["verdict"], row["low_and_high_are"]) == (verdict.outcome, verdict.spread)
        numbers = [float(row[name]) for name in ("measured", "low", "high")]
        np.testing.assert_array_equal(numbers, [verdict.measured, verdict.low, verdict.high])
        np.testing.assert_array_equal([float(number) for number in row["per_seed"].split()], verdict.numbers)


def test_the_last_table_counts_by_study(result):
    other = dataclasses.replace(result, study="another-study", kind="open question", seconds=2.4)
    for width in (80, 120):
        text = printed(studies_table([result, other], ["figures-quick"] * 2), width=width)
        assert max(map(len, text.splitlines())) <= width
        assert re.search(r"another-study +2 +2 +1 +1 +2 +figures-quick", text)
        assert re.search(r"all +4 +4 +2 +2 ", text)
        assert "✓ reproduced, ✗ not reproduced, ? inconclusive, ∅ not measured" in text


def test_figures_are_drawn_again_when_numbers_or_code_change(tmp_path, monkeypatch):
    arrays = [{"a": np.arange(3.0), "b": np.ones((2, 2))}]
    first, path = digest(arrays, "settings"), tmp_path / "line.png"
    path.write_bytes(b"")
    record(tmp_path, first, [path])
    assert drawn(tmp_path, first) == [path]
    assert first == digest([{"b": np.ones((2, 2)), "a": np.arange(3.0)}], "settings")
    others = [
        digest([{**arrays[0], "a": np.arange(1.0, 4.0)}], "settings"),
        digest([{"a": arrays[0]["a"], "b": np.ones(4)}], "settings"),
        digest(arrays, "other settings"),
    ]
    monkeypatch.setattr("mesascope.report.drawn._code", lambda: "edited")
    assert not {first, *others} & {digest(arrays, "settings")}
    assert first not in others
    assert drawn(tmp_path, others[0]) is None
    path.unlink()
    assert drawn(tmp_path, first) is None
    (tmp_path / ".drawn.json").write_text("{")
    assert drawn(tmp_path, first) is None


def test_the_tally_counts_outcomes(result):
    assert tally([result]) == "2 of 6 claims reproduced, 2 not reproduced, 1 inconclusive, 1 not measured"
    assert tally([]) == "0 of 0 claims reproduced"


WHOSE = ((0, "paper", "figure 1"), (1, "open question", ""))


def test_claims_are_counted_by_whose_they_are(result):
    papers, asked = (dataclasses.replace(Drawn.claims[i], kind=kind, restates=of) for i, kind, of in WHOSE)
    verdicts = (papers.judge(1e-15), asked.judge([0.1, 0.1, 0.1]), *result.verdicts[2:])
    assert tallies([dataclasses.replace(result, verdicts=verdicts)]) == {
        "stated by the papers": "1 of 1 claims reproduced",
        "found here": "1 of 4 claims reproduced, 1 not reproduced, 1 inconclusive, 1 not measured",
        "open questions": "0 of 1 claims reproduced, 1 not reproduced",
    }
    assert tallies([]) == {}
