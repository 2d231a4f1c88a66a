"""The page in a browser: it draws what comes, buttons teach, names of classes do no harm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from serving import IMAGE, X, Y
from support import program

from edge_naca.host import recorder

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')")
CLASSES = ["a", "<img src=x onerror=window.harm=1>", "none", "&lt;b&gt;", "</script>"]
COUNT, TAUGHT = 400, 3
PATIENCE = 120  # seconds, on a busy machine
SOURCES = ("lessons", "looked", "confusion", "spikes", "levels", "moved")
FULL = f"""
return Object.fromEntries({json.dumps(SOURCES)}.map((name) => {{
  const model = Bokeh.documents[0].get_model_by_name(name);
  return [name, Object.values(model.data)[0].length];
}}));
"""


@pytest.fixture(scope="module")
def browser(
    require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[webdriver.Chrome]:
    require_tool("chromium")
    require_tool("chromedriver")
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=960,1400",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which root cannot have
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Named, so that Selenium looks for no other driver and fetches nothing.
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as driver:
        yield driver


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path, Any]]:
    """Yield the address of a page, the recording behind it, and the program that serves it."""
    (tmp_path / "i.naca").write_bytes(IMAGE)
    names = np.array(CLASSES)
    np.savez(tmp_path / "d.npz", x_train=X[:COUNT], y_train=names[Y[:COUNT]],
             x_test=X[:5], y_test=names)  # fmt: skip
    recording = tmp_path / "r.jsonl"
    words = ("watch", f"emulate:{tmp_path / 'i.naca'}", "--data", tmp_path / "d.npz", "--order",
             "given", "--rate", "20", "--record", recording, "--json")  # fmt: skip
    with program(*COMMAND, *words, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        said = watching.stderr.readline()
        assert said.startswith("Watch at http://127.0.0.1:")
        url = said.removeprefix("Watch at ").strip()
        yield url, recording, watching


def test_the_page_draws_teaches_and_tells(
    browser: webdriver.Chrome, served: tuple[str, Path, Any]
) -> None:
    url, recording, watching = served
    wait = WebDriverWait(browser, PATIENCE)
    browser.get(url)
    wait.until(lambda _: all(browser.execute_script(FULL).values()) if _is_drawn(browser) else 0)
    buttons = {one.text: one for one in browser.find_elements(By.CSS_SELECTOR, "#buttons button")}
    assert next(iter(buttons)) == "Teach all, as they come"
    assert [*buttons][-1] == "Stop teaching"
    assert len(buttons) == len(CLASSES) + 2
    shown = sorted(CLASSES)
    assert f"Teach {shown[0]}" in buttons

    buttons["Stop teaching"].click()
    state = browser.find_element(By.ID, "state")
    wait.until(lambda _: state.text == "Live: nothing is taught.")
    list(buttons.values())[1 + TAUGHT].click()
    wait.until(lambda _: state.text == "Live.")
    assert list(buttons.values())[1 + TAUGHT].get_attribute("aria-pressed") == "true"
    wait.until(lambda _: len(recorder.read(recording).choices) == 1)
    (chosen,) = recorder.read(recording).choices
    assert chosen.label == TAUGHT

    browser.switch_to.new_window("tab")
    browser.get(url)
    wait.until(lambda _: _is_drawn(browser) and browser.execute_script(FULL)["lessons"])
    assert browser.execute_script("return window.harm") is None
    assert browser.execute_script(
        "return performance.getEntriesByType('resource')"
        ".every((entry) => entry.name.startsWith(location.origin + '/') || "
        "entry.name.startsWith('data:'))"
    )
    problems = [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
    assert problems == []

    watching.terminate()
    state = browser.find_element(By.ID, "state")
    wait.until(lambda _: "has ended" in state.text)
    known = recorder.read(recording)
    assert {label for label, _ in known.items[chosen.first :]} == {TAUGHT}


def _is_drawn(browser: webdriver.Chrome) -> bool:
    return bool(
        browser.execute_script(
            "return typeof Bokeh === 'object' && Bokeh.documents.length > 0 "
            "&& document.getElementById('facts').children.length > 0"
        )
    )


def test_another_page_of_this_machine_cannot_teach(
    browser: webdriver.Chrome, served: tuple[str, Path, Any]
) -> None:
    """Even one that knows the address, as no page does: a browser says where a request is from."""
    url, recording, _ = served
    browser.get("data:text/html,<p>elsewhere</p>")
    script = """
const [url, done] = arguments;
const body = JSON.stringify({teach: 1});
fetch(url + "teach", {method: "POST", mode: "no-cors", body})
  .then((answer) => done(answer.type), (error) => done("failed"));
"""
    assert browser.execute_async_script(script, url) in ("opaque", "failed")
    before = len(recorder.read(recording).items)
    WebDriverWait(browser, PATIENCE).until(
        lambda _: len(recorder.read(recording).items) > before + 5
    )
    assert recorder.read(recording).choices == ()
