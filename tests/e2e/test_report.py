"""The report: as the command writes it, and as a browser without a network shows it."""

import json
import re
import shutil
from pathlib import Path

import jax
import pytest

import mesascope as ms
import mesascope.studies
from chromium import launched
from mesascope import extras
from mesascope.cli import main
from mesascope.report.bench import Layer
from mesascope.report.page.whole import MARK

ROOT = Path(__file__).parents[1]
STUDIES = [str(ROOT / "fake_studies"), str(ROOT / "hostile_studies")]
FAKE, HOSTILE = "fake2099-fig1", "fake2098-markup"
LAYER = Layer(((0.001, 0.002), (-0.51, 0.036)), ((-0.1, -0.01), (0.54, 0.0002)), 10, 1.0, 2.778)

pytest.importorskip("jinja2", reason="the extra `report` is not installed")
pytest.importorskip("plotly", reason="the extra `report` is not installed")


@pytest.fixture(scope="module")
def studies():
    """The studies that there are: two that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mesascope.studies, "__path__", STUDIES)
        patch.setenv("MESASCOPE_WORKERS", "1")
        patch.setattr("mesascope.report.bench.layer", lambda store: LAYER)  # which is trained in a test of its own
        yield


@pytest.fixture(scope="module")
def runs(studies, tmp_path_factory):
    """A directory of results: one study at two presets, the other at one."""
    directory = tmp_path_factory.mktemp("report") / "runs"
    for preset in ("smoke", "quick"):
        main(["run", HOSTILE, "--preset", preset, "--quiet", "--runs", str(directory)])
    main(["run", FAKE, "--preset", "smoke", "--quiet", "--runs", str(directory)])
    return directory


@pytest.fixture(scope="module")
def written(runs, tmp_path_factory):
    """The page at preset smoke, of these results and an identification."""
    directory = shutil.copytree(runs, tmp_path_factory.mktemp("written") / "runs")
    task = ms.LinearRegression(num_examples=4, dim_x=2)
    found = ms.identify(lambda xs, ys, query: 0.0 * query[:1], task, ["zero", "mean-label"], key=jax.random.key(0))
    (directory / "mine").mkdir()
    found.save(directory / "mine" / "zero.safetensors")
    assert main(["report", "--preset", "smoke", "--runs", str(directory)]) == 0
    return directory / "report.html"


@pytest.fixture
def cli(runs, monkeypatch, tmp_path, capsys):
    """The command in an empty directory: its exit code, what it printed, and its messages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("MESASCOPE_RUNS", raising=False)
    capsys.readouterr()

    def run(*words):
        code = main(["report", *map(str, words)])
        return code, *capsys.readouterr()

    return run


def files_of(directory):
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


# The command


def test_it_writes_one_file_and_says_where_and_what_is_missing(cli, runs, tmp_path):
    (tmp_path / "page.html").write_text(MARK)  # a report, which a new one replaces
    before = files_of(runs)
    code, out, err = cli("--runs", runs, "--to", "page.html", HOSTILE, FAKE)
    assert code == 0
    assert re.fullmatch(
        r"The report lies in page\.html \(\d\.\d MB\)\. It opens in a browser and needs no other file\.\n", out
    )
    assert f"Not stored at preset quick: {FAKE}." in err
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert files_of(runs) == before
    page = (tmp_path / "page.html").read_text()
    assert f"mesascope run {FAKE} --preset quick" in page
    assert page.count('id="bench-layer"') == 1


