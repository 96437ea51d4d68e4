// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title ConditionHash
/// @notice The EIP-712 types of the conditions and their struct hashes: one type per message. The domain is added by the
///         contract.
library ConditionHash {
    bytes32 internal constant VERDICT_TYPEHASH = keccak256("Verdict(bytes32 key,uint16 shareBps)");
    bytes32 internal constant ASSERTION_TYPEHASH = keccak256("Assertion(bytes32 key)");
    bytes32 internal constant OBJECTION_TYPEHASH = keccak256("Objection(bytes32 key)");

    function hashVerdict(bytes32 key, uint16 shareBps) internal pure returns (bytes32) {
        return keccak256(abi.encode(VERDICT_TYPEHASH, key, shareBps));
    }

    function hashAssertion(bytes32 key) internal pure returns (bytes32) {
        return keccak256(abi.encode(ASSERTION_TYPEHASH, key));
    }

    function hashObjection(bytes32 key) internal pure returns (bytes32) {
        return keccak256(abi.encode(OBJECTION_TYPEHASH, key));
    }
}
