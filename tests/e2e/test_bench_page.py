"""The benches in a browser: what a reader does with mouse, finger, keys and sliders."""

from pathlib import Path

import numpy as np
import pytest

from chromium import launched
from mesascope.report.bench import Layer, section

# Near what training finds, rounded: W_KQ reads labels, and the last row of P W_V inputs, each with some of the other.
LAYER = Layer(((0.001, 0.002), (-0.51, 0.036)), ((-0.1, -0.01), (0.54, 0.0002)), 10, 1.0, 2.778)


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The section alone in a page of its own, on the disk."""
    anchor, title, html, (css,), (js,), *_ = section(LAYER)
    path: Path = tmp_path_factory.mktemp("bench") / "bench.html"
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Bench</title>'
        "<style>:root { color-scheme: light dark; }"
        ":root { --paper: light-dark(#fcfcfa, #14171a); --ink: light-dark(#1d2125, #e4e7ea); }"
        "body { margin: 0; padding: 16px; font: 16px sans-serif; background: var(--paper); color: var(--ink); }"
        f"button, input {{ padding: 0.3rem; border: 1px solid red; background: #eee; }} {css}</style>"
        f"<script>{js}</script></head><body><main><h1>Alone</h1>"
        f'<section id="{anchor}"><h2>{title}</h2>{html}</section></main></body></html>',
        encoding="utf-8",
    )
    return path


@pytest.fixture
def open_page(browser, file):
    """Open the page; afterwards nothing may have been asked of a network, and no script may have complained."""
    contexts, complaints, requests = [], [], []

    def open_(width=1000, **settings):
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector(".bench-line")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert (complaints, {url for url in requests if url != file.as_uri()}) == ([], set())


def slopes(page):
    """Of the trained layer, gradient descent, ridge and least squares, as the lines are drawn."""
    return np.array(page.eval_on_selector_all(".bench-line[data-slope]", "lines => lines.map(l => +l.dataset.slope)"))


def points(page):
    """Their places, as they are said."""
    said = page.eval_on_selector_all(".bench-regression .bench-mark", "all => all.map(m => m.ariaValueText)")
    return np.array([[float(part[2:].replace("−", "-")) for part in each.split(", ")] for each in said])


def distances(page):
    """Of the recursion and the gradient step to the true next state, as the table says."""
    return page.locator(".bench-sequences td").all_inner_texts()


def drag(page, mark, right, down):
    """Take a mark by its middle with the mouse, move it by so many pixels, and let go."""
    x, y = middle(mark)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=3)
    page.mouse.up()
    page.mouse.move(x, y)  # which must move it no more


def middle(mark):
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def shown(page, name, bench="regression"):
    return page.locator(f".bench-{bench} [data-value={name}]").inner_text()


def slide(page, bench, name, value):
    page.locator(f".bench-{bench} input[name={name}]").fill(str(value))


def test_the_lines_are_those_of_the_points(open_page):
    page = open_page()
    xs, ys = points(page).T
    cross, moment = xs @ ys, xs @ xs
    expected = [LAYER.learned_rate * cross / len(xs), cross / (moment + 0.5), cross / moment]
    np.testing.assert_allclose(slopes(page)[1:], expected, atol=0.02)  # places are said with two digits
    assert abs(slopes(page)[0] - slopes(page)[1]) < 0.02


def test_a_point_is_dragged_and_the_lines_move(open_page):
    page = open_page()
    before, place = slopes(page), points(page)[8]
    drag(page, page.locator(".bench-regression .bench-mark").nth(8), 20, 80)
    assert points(page)[8][0] > place[0]
    assert points(page)[8][1] < place[1] - 0.5
    assert (slopes(page) < before - 0.01).all()


def test_of_points_close_together_the_nearest_is_taken(open_page):
    page = open_page()
    first, second = page.locator(".bench-regression .bench-mark").nth(0), page.locator(".bench-mark").nth(1)
    second.focus()
    for _ in range(60):
        if abs(points(page)[1] - points(page)[0]).max() <= 0.06:
            break
        right, up = points(page)[0] - points(page)[1]
        key = ("Right" if right > 0 else "Left") if abs(right) > abs(up) else ("Up" if up > 0 else "Down")
        page.keyboard.press(f"Arrow{key}")
    kept = points(page)[1]
    drag(page, first, 0, -100)
    np.testing.assert_array_equal(points(page)[1], kept)


def test_a_finger_drags_a_point(open_page):
    page = open_page(390, has_touch=True, is_mobile=True)
    before = points(page)[9]
    mark = page.locator(".bench-regression .bench-mark").nth(9)
    x, y = middle(mark)
    fingers = page.context.new_cdp_session(page)
    for kind, at in (
        ("touchStart", [(x, y)]),
        ("touchMove", [(x, y + 30)]),
        ("touchMove", [(x, y + 60)]),
        ("touchEnd", []),
    ):
        touches = [{"x": left, "y": top} for left, top in at]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    assert points(page)[9][1] < before[1] - 0.5


def test_keys_move_a_point_and_remove_it(open_page):
    page = open_page()
    (x, y), before = points(page)[9], slopes(page)
    page.locator(".bench-regression .bench-mark").nth(9).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    np.testing.assert_allclose(points(page)[9], [x - 0.25, y + 0.05], atol=1e-9)
    assert (slopes(page) != before).all()
    page.keyboard.press("Delete")
    assert len(points(page)) == 9
    assert page.evaluate("document.activeElement.ariaLabel") == "Point 9 of 9"


def test_a_point_that_is_added_takes_the_layer_from_the_step(open_page):
    page = open_page()
    assert np.ptp(slopes(page)[:2]) < 0.02
    for _ in range(5):
        page.get_by_role("button", name="Add a point").click()
    assert len(points(page)) == 15
    assert np.ptp(slopes(page)[:2]) > 0.1
    page.get_by_role("button", name="One step at the layer").click()
    assert shown(page, "rate") == f"{1.5 * LAYER.learned_rate:.2f}"
    assert np.ptp(slopes(page)[:2]) < 0.02
    page.get_by_role("button", name="Remove a point").click()
    assert len(points(page)) == 14


def test_sliders_move_the_lines(open_page):
    page = open_page()
    slide(page, "regression", "steps", 20)
    assert abs(slopes(page)[1] - slopes(page)[3]) < 1e-3  # at its end is least squares
    slide(page, "regression", "penalty", 0)
    assert slopes(page)[2] == slopes(page)[3]
    before, labels = slopes(page), points(page)
    slide(page, "regression", "rate", 0.05)
    assert slopes(page)[1] < before[1]
    slide(page, "regression", "noise", 1)
    page.get_by_role("button", name="Set to the noise variance").click()
    assert shown(page, "penalty") == "1.00"
    assert (points(page)[:, 0] == labels[:, 0]).all()
    assert (points(page)[:, 1] != labels[:, 1]).any()


def test_new_noise_is_drawn_and_is_the_same_on_every_visit(open_page):
    drawn = []
    for page in (open_page(), open_page()):
        first = points(page)
        page.locator(".bench-regression").get_by_role("button", name="Draw new noise").click()
        drawn.append(points(page))
        assert (first[:, 1] != drawn[-1][:, 1]).any()
    np.testing.assert_array_equal(*drawn)


def test_the_recursion_is_exact_at_every_angle_until_there_is_noise(open_page):
    page = open_page()
    for angle in (-170, -90, 0, 180, 1, 77):
        slide(page, "sequences", "angle", angle)
        assert distances(page)[0] == "0, up to rounding"
    slide(page, "sequences", "noise", 0.1)
    assert float(distances(page)[0]) > 0.005
    assert "noisy" in shown(page, "reading", "sequences")
    slide(page, "sequences", "noise", 0)
    slide(page, "sequences", "stretch", 1.1)
    assert float(distances(page)[0]) > 0.005
    assert "changes the length" in shown(page, "reading", "sequences")
    slide(page, "sequences", "stretch", 1)
    slide(page, "sequences", "length", 2)
    assert "three states" in shown(page, "reading", "sequences")


def test_the_handle_turns_the_rotation(open_page):
    page = open_page()
    before = distances(page)[1]
    handle = page.locator(".bench-sequences .bench-mark")
    drag(page, handle, 40, 60)
    turned = int(handle.get_attribute("aria-valuenow"))
    assert 0 < turned < 40
    assert shown(page, "angle", "sequences") == f"{turned}°"
    assert distances(page)[1] != before
    handle.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    assert handle.get_attribute("aria-valuetext") == f"{turned + 11} degrees"
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    assert handle.get_attribute("aria-valuenow") == "-179"


def test_the_gradient_step_is_best_at_its_own_length(open_page):
    page = open_page()
    slide(page, "sequences", "length", 10)  # at 40 degrees nine pairs go round once: their mean is half the identity
    page.get_by_role("button", name="Set to 2 / (T − 1)").click()
    assert distances(page)[1] == "0, up to rounding"
    slide(page, "sequences", "length", 19)
    assert float(distances(page)[1]) == pytest.approx(1, abs=1e-3)  # twice as many pairs, twice the state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(open_page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python here").Axe()
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    found = axe.run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("width", [360, 640, 1000])
def test_the_page_fits_its_width(open_page, width):
    page = open_page(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for text in page.locator("svg text").all():
        box = text.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width


def test_what_has_the_focus_is_seen_to_have_it(open_page):
    page = open_page()
    ring = "getComputedStyle(document.activeElement.querySelector('.bench-ring')).stroke"
    for _ in range(2):
        page.keyboard.press("Tab")
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.ariaLabel") == "Point 2 of 10"
    assert page.evaluate(ring) == "rgb(0, 96, 154)"