def test_seeds_other_than_the_presets(cli, runs):
    assert main(["run", FAKE, "--seeds", "4", "--quiet", "--runs", str(runs)]) in (0, 1)
    assert cli("--runs", runs, "--to", "four.html", "--seeds", "4", FAKE)[0] == 0
    assert f"mesascope run {FAKE} --preset quick --seeds 4" in Path("four.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing-such"], "there is no study 'nothing-such'"),
        ([FAKE, FAKE], "named once"),
        ([FAKE, "--runs", "empty", "--to", "page.txt"], "`--to` must end in .html"),
        ([FAKE, "--runs", "empty", "--to", "no/where.html"], "`--to` must lie in a folder that is there"),
        ([FAKE, "--runs", "empty", "--to", "mine.html"], "`--to` must not be a file of other content"),
        ([FAKE, "--runs", "empty", "--to", "folder.html"], "`--to` must be a file"),
        ([FAKE, "--to", "page.html", "--runs", "empty"], f"nothing to report.*Run one first: mesascope run {FAKE}"),
        ([FAKE, "--seeds", "0"], "`seeds` must be"),
        (["--compare", "empty"], "must name two directories"),
        (["--compare", "empty", "nowhere"], "must name two directories of results; got 'nowhere'"),
        (["--compare", "empty", "empty"], "has none of these studies"),
        (["--opne"], "has no option --opne. Did you mean"),
    ],
)
def test_bad_input_gets_a_sentence_and_writes_nothing(cli, tmp_path, words, told, as_installed):
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "mine.html").write_text("mine")
    before = files_of(tmp_path)
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert re.search(told, err)
    assert "Traceback" not in err
    assert files_of(tmp_path) == before


def test_another_preset_that_is_stored_is_offered(cli, runs):
    code, _, err = cli("--runs", runs, FAKE)
    assert code == 2
    assert "Some are stored at preset smoke: add --preset smoke." in err


def test_without_its_extra_it_says_what_to_install(cli, monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "report", ("not-a-package-of-anybody",))
    code, _, err = cli(FAKE)
    assert code == 2
    assert "pip install 'mesascope[report]'" in err


