"""Who may read and who may command."""

from __future__ import annotations

import httpx
import pytest

from penstock.protocol.causes import Pay
from tests.support.bodies import problem, submit
from tests.support.nodes import NOW, TOKEN_HEADER, NodeWorld, party_header
from tests.support.parties import PAYEE, PAYER, STRANGER, Party, cause_id, make_channel, make_proposal

OPERATORS = [
    ("GET", "/v1/channels"),
    ("GET", "/v1/transactions"),
    ("POST", "/v1/channels/0x" + "07" * 32 + "/collect"),
    ("POST", "/v1/channels/0x" + "07" * 32 + "/refunds"),
]
READS = ["", "/states", "/states?limit=5&before=7", "/states/latest", "/vouchers/latest"]


@pytest.mark.parametrize(("method", "path"), OPERATORS)
def test_commands_need_the_operator_s_token(http: httpx.Client, method: str, path: str) -> None:
    body = {"amount": "1"} if method == "POST" else None

    missing = http.request(method, path, json=body)
    wrong = http.request(method, path, json=body, headers={"authorization": "Bearer something-else"})
    party = http.request(method, path, json=body, headers=party_header(PAYER, path, method=method))

    problem(missing, 401, "unauthenticated")
    assert missing.headers["www-authenticate"].startswith("Bearer")
    problem(wrong, 403, "not-permitted")
    problem(party, 401, "unauthenticated")


@pytest.mark.parametrize("tail", READS)
@pytest.mark.parametrize("party", [PAYER, PAYEE])
def test_a_party_reads_its_own_channel(world: NodeWorld, http: httpx.Client, party: Party, tail: str) -> None:
    path = f"/v1/channels/{world.open().channel_id}{tail}"

    assert http.get(path, headers=party_header(party, path)).status_code == 200
    assert http.get(path, headers=TOKEN_HEADER).status_code == 200


@pytest.mark.parametrize("tail", READS)
def test_nobody_else_reads_it(world: NodeWorld, http: httpx.Client, tail: str) -> None:
    path = f"/v1/channels/{world.open().channel_id}{tail}"
    other = f"/v1/channels/{world.open(make_channel(salt=2)).channel_id}{tail}"

    problem(http.get(path), 401, "unauthenticated")
    problem(http.get(path, headers=party_header(STRANGER, path)), 403, "not-permitted")
    problem(http.get(path, headers={"authorization": "Bearer x"}), 403, "not-permitted")
    problem(http.get(path, headers=party_header(PAYER, other)), 403, "not-permitted")
    problem(http.get(path, headers=party_header(PAYER, path, method="POST")), 403, "not-permitted")


def test_a_signature_is_for_one_query(world: NodeWorld, http: httpx.Client) -> None:
    path = f"/v1/channels/{world.open().channel_id}/states"

    problem(http.get(f"{path}?limit=5", headers=party_header(PAYER, path)), 403, "not-permitted")


@pytest.mark.parametrize("off", [-301, 301])
def test_an_old_or_early_signature_is_refused(world: NodeWorld, http: httpx.Client, off: int) -> None:
    path = f"/v1/channels/{world.open().channel_id}"

    document = problem(http.get(path, headers=party_header(PAYER, path, issued_at=NOW + off)), 401, "unauthenticated")

    assert "301 seconds" in document["detail"]
    assert http.get(path, headers=party_header(PAYER, path, issued_at=NOW + off // 2)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Penstock",
        "Penstock issuedAt=1, signature=0x00",
        "Penstock issuedAt=x, signature=0x" + "00" * 65,
        f"Penstock issuedAt={NOW}, signature=0x" + "00" * 65,
        f"Penstock issuedAt={NOW}, signature=0x" + "00" * 64 + "1b",
        "Penstock issuedAt=" + "9" * 400 + ", signature=0x" + "00" * 65,
        "Bearer",
        "Basic b3BlcmF0b3I6",
        "\u00ff",
    ],
)
def test_an_unreadable_header_proves_nothing(world: NodeWorld, http: httpx.Client, header: str) -> None:
    path = f"/v1/channels/{world.open().channel_id}"

    problem(http.get(path, headers={b"authorization": header.encode("latin-1")}), 401, "unauthenticated")


def test_reading_an_unknown_channel_says_so(http: httpx.Client) -> None:
    path = "/v1/channels/0x" + "07" * 32

    problem(http.get(path, headers=party_header(PAYER, path)), 404, "unknown-channel")
    problem(http.get(path, headers=TOKEN_HEADER), 404, "unknown-channel")


def test_the_history_pages_backwards(world: NodeWorld, http: httpx.Client) -> None:
    channel_id = world.open().channel_id
    for number in range(1, 6):
        assert submit(http, make_proposal(world.position(channel_id), Pay(cause_id(number), 1))).status_code == 200
    seen: list[str] = []
    query = "?limit=2"

    while query:
        path = f"/v1/channels/{channel_id}/states{query}"
        page = http.get(path, headers=party_header(PAYER, path)).json()
        seen += [item["signed"]["state"]["sequence"] for item in page["states"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""

    assert seen == ["5", "4", "3", "2", "1"]
