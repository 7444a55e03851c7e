"""A service without servers behind it, and a page of a real Chromium that tells everything that went on in it."""

import shutil
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.service import PlannedProject, RunningService, Site, configuration
from vacate.domain.access.identity import Role

PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
PROJECT_NAME = "ap-southeast-1"
USER, PASSWORD = "olga", "a long password"

# A machine under load is slow, and nothing here is about speed.
PATIENCE_MS = 60_000
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page, what it asked for, and what its console said that nobody wants to read."""

    page: Page
    requested: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningService]:
    site = Site(tmp_path_factory.mktemp("browsed"), configuration([PlannedProject(id=PROJECT, name=PROJECT_NAME)]))
    site.add_user(USER, project_id=PROJECT, role=Role.OPERATOR, password=PASSWORD)
    with site.serving() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, headless=True, args=_FLAGS)
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def visit(browser: Browser, service: RunningService) -> Generator[Visit]:
    """A visitor with nothing in their pockets, at the interactive pages."""
    context = browser.new_context(base_url=service.endpoint, service_workers="block")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    visit = Visit(page=page)

    def requested(request: Request) -> None:
        visit.requested.append(request.url)

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(message.text)

    def failed(error: Exception) -> None:
        visit.complaints.append(str(error))

    page.on("request", requested)
    page.on("console", said)
    page.on("pageerror", failed)
    page.goto("/docs")
    page.get_by_role("heading", name="Vacate").first.wait_for()
    page.get_by_role("button", name="Is the service alive?").wait_for()
    yield visit
    context.close()
