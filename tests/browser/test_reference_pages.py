"""The interactive pages in a real browser: everything is shown, everything works, and nothing leaves the service."""

import json
import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, PROJECT_NAME, USER, Visit
from tests.support.service import RunningService
from vacate.http.reference.catalogue import DOORS

MONITORING = {"/healthz": "Is the service alive?", "/readyz": "What can be swept?", "/metrics": "The metrics"}
SIGN_IN = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": USER, "password": PASSWORD, "domain": {"name": "default"}}},
        },
        "scope": {"project": {"name": PROJECT_NAME}},
    }
}

expect.set_options(timeout=PATIENCE_MS)


def call(page: Page, method: str, path: str, title: str) -> Locator:
    """The line of a call, which opens and closes it."""
    return page.get_by_role("button", name=f"{method} {path} {title}", exact=True)


def opened(page: Page, method: str, path: str, title: str) -> Locator:
    """Everything about a call, ready to be tried."""
    line = call(page, method, path, title)
    line.click()
    block = page.locator(".opblock").filter(has=line)
    block.get_by_role("button", name="Try it out").click()
    return block


def executed(block: Locator) -> Locator:
    """What the service answered."""
    block.get_by_role("button", name="Execute", exact=True).click()
    answer = block.locator(".live-responses-table")
    answer.wait_for()
    return answer


def authorize(page: Page, token: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    entry = dialog.locator(".auth-container").filter(has_text="X-Auth-Token")
    entry.get_by_role("textbox").fill(token)
    entry.get_by_role("button", name="Apply credentials").click()
    entry.get_by_role("button", name="Remove authorization").wait_for()
    dialog.get_by_role("button", name="Close").last.click()


def test_every_call_is_shown_by_its_title(visit: Visit) -> None:
    for door in DOORS:
        for operation in door.operations:
            expect(call(visit.page, operation.method, operation.path, operation.title)).to_be_visible()
    for path, title in MONITORING.items():
        expect(call(visit.page, "GET", path, title)).to_be_visible()


def test_nothing_leaves_the_service_and_nothing_is_complained_of(visit: Visit, service: RunningService) -> None:
    page = visit.page
    executed(opened(page, "GET", "/healthz", "Is the service alive?"))
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_role("heading", name="Available authorizations").wait_for()
    page.get_by_role("button", name="Close").last.click()
    assert len(visit.requested) >= 6
    strangers = [url for url in visit.requested if not url.startswith((f"{service.endpoint}/", "data:"))]
    assert not strangers
    assert not visit.complaints


def test_a_stranger_would_be_kept_out(visit: Visit) -> None:
    """The policy is in force: the same page may not fetch from elsewhere, nor run what is written into it."""
    page = visit.page
    assert page.evaluate("fetch('http://localhost:9/').then(() => 'came through', () => 'kept out')") == "kept out"
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran === undefined")
    assert sum("Content Security Policy" in complaint for complaint in visit.complaints) >= 2


def test_a_call_that_is_tried_shows_its_answer(visit: Visit) -> None:
    answer = executed(opened(visit.page, "GET", "/", "List the versions of the API"))
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"status": "CURRENT"')
    expect(answer).to_contain_text("x-request-id:")


def test_a_visitor_signs_in_and_makes_a_call_with_the_token(visit: Visit) -> None:
    page = visit.page
    block = opened(page, "POST", "/v3/auth/tokens", "Sign in with a password")
    block.locator("textarea").fill(json.dumps(SIGN_IN))
    answer = executed(block)
    expect(answer).to_contain_text("201")
    token = re.search(r"x-subject-token: (\S+)", answer.inner_text())
    assert token

    block = opened(page, "GET", "/v3/auth/projects", "List the sender's projects")
    expect(executed(block)).to_contain_text("401")
    authorize(page, token[1])
    block.get_by_role("button", name="Execute", exact=True).click()
    expect(block.locator(".live-responses-table")).to_contain_text(f'"name": "{PROJECT_NAME}"')


def test_what_was_typed_under_authorize_is_forgotten_with_the_page(visit: Visit) -> None:
    page = visit.page
    authorize(page, "a-token")
    page.reload()
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_role("heading", name="Available authorizations").wait_for()
    expect(page.get_by_role("button", name="Remove authorization")).to_have_count(0)
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_errors_are_shown_in_the_language_that_is_chosen(visit: Visit) -> None:
    block = opened(visit.page, "GET", "/v3/auth/domains", "List the sender's domains")
    block.get_by_role("row", name="X-Language").get_by_role("combobox").select_option("zh-cn")
    answer = executed(block)
    expect(answer).to_contain_text("认证失败。")
    expect(answer).to_contain_text("content-language: zh-CN")