def test_a_failure_to_write_leaves_what_was_there(cli, runs, monkeypatch, tmp_path):
    (tmp_path / "page.html").write_text(MARK)
    before = (tmp_path / "page.html").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = cli("--runs", runs, "--preset", "smoke", "--to", "page.html", FAKE)
    assert (code, "No space left" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == before


def test_a_damaged_result_is_named_and_left(cli, runs, tmp_path):
    copy = shutil.copytree(runs, tmp_path / "copy")
    for path in copy.glob(f"{HOSTILE}/*.safetensors"):
        path.write_bytes(b"damaged")
    code, _, err = cli("--preset", "smoke", "--runs", copy, "--to", "page.html")
    assert (code, f"Not stored at preset smoke: {HOSTILE}." in err) == (0, True)
    assert "cannot be used: it is damaged" in (tmp_path / "page.html").read_text()
    assert {path.read_bytes() for path in copy.glob(f"{HOSTILE}/*.safetensors")} == {b"damaged"}


# Two directories of results


@pytest.fixture
def another(runs, tmp_path):
    """The same results as another version stored them: under other keys, with other numbers."""
    from mesascope.arrays import load_arrays, save_arrays

    other = tmp_path / "other"
    shutil.copytree(runs, other)
    for path in [*other.glob(f"{HOSTILE}/*.safetensors")]:
        arrays, header = load_arrays(path)
        header["provenance"]["versions"]["mesascope"] = "0.0.1"
        header["key"] = path.stem[::-1]
        path.unlink()
        save_arrays(path.with_stem(path.stem[::-1]), {"powers": 100 * arrays["powers"]}, header)
    return other


def test_what_moved_between_versions_is_told(cli, runs, another, tmp_path):
    code, out, _ = cli("--compare", runs, another, "--to", "moved.html", "--preset", "quick", HOSTILE, FAKE)
    assert code == 0
    assert "2 of 2 claims moved beyond noise, 2 of them with another verdict." in out
    assert re.search(rf"{HOSTILE} +. reproduced +. not reproduced +verdict and number", out)
    page = (tmp_path / "moved.html").read_text()
    for part in ("✗", "mesascope 0.0.1", f"mesascope {ms.__version__}", "0.9 to 1.1", "90 to 110"):
        assert part in page
    assert "<script>window" not in page


def test_what_did_not_move_and_what_is_in_one_alone(cli, runs, another, tmp_path):
    shutil.rmtree(another / HOSTILE)
    code, out, _ = cli("--compare", runs, another, "--preset", "smoke")
    assert code == 0
    assert "0 of 1 claims moved beyond noise." in out
    assert f"Only in {runs}: {HOSTILE}." in " ".join(out.split())
    assert (tmp_path / "comparison.html").is_file()


# The page in a browser


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def opened(browser, written):
    """Opens the page; afterwards: nothing but the file was asked for, and nothing went wrong."""
    contexts, requests, errors = [], [], []

    def open_page(**options):
        context = browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(written.as_uri())
        return page

    yield open_page
    broken = [page.evaluate("'broken' in window") for context in contexts for page in context.pages]
    for context in contexts:
        context.close()
    assert set(requests) == {written.as_uri()}
    assert errors == []
    assert not any(broken)


def first_plot(page):
    """The first panel of the hostile study's figure, drawn."""
    panel = page.locator(f"#study-{HOSTILE} .panel").first
    panel.scroll_into_view_if_needed()
    panel.locator(".plot[data-drawn]").wait_for()
    return panel


def visible_groups(panel):
    return panel.locator(".plot").evaluate(
        "plot => [...new Set(plot.data.filter(each => each.visible).map(each => each.legendgroup))]"
    )


def test_claims_are_filtered_searched_and_counted(opened):
    page = opened()
    rows, status = page.locator("table.claims tbody tr"), page.locator("form.filters [role=status]")
    visible = page.locator("table.claims tbody tr:visible")
    assert status.inner_text() == f"{rows.count()} of {rows.count()} claims" == "3 of 3 claims"
    page.locator("[name=kind]").select_option("paper")
    assert visible.count() == 1
    assert "Powers are large." in visible.inner_text()
    page.locator("[name=paper]").select_option("fake2099")
    assert page.get_by_text("No claim fits all of these").is_visible()
    page.get_by_role("button", name="Show all").click()
    page.locator("[name=search]").fill("TWICE number")
    assert visible.count() == 1
    page.locator("[name=search]").fill("")
    page.get_by_label("1 not decided at this size of fake2099").click()
    assert status.inner_text() == "1 of 3 claims"
    page.locator("[name=verdict]").select_option("")
    page.locator("[name=paper]").select_option("fake2098")
    visible.first.get_by_role("link").click()
    assert page.url.endswith(f"#study-{HOSTILE}")


def test_series_scales_and_zoom_of_a_figure(opened):
    page = opened()
    panel = first_plot(page)
    assert "identity" in visible_groups(panel)
    panel.get_by_role("button", name="identity").click()
    page.wait_for_function(
        "panel => panel.querySelector('.plot').data.some(each => !each.visible)", arg=panel.element_handle()
    )
    assert "identity" not in visible_groups(panel)
    assert panel.get_by_role("button", name="identity").get_attribute("aria-pressed") == "false"
    assert "<img src=x onerror='window.broken = 1'>" in panel.locator(".series").inner_text()
    kind = "plot => plot._fullLayout.yaxis.type"
    logarithmic = panel.get_by_role("button", name="log y")
    assert (panel.locator(".plot").evaluate(kind), logarithmic.get_attribute("aria-pressed")) == ("log", "true")
    logarithmic.click()
    page.wait_for_function(
        "panel => panel.querySelector('.plot')._fullLayout.yaxis.type === 'linear'", arg=panel.element_handle()
    )
    assert "identity" not in visible_groups(panel)
    width = "panel => { const [low, high] = panel.querySelector('.plot')._fullLayout.xaxis.range; return high - low; }"
    before = panel.evaluate(width)
    panel.get_by_role("button", name="Zoom in").click()
    page.wait_for_function(
        f"([panel, before]) => ({width})(panel) < 0.8 * before", arg=[panel.element_handle(), before]
    )
    panel.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"([panel, before]) => ({width})(panel) === before", arg=[panel.element_handle(), before])
    panel.get_by_role("button", name="three").click()
    page.wait_for_function(
        "panel => !panel.querySelector('.plot').layout.shapes[0].visible", arg=panel.element_handle()
    )


