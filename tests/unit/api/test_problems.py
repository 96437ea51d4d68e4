"""Every error has one status, one title and one code (RFC 9457)."""

from __future__ import annotations

import pytest

import penstock.api.errors
import penstock.bootstrap
from penstock.api.problems import STATUS, problem_of, status_of, title_of
from penstock.protocol.errors import PeerFault, PenstockError, WrongSigner


def all_errors(kind: type[PenstockError] = PenstockError) -> list[type[PenstockError]]:
    found = [kind]
    for child in kind.__subclasses__():
        found += all_errors(child)
    return [error for error in found if error.__module__.startswith("penstock.")]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_a_title_and_a_code_of_its_own(kind: type[PenstockError]) -> None:
    assert status_of(kind) in STATUS.values()
    assert title_of(kind)
    assert PenstockError.by_code(kind.code) is kind


@pytest.mark.parametrize("kind", all_errors(PeerFault), ids=lambda kind: kind.__name__)
def test_a_peer_s_fault_is_never_ours(kind: type[PenstockError]) -> None:
    assert 400 <= status_of(kind) < 500


def test_a_problem_says_what_was_wrong_what_was_expected_and_what_to_do() -> None:
    problem = problem_of(WrongSigner("0xaa", "0xbb"), "/v1/channels")

    assert problem.type == "/errors/wrong-signer"
    assert problem.status == 403
    assert problem.detail == "the signature is by 0xbb, expected 0xaa"
    assert problem.values == {"expected": "0xaa", "recovered": "0xbb"}
    assert problem.remedy.startswith("Check the key")
    assert problem.instance == "/v1/channels"
    assert problem.newest is None


def test_nothing_is_looked_up_that_is_not_loaded() -> None:
    assert penstock.api.errors.InternalError in all_errors()
    assert penstock.bootstrap.GRACE_SECONDS > 0
