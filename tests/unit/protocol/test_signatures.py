"""A signature passes exactly when the contract would take it: 65 bytes, low-s, v 27 or 28 (INV-6)."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey

from penstock.protocol.crypto import GROUP_ORDER, keccak
from penstock.protocol.errors import HighS, MalformedSignature, WrongSigner
from penstock.protocol.signatures import address_of, check_signer, recover, to_compact

KEY = PrivateKey(b"\x07" * 32)
SIGNER = address_of(KEY.public_key.format(compressed=False)[1:])
DIGEST = keccak(b"a message")


def sign(digest: bytes = DIGEST) -> bytes:
    raw = KEY.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes((27 + raw[64],))


def test_the_signer_is_recovered() -> None:
    assert recover(DIGEST, sign()) == SIGNER


@pytest.mark.parametrize("size", [0, 1, 64, 66, 130])
def test_another_length_than_65_bytes_is_malformed(size: int) -> None:
    with pytest.raises(MalformedSignature, match=f"{size} bytes"):
        recover(DIGEST, bytes(size))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 35, 255])
def test_another_v_than_27_or_28_is_malformed(v: int) -> None:
    with pytest.raises(MalformedSignature, match=f"v is {v}"):
        recover(DIGEST, sign()[:64] + bytes((v,)))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (GROUP_ORDER, 1), (1, GROUP_ORDER), (2**256 - 1, 1)])
def test_r_and_s_outside_the_group_are_malformed(r: int, s: int) -> None:
    with pytest.raises(MalformedSignature):
        recover(DIGEST, r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\x1b")


def test_an_r_that_is_no_point_is_malformed() -> None:
    with pytest.raises(MalformedSignature, match="no public key"):
        recover(DIGEST, (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b")


def test_the_high_s_twin_of_a_good_signature_is_refused() -> None:
    good = sign()
    s = GROUP_ORDER - int.from_bytes(good[32:64], "big")
    twin = good[:32] + s.to_bytes(32, "big") + bytes((55 - good[64],))

    with pytest.raises(HighS):
        recover(DIGEST, twin)


def test_another_message_is_by_another_signer() -> None:
    with pytest.raises(WrongSigner) as caught:
        check_signer(keccak(b"another"), sign(), SIGNER)

    assert caught.value.expected == str(SIGNER)


def test_the_compact_form_carries_v_in_the_top_bit_of_s() -> None:
    for text in (b"1", b"2", b"3", b"4", b"5"):
        signature = sign(keccak(text))

        r, vs = to_compact(signature)

        assert r == signature[:32]
        assert vs[0] >> 7 == signature[64] - 27
        assert bytes((vs[0] & 0x7F,)) + vs[1:] == signature[32:64]
