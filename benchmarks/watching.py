"""What watching a device on a page costs: time until something is seen, and the line's speed.

    python benchmarks/watching.py --output benchmarks/results/watching.json

Needs Debian's chromium and chromium-driver (make ci-tools). Takes about three minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import results
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from edge_naca import data, recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.host.addresses import open_link
from edge_naca.host.choice import Choice
from edge_naca.host.link import LineCounts
from edge_naca.host.session import Session
from edge_naca.host.watching import Watching
from edge_naca.host.web.server import Page
from edge_naca.image import encode
from edge_naca.measurement import Figure, Table, mean, measure

RATE = 200  # samples a second
SAMPLES = 1000
PAIRS, LOADS = 5, 7
PATIENCE = 60  # seconds until the page has shown all
COMMAND = (sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')")
# Times since the address was opened, ms; none before there is a first paint, and figures with it.
TIMES = """
const done = arguments[0];
const look = () => {
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  if (paint && document.querySelector('[data-name=lessons]')) {
    done({'first paint': paint.startTime, 'figures drawn': performance.now()});
  } else {
    requestAnimationFrame(look);
  }
};
look();
"""
LESSONS = "return document.querySelector('[data-name=lessons]')?.textContent"


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    flags = ["--headless=new", "--disable-gpu", f"--user-data-dir={folder / 'chromium'}"]
    for flag in [*flags, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        yield browser


@contextmanager
def emulated(image: Path) -> Iterator[str]:
    """Have a device in a process of its own, as a board would be elsewhere too."""
    command = [*COMMAND, "emulate", str(image), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.terminate()


def speed(
    image: Path, dataset: Dataset, rate: float | None, browser: webdriver.Chrome | None
) -> float:
    """Return how many samples a second a new device was taught; watched if there is a browser."""
    with emulated(image) as port, open_link(port) as device, ExitStack() as stack:
        packed = device.packer.samples(dataset.x_train[:SAMPLES])
        choice = Choice([(int(y), x) for y, x in zip(dataset.y_train, packed, strict=False)])
        session = Session(device, choice, rate=rate)
        session.ready, session.ahead = choice.is_ready, choice.ahead
        if browser is not None:
            watching = Watching("digits", dataset.classes, device.copy(), device.counts, choice)
            page = stack.enter_context(Page(watching))

            def note(number: int, result: Any) -> None:
                watching.note(choice[number], result)

            session.compare, watching.progress = note, session.progress
            browser.get(page.url)
            wait = WebDriverWait(browser, PATIENCE)
            wait.until(lambda _: browser.execute_script(LESSONS) is not None)
        begun = time.monotonic()
        session.run()
        taken = time.monotonic() - begun
        if browser is not None:
            shown = str(session.progress.total)
            wait.until(lambda _: browser.execute_script(LESSONS) == shown)
        return session.progress.total / taken


def paints(dataset: Dataset, network: Any, browser: webdriver.Chrome) -> Iterator[Figure]:
    """Measure how long after the address was opened something is painted."""
    times: dict[str, list[float]] = {}
    watching = Watching("digits", dataset.classes, Core(network), LineCounts(), None)
    with Page(watching) as page:
        for _ in range(LOADS):
            browser.get(page.url)
            for name, begin in browser.execute_async_script(TIMES).items():
                times.setdefault(name, []).append(begin)
    for name, found in times.items():
        yield mean({"page": "opened"}, name, found, "ms", 0)


def speeds(image: Path, dataset: Dataset, browser: webdriver.Chrome) -> Iterator[Figure]:
    """Compare the line with and without a page, turn by turn."""
    for rate in (RATE, None):
        alone, watched = [], []
        for _ in range(PAIRS):
            alone.append(speed(image, dataset, rate, None))
            watched.append(speed(image, dataset, rate, browser))
        of = {"samples a second, at most": "no limit" if rate is None else str(rate)}
        yield mean(of, "alone", alone, "samples/s", 1)
        yield mean(of, "watched", watched, "samples/s", 1)
        ratios = [100 * two / one for one, two in zip(alone, watched, strict=True)]
        yield mean(of, "watched, of alone, paired", ratios, "%", 1)


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    dataset = data.load("digits")
    network = recipes.network_for(dataset)
    with tempfile.TemporaryDirectory() as name, chromium(Path(name)) as browser:
        image = Path(name) / "digits.naca"
        image.write_bytes(encode(network))
        tables = [
            Table("Until something is seen", tuple(paints(dataset, network, browser))),
            Table("Speed of the line", tuple(speeds(image, dataset, browser))),
        ]
        version = browser.capabilities["browserVersion"]
    measurement = measure(
        "Watching a device on a page",
        results.command(),
        tables,
        data={"digits": dataset.digest()},
        settings={"samples": SAMPLES, "pairs": PAIRS, "loads": LOADS, "chromium": version},
        choice="Nothing was chosen by these figures.",
        text="A virtual device in a process of its own, digits, a headless Chromium on the same "
        f"machine ({os.cpu_count()} processors) that has shown every lesson in the end. Speeds "
        "with and without the page were measured in turn. Without a limit, browser, page and "
        "stream share what processors there are.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
