"""What the node says of itself: links, health, numbers, documentation."""

from __future__ import annotations

import re
from typing import Any

import httpx
import msgspec
import pytest

from penstock.api.problems import Problem
from penstock.node.records import Block
from penstock.protocol.errors import PenstockError
from penstock.protocol.primitives import Bytes32
from penstock.storage.errors import StorageUnavailable
from tests.support.bodies import problem, submit
from tests.support.nodes import NOW, NodeWorld
from tests.support.parties import DOMAIN, PAYEE, STRANGER, TOKEN, make_proposal


def test_the_root_names_everything_and_all_of_it_is_there(http: httpx.Client) -> None:
    links = http.get("/").json()

    assert links["service"] == "penstock node"
    for path in (value for value in links.values() if value.startswith("/")):
        assert http.get(path).status_code == 200


def test_the_page_of_the_api_loads_nothing_from_elsewhere(http: httpx.Client) -> None:
    page = http.get("/docs").text

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    for path in loaded:
        assert path.startswith("/"), path
        assert http.get(path).status_code == 200


def test_a_payer_learns_what_it_needs(http: httpx.Client) -> None:
    answer = http.get("/v1/node").json()

    assert answer == {
        "version": "0.1.0",
        "chainId": DOMAIN.chain_id,
        "contract": str(DOMAIN.contract),
        "payee": str(PAYEE.address),
        "payeeSigner": str(PAYEE.address),
        "tokens": [str(TOKEN)],
        "challengePeriodSeconds": {"minimum": 60, "maximum": 86_400},
        "withdrawalWindowSeconds": {"minimum": 60, "maximum": 3600},
        "confirmations": 1,
        "relays": True,
        "relayMinimumDeposit": "100",
        "watchers": [],
    }


def test_a_healthy_node_says_so(world: NodeWorld, http: httpx.Client) -> None:
    world.clock.now += 2

    answer = http.get("/v1/health")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "head": {"number": 100, "time": NOW, "lagSeconds": 2},
        "database": "ok",
        "signer": "ok",
        "watcherBacklog": 0,
    }


def test_an_old_head_is_unhealthy_until_a_new_block(world: NodeWorld, http: httpx.Client) -> None:
    world.clock.now += 61

    assert (http.get("/v1/health").status_code, http.get("/v1/health").json()["status"]) == (503, "unavailable")
    world.node.context.head.follow(Block(101, Bytes32(b"\x65" * 32), NOW + 60))
    assert http.get("/v1/health").status_code == 200


def test_a_lost_database_is_unhealthy(world: NodeWorld, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: object) -> None:
        raise StorageUnavailable("it burned down")

    monkeypatch.setattr(world.database, "read", fail)

    answer = http.get("/v1/health")

    assert (answer.status_code, answer.json()["database"]) == (503, "unavailable")
    assert http.get("/metrics").status_code == 200


def test_a_lost_marks_file_is_unhealthy(world: NodeWorld, http: httpx.Client) -> None:
    world.signer.close()

    answer = http.get("/v1/health")

    assert (answer.status_code, answer.json()["signer"]) == (503, "unavailable")


def test_numbers_count_what_happened(world: NodeWorld, http: httpx.Client) -> None:
    proposal = make_proposal(world.open())
    submit(http, proposal)
    submit(http, proposal)
    submit(http, make_proposal(world.position(proposal.state.channel_id), signer=STRANGER))
    http.get("/no/such/path")

    text = http.get("/metrics").text

    route = 'route="/v1/channels/{channel_id}/states"'
    for line in (
        'penstock_states_accepted_total{repeated="false"} 1.0',
        'penstock_states_accepted_total{repeated="true"} 1.0',
        'penstock_refusals_total{code="wrong-signer"} 1.0',
        f'penstock_request_seconds_count{{method="POST",{route},status="200"}} 2.0',
        'penstock_request_seconds_count{method="GET",route="none",status="404"} 1.0',
        "penstock_head_lag_seconds 0.0",
        "penstock_head_number 100.0",
    ):
        assert line in text


def test_an_error_s_type_leads_to_its_meaning(http: httpx.Client) -> None:
    document = problem(http.get("/v1/channels"), 401, "unauthenticated")

    meaning = http.get(document["type"]).json()

    assert meaning == {
        "code": "unauthenticated",
        "title": document["title"],
        "status": 401,
        "remedy": document["remedy"],
    }


# OpenAPI ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def operations(http: httpx.Client) -> list[dict[str, Any]]:
    paths = http.get("/openapi.json").json()["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]


def test_every_endpoint_is_described_with_an_example_and_its_problems(operations: list[dict[str, Any]]) -> None:
    assert len(operations) >= 17
    for operation in operations:
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert operation["summary"]
        assert operation["description"]
        assert any("example" in content for content in good["content"].values()), operation["operationId"]
        assert "storage-unavailable" in operation["responses"]["503"]["description"]
        assert "HTTPValidationError" not in str(operation)


def test_every_body_has_an_example_of_its_schema(http: httpx.Client, operations: list[dict[str, Any]]) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]
        for operation in operations
        if "requestBody" in operation
    ]

    assert len(bodies) == 7
    for body in bodies:
        assert body["examples"]
        assert body["schema"]["$ref"].startswith("#/components/schemas/")


def test_who_may_is_documented(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    secured = {
        (method, path): [name for scheme in operation["security"] for name in scheme]
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "security" in operation
    }

    channel = "/v1/channels/{channel_id}"
    assert secured == {
        ("get", "/v1/channels"): ["operator"],
        ("get", "/v1/transactions"): ["operator"],
        ("post", f"{channel}/refunds"): ["operator"],
        ("post", f"{channel}/collect"): ["operator"],
        ("post", "/v1/collections"): ["operator"],
        ("get", channel): ["operator", "party"],
        ("get", f"{channel}/states"): ["operator", "party"],
        ("get", f"{channel}/states/latest"): ["operator", "party"],
        ("get", f"{channel}/vouchers/latest"): ["operator", "party"],
    }


def test_the_documented_problems_are_problems(operations: list[dict[str, Any]]) -> None:
    documents = [
        (int(status), code, example["value"])
        for operation in operations
        for status, answer in operation["responses"].items()
        for code, example in answer["content"].get("application/problem+json", {}).get("examples", {}).items()
    ]

    assert len(documents) > 100
    for status, code, value in documents:
        assert msgspec.convert(value, Problem).status == status
        assert PenstockError.by_code(code).code == code
