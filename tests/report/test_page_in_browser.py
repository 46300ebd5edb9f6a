"""The page in a browser: filter, sort, open, link, colours, print, and what axe-core says."""

import base64
import json
import shutil
from pathlib import Path

import pytest

import symdiff
from symdiff.report.report import Report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs chromium and chromedriver: apt-get install chromium chromium-driver",
)
AXE = Path(pytest.importorskip("axe_core_python").__file__).parent / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with a finding, an expression that passes, kinks and a tensor; its address."""
    grid = {"x": "-1:1:3"}
    comparisons = (
        symdiff.compare("relu(x) - relu(-x)", grid),
        symdiff.compare("relu(x)", grid, engines=["autograd"]),
        symdiff.compare("x**2", {"x": [3, 2, 10]}, engines=["symbolic"]),
        symdiff.compare("(x*x).sum()", values={"x": [1, 2]}, engines=["autograd"]),
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    evidence = tuple(e for comparison in comparisons for e in comparison.evidence)
    Report(evidence, command="symdiff run a.toml").to_html(path)
    return path.as_uri()


def opened(browser, address, *, width=1000, scheme="light"):
    """Open an address as if for the first time, and forget what was logged before."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")
    complaints(browser), requests(browser)
    browser.get(address)
    return browser


def complaints(browser):
    """Return what the console has, and the violations of the policy."""
    return [entry["message"] for entry in browser.get_log("browser")]


def requests(browser):
    """Return the addresses that were asked for since the last call, without the page itself."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [p["request"]["url"] for p in sent if p.get("type") != "Document"]


def violations(browser):
    """Return the rules of axe-core that the page breaks, with the elements."""
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = browser.execute_async_script(
        "const done = arguments[1];"
        "axe.run({runOnly: {type: 'tag', values: arguments[0]}}).then(r => done(r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 200))])));",
        TAGS,
    )
    return dict(found)


def shown(browser):
    """Return the names of the expressions that are shown, in order."""
    return browser.execute_script(
        "return [...document.querySelectorAll('details.expression')].filter(d => d.checkVisibility()).map(d => d.querySelector('h3').textContent)"
    )


def choose(browser, name, value):
    browser.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input', {bubbles: true}))",
        name,
        value,
    )


def press(browser, selector):
    from selenium.webdriver.common.by import By

    browser.find_element(By.CSS_SELECTOR, selector).click()


def test_filters_show_the_expressions_that_match(browser, page):
    opened(browser, page)
    every = shown(browser)
    assert len(every) == 4
    status = "return document.getElementById('shown').textContent"
    assert browser.execute_script(status) == "4 of 4 expressions shown"
    for name, value, expected in (
        ("text", "X**2", ["x**2"]),
        ("verdict", "failing", ["relu(x) - relu(-x)"]),
        ("verdict", "2", ["relu(x)"]),  # subgradient
        ("engine", "0", ["relu(x) - relu(-x)", "x**2"]),  # symbolic
        ("kind", "kink", ["relu(x)"]),
        ("text", "nothing has this", []),
    ):
        choose(browser, name, value)
        assert shown(browser) == expected, (name, value)
        press(browser, "button[type=reset]")
        browser.execute_async_script("setTimeout(arguments[0], 20)")
    assert shown(browser) == every
    choose(browser, "verdict", "4")  # wrong, by symbolic: a pair that no expression has
    choose(browser, "engine", "0")
    assert shown(browser) == []
    assert browser.execute_script("return document.querySelector('#faults tr').hidden")
    assert complaints(browser) == []


def test_lists_and_tables_are_sorted_both_ways(browser, page):
    opened(browser, page)
    press(browser, "#order [data-key=points]")
    by_points = shown(browser)
    assert by_points[-1] == "(x*x).sum()"
    press(browser, "#order [data-key=points]")
    assert shown(browser)[0] == "(x*x).sum()"
    press(browser, "#order [data-key=name]")
    assert shown(browser) == sorted(by_points)
    press(browser, "#open")
    column = (
        "return [...[...document.querySelectorAll('details.expression')].find(d => d.querySelector('h3').textContent === 'relu(x)')"
        ".querySelector('.points').tBodies[0].rows].map(r => r.cells[0].textContent)"
    )
    press(browser, "details[id='relu(x)'] .points th button")
    ascending = browser.execute_script(column)
    press(browser, "details[id='relu(x)'] .points th button")
    assert browser.execute_script(column) == ascending[::-1]
    assert list(map(float, ascending)) == sorted(map(float, ascending))


def test_a_link_opens_its_expression_and_shows_its_point(browser, page):
    opened(browser, f"{page}#relu(x)/x=0")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    state = "const d = document.getElementById('relu(x)'); const r = document.getElementById('relu(x)/x=0').getBoundingClientRect(); return [d.open, r.top >= 0 && r.bottom <= innerHeight, document.activeElement.textContent]"
    assert browser.execute_script(state) == [True, True, "0"]
    opened(browser, page)
    choose(browser, "text", "x**2")
    browser.execute_script("location.hash = '#relu(x)/x=0'")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert browser.execute_script(state) == [True, True, "0"]
    assert len(shown(browser)) == 4
    press(browser, "#faults a")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert (
        browser.execute_script(
            "return document.activeElement.closest('details').querySelector('h3').textContent"
        )
        == "relu(x) - relu(-x)"
    )
    assert complaints(browser) == []


def test_the_keyboard_opens_an_expression(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    browser.find_element(By.CSS_SELECTOR, "details.expression summary").send_keys(Keys.ENTER)
    assert browser.execute_script("return document.querySelector('details.expression').open")


def test_colours_follow_the_system_and_the_button(browser, page):
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(18, 18, 18)"
    for scheme, expected in (("light", [light, dark, light]), ("dark", [dark, light, dark])):
        opened(browser, page, scheme=scheme)
        seen = [browser.execute_script(ground)]
        for _ in range(2):
            press(browser, "#theme")
            seen.append(browser.execute_script(ground))
        assert seen == expected


def test_printing_opens_every_expression_and_closes_it_again(browser, page):
    opened(browser, page)
    count = "return document.querySelectorAll('details[open]').length"
    # What is printed has the size of paper, and the page has been painted once.
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF-") and len(printed) > 20_000
    assert browser.execute_script(count) == 0
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(count) == 4
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(count) == 0


@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_the_page_asks_for_nothing_and_fits_the_window(browser, page, width):
    opened(browser, page, width=width)
    press(browser, "#open")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert complaints(browser) == []
    assert requests(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_complaint(browser, page, scheme):
    opened(browser, page, scheme=scheme)
    press(browser, "#open")
    assert violations(browser) == {}


def test_planted_faults_are_seen(browser, page, tmp_path):
    path = tmp_path / "planted.html"
    path.write_text(
        "<!doctype html><html lang=en><title>planted</title><h1>planted</h1><img src=missing.png>"
        "<button></button><script>console.error('planted'); undefined.nothing</script>"
    )
    opened(browser, path.as_uri())
    logged = " ".join(complaints(browser))
    assert "planted" in logged and "TypeError" in logged
    assert [address.rpartition("/")[2] for address in requests(browser)] == ["missing.png"]
    assert {"button-name", "image-alt"} <= set(violations(browser))
    # A script that is not the page's own does not run, and the console says so.
    page_text = Path(page.removeprefix("file://")).read_text(encoding="utf-8")
    path.write_text(
        page_text.replace("</main>", "</main><script>document.title = 'run'</script>"),
        encoding="utf-8",
    )
    opened(browser, path.as_uri())
    assert browser.title != "run"
    assert any("Content Security Policy" in message for message in complaints(browser))
