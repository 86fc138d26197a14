"""A real browser for tests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.needs import need
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Without these it looks for Google's hosts at every start.
_QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window; skip (in CI: fail) where there is none."""
    path = need("chromium", "chromium-browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=_QUIET,
            chromium_sandbox=os.geteuid() != 0,
            timeout=1000 * PATIENCE_S,
        )
        yield browser
        browser.close()


def new_page(browser: Browser, **options: Any) -> Page:
    """Open a page, with a context of its own, that waits as long as tests do."""
    page = browser.new_page(**options)
    page.set_default_timeout(1000 * PATIENCE_S)
    return page


def keep_screenshot(page: Page, name: str) -> None:
    """Keep what a page shows in the folder that LOCALFAAS_TEST_SCREENSHOTS names, if it does."""
    folder = os.environ.get("LOCALFAAS_TEST_SCREENSHOTS")
    if folder:
        file = re.sub(r"[^\w.-]+", "-", name)
        page.screenshot(path=os.path.join(folder, f"{file}.png"))
