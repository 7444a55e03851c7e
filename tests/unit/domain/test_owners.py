"""Owners: by an application's tag, else by a role, and never by half a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.domain.sessions.owners import Ownership

OWNERSHIP = Ownership(roles={"app_orders": "orders", "app_stock": "stock"})
SEPARATORS = " ,;/()[]{}<>"
WORDS = st.text(
    st.characters(exclude_characters=SEPARATORS + "=", exclude_categories=("Z", "C")), min_size=1, max_size=8
)
GAPS = st.text(SEPARATORS, min_size=1, max_size=2)


@pytest.mark.parametrize(
    "application",
    [
        "owner=payments",
        "billing owner=payments",
        "billing,owner=payments;v=3",
        "billing/owner=payments/worker-7",
        "billing [owner=payments]",
        "billing (owner=payments, v3)",
        "owner= owner=payments",
        "owner=payments owner=orders",
    ],
)
def test_a_tag_names_the_owner_wherever_it_stands(application: str) -> None:
    assert OWNERSHIP.owner_of(user="app_orders", application=application) == "payments"


@pytest.mark.parametrize("application", [None, "", "billing", "coowner=payments", "owner", "owner=", "Owner=payments"])
def test_without_a_tag_the_role_names_the_owner(application: str | None) -> None:
    assert OWNERSHIP.owner_of(user="app_orders", application=application) == "orders"
    assert OWNERSHIP.owner_of(user="app_other", application=application) is None
    assert OWNERSHIP.owner_of(user=None, application=application) is None


def test_another_tag_can_be_agreed_on_and_none_at_all() -> None:
    assert Ownership(tag="team").owner_of(user=None, application="owner=a team=b") == "b"
    assert Ownership(tag="").owner_of(user=None, application="owner=a =b") is None


def test_a_tag_that_the_server_may_have_cut_off_is_not_believed() -> None:
    cut = "x" * (63 - len(" owner=pay")) + " owner=pay"
    assert len(cut) == 63
    assert OWNERSHIP.owner_of(user="app_orders", application=cut) == "orders"
    assert OWNERSHIP.owner_of(user="app_orders", application=cut[1:]) == "pay"
    assert OWNERSHIP.owner_of(user="app_orders", application=f"owner=payments {cut}"[:63]) == "payments"
    assert OWNERSHIP.owner_of(user="app_orders", application=f"billing owner=payments {cut}"[:63]) == "payments"


def test_the_owner_is_all_that_follows_the_first_equals_sign() -> None:
    assert OWNERSHIP.owner_of(user=None, application="owner=team=payments") == "team=payments"


def test_what_is_kept_is_counted_in_bytes() -> None:
    cut = "é" * 26 + "x owner=pay"
    assert len(cut) < 63 <= len(cut.encode())
    assert OWNERSHIP.owner_of(user="app_orders", application=cut) == "orders"


@examples
@given(before=st.lists(WORDS, max_size=3), owner=WORDS, after=st.lists(WORDS, max_size=3), gap=GAPS)
def test_the_owner_is_found_among_any_other_words(before: list[str], owner: str, after: list[str], gap: str) -> None:
    application = gap.join([*before, f"owner={owner}", *after])
    found = OWNERSHIP.owner_of(user="app_orders", application=application)
    # Only a whole word is ever found, and a name that fits is always found.
    assert found in ({owner} if len(application.encode()) < 63 else {owner, "orders"})


@examples
@given(application=st.text(max_size=80))
def test_an_owner_by_tag_is_always_a_word_of_the_application(application: str) -> None:
    owner = OWNERSHIP.owner_of(user=None, application=application)
    assert owner is None or (f"owner={owner}" in application and not set(owner) & set(SEPARATORS))
