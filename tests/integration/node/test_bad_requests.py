"""Whatever is sent, the answer is a problem document: never a trace, never a status 500."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from penstock.protocol.messages import Withdrawal
from tests.support.bodies import problem, proposal_body, registration_body, states_path, withdrawal_body
from tests.support.nodes import TOKEN_HEADER, NodeWorld, new_node, serve_node
from tests.support.parties import make_channel, make_position, make_proposal
from tests.support.watching import until

JSON = {"content-type": "application/json"}
CHANNEL = "/v1/channels/0x" + "07" * 32


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeWorld]:
    """One node for all tests here: none of them changes anything, which the last one shows."""
    with new_node(tmp_path_factory.mktemp("node")) as made:
        yield made


@pytest.fixture(scope="module")
def http(world: NodeWorld) -> Iterator[httpx.Client]:
    with serve_node(world.node) as client:
        yield client


POSTS = [
    "/v1/channels",
    f"{CHANNEL}/states",
    f"{CHANNEL}/vouchers",
    f"{CHANNEL}/withdrawals",
    f"{CHANNEL}/close",
    f"{CHANNEL}/refunds",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed-json"),
        (b'{"base": "0x', "malformed-json"),
        (b'{"base": 1,}', "malformed-json"),
        (b"\xff\xfe{}", "malformed-json"),
        (b"\xef\xbb\xbf{}", "malformed-json"),
        (b'{"a": 1, "a": 2}', "malformed-json"),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', "malformed-json"),
        (b"[" * 200_000, "malformed-json"),
        (b'{"a":' * 100_000 + b"1", "malformed-json"),
        (b"1" * 100_000, "malformed-json"),
        (b'{"a": NaN}', "malformed-json"),
        (b'{"a": 1.0}', "malformed-json"),
        (b'{"a": 1e400}', "malformed-json"),
        (b"[]", "malformed-field"),
        (b"null", "malformed-field"),
        (b"true", "malformed-field"),
        (b'"text"', "malformed-field"),
        (b"{}", "malformed-field"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_body_that_is_no_request_is_named(http: httpx.Client, path: str, body: bytes, code: str) -> None:
    response = http.post(path, content=body, headers=JSON | TOKEN_HEADER)

    problem(response, 400, code)


def test_a_body_above_one_mebibyte_is_refused(http: httpx.Client) -> None:
    response = http.post(POSTS[1], content=b" " * (2**20 + 1), headers=JSON)

    assert problem(response, 413, "body-too-large")["values"] == {"maximum": "1048576"}


def test_an_endless_body_is_refused_before_its_end(http: httpx.Client) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 2**15

    problem(http.post(POSTS[1], content=drip(), headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_is_not_announced_as_json_is_refused(http: httpx.Client, media_type: str) -> None:
    problem(http.post(POSTS[0], content=b"{}", headers={"content-type": media_type}), 415, "content-type-unsupported")


def test_a_charset_beside_the_media_type_does_no_harm(http: httpx.Client) -> None:
    media_type = "Application/JSON; charset=utf-8"

    problem(http.post("/v1/channels", content="{}", headers={"content-type": media_type}), 400, "malformed-field")


@pytest.mark.parametrize(
    "path", ["/nope", "/v1", "/v1/channels/", "/v2/channels", "/v1/node/x", "/..%2f", "/%ff", "/errors/x"]
)
def test_an_unknown_route_is_named(http: httpx.Client, path: str) -> None:
    response = http.get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "route-unknown"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/channels", "GET, POST"),
        ("DELETE", CHANNEL, "GET"),
        ("PATCH", f"{CHANNEL}/states", "GET, POST"),
        ("POST", "/v1/health", "GET"),
        ("TRACE", f"{CHANNEL}/close", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(http: httpx.Client, method: str, path: str, allowed: str) -> None:
    response = http.request(method, path)

    problem(response, 405, "method-unsupported")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/v1/channels/0x07/states",
        "/v1/channels/latest/states",
        f"/v1/channels/{'07' * 32}/states",
        f"/v1/channels/0x{'zz' * 32}/states",
        f"/v1/channels/0x{'07' * 33}/states",
        f"/v1/channels/%00{'07' * 32}/states",
    ],
)
def test_a_path_without_a_channel_id_is_named(http: httpx.Client, path: str) -> None:
    response = http.post(path, json=proposal_body(make_proposal(make_position())))

    assert problem(response, 400, "malformed-field")["values"]["field"] == "channelId"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=1.5",
        f"limit={'9' * 5000}",
        "limit=",
        "after=0x07",
        "after=",
    ],
)
def test_a_query_that_cannot_be_read_is_named(http: httpx.Client, query: str) -> None:
    problem(http.get(f"/v1/channels?{query}", headers=TOKEN_HEADER), 400, "malformed-field")


@pytest.mark.parametrize("value", [True, "3600", 3600.0, None, -1, 2**32, 2**53, 10**30])
def test_a_period_that_is_no_whole_number_is_refused(http: httpx.Client, value: object) -> None:
    body = registration_body(make_channel())
    body["channel"]["challengePeriodSeconds"] = value

    response = http.post("/v1/channels", json=body)

    assert response.status_code in (400, 422)
    assert response.json()["code"] in ("malformed-field", "malformed-json", "amount-out-of-range")


@pytest.mark.parametrize("value", [1, "yes", "true", None])
def test_a_flag_is_true_or_false(http: httpx.Client, value: object) -> None:
    body = registration_body(make_channel())
    body["channel"]["oneWay"] = value

    problem(http.post("/v1/channels", json=body), 400, "malformed-field")


def test_an_address_with_a_wrong_checksum_is_refused(http: httpx.Client) -> None:
    body = registration_body(make_channel())
    body["contract"] = body["contract"].swapcase().replace("X", "x")

    assert "checksum" in problem(http.post("/v1/channels", json=body), 400, "malformed-field")["detail"]


def test_a_withdrawal_s_deadline_is_a_number(http: httpx.Client) -> None:
    position = make_position()
    body = withdrawal_body(Withdrawal(position.channel_id, 1, 0, 1))
    body["withdrawal"]["deadline"] = True

    problem(http.post(f"/v1/channels/{position.channel_id}/withdrawals", json=body), 400, "malformed-field")


def test_what_is_not_http_hurts_nobody(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 0)) as connection:
        connection.sendall(b"\x16\x03\x01 GET everything\r\n\r\n")
        assert b"400" in connection.recv(100)

    assert http.get("/v1/health").status_code == 200


def test_a_client_that_leaves_in_the_middle_is_no_failure(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 0)) as connection:
        head = "POST /v1/channels HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
        connection.sendall(head.encode())

    left = 'route="/v1/channels",status="0"'
    until(lambda: left in http.get("/metrics").text, "the node has noticed")
    assert 'status="500"' not in http.get("/metrics").text


def test_a_bug_of_ours_shows_no_trace(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    position = make_position()
    monkeypatch.setattr("penstock.api.routes.payments.submit_state", lambda *_: 1 / 0)

    response = http.post(states_path(position.channel_id), json=proposal_body(make_proposal(position)))

    assert "division" not in problem(response, 500, "internal-error")["detail"]


def test_none_of_this_left_a_trace_in_the_records(world: NodeWorld) -> None:
    assert not any(rows for table, rows in world.records().items() if table != "alembic_version")