def test_hovering_tells_numbers(opened):
    page = opened()
    plot = first_plot(page).locator(".plot")
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator(".hoverlayer .hovertext").first
    label.wait_for()
    assert re.search(r"\d", label.text_content())


def test_the_theme_follows_the_system_and_the_button(opened):
    background = "getComputedStyle(document.body).backgroundColor"
    dark = opened(color_scheme="dark").evaluate(background)
    page = opened(color_scheme="light")
    light = page.evaluate(background)
    assert light != dark
    panel = first_plot(page)
    ink = "panel => panel.querySelector('.plot').layout.font.color"
    before = panel.evaluate(ink)
    button = page.get_by_role("button", name="Dark")
    button.click()
    assert (page.evaluate(background), button.get_attribute("aria-pressed")) == (dark, "true")
    page.wait_for_function(f"([panel, before]) => ({ink})(panel) !== before", arg=[panel.element_handle(), before])
    button.click()
    assert page.evaluate(background) == light


def test_it_is_used_by_keyboard(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    first_plot(page)
    reached = []
    page.locator("#content").focus()
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement !== document.body"):
        where, outline, on_bench = page.evaluate(
            """() => [document.activeElement.name || document.activeElement.textContent.trim(),
            getComputedStyle(document.activeElement).outlineStyle, !!document.activeElement.closest("#bench")]"""
        )
        assert outline == "solid" or on_bench, where  # whose tests are its own
        reached.append(where)
        page.keyboard.press("Tab")
    assert {"paper", "kind", "verdict", "search", "Show all", "log y", "identity", "Reset"} <= set(reached)
    page.get_by_role("button", name="identity").first.focus()
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="identity").first.get_attribute("aria-pressed") == "false"


def test_it_fits_a_phone(opened):
    page = opened(viewport={"width": 360, "height": 740})
    first_plot(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("table.claims thead").bounding_box()["width"] <= 1
    assert not page.locator(".contents ul").first.is_visible()


def test_in_print_all_is_there_and_no_control(opened):
    page = opened(color_scheme="dark")
    page.locator("[name=search]").fill("nothing at all")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("table.claims tbody tr:visible").count() == 3
    assert page.locator("figure .static img:visible").count() == page.locator("figure").count() > 2
    assert page.locator("button:visible, select:visible, input:visible, .plot:visible, nav:visible").count() == 0
    assert page.locator("main details:not([open])").count() == 0
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 37)"


def test_without_scripts_the_pictures_are_there(opened, browser, written):
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(written.as_uri())
    assert page.locator("figure .static img:visible").count() == page.locator("figure").count()
    assert page.locator("table.claims tbody tr:visible").count() == 3
    context.close()
    opened()


def test_the_static_picture_is_shown_and_downloaded(opened, tmp_path):
    page = opened()
    figure = page.locator(f"#study-{FAKE} figure")
    figure.get_by_role("button", name="Static picture").click()
    assert figure.locator(".static img").is_visible()
    with page.expect_download() as download:
        figure.get_by_role("link", name="Download PNG").click()
    assert download.value.suggested_filename == f"{FAKE}-doubles.png"
    download.value.save_as(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_an_identification_has_its_sentence_tables_and_figure(opened):
    page = opened()
    model = page.locator("#model-1")
    assert "zero" in page.locator("#answer .sentences").inner_text()
    assert model.locator("table").count() >= 1
    assert model.locator("figure .panel").count() >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = opened(color_scheme=scheme)
    first_plot(page)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, json.dumps(found.response["violations"], indent=1)[:3000]
