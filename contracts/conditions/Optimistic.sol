// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IOptimistic} from "../interfaces/IOptimistic.sol";
import {ConditionHash} from "../libraries/ConditionHash.sol";
import {Outcomes} from "../libraries/Outcomes.sol";
import {Signing} from "../libraries/Signing.sol";
import {Signature} from "../types/ChannelTypes.sol";
import {Terms} from "../types/ConditionTypes.sol";

/// @title Optimistic
/// @notice Money for an assertion nobody objects to: docs/protocol.md, section 2, Locks.
contract Optimistic is IOptimistic, EIP712 {
    /// @dev One comment line starts each storage slot; an assertion writes the first slot only.
    struct Record {
        // Asserted and, if the next two are not zero, objected to.
        uint40 decidesAt;
        uint40 objectedAt;
        address arbitration;
        // Whom to ask what, known to `outcome` only from here; written by an objection.
        bytes32 arbitrationKey;
    }

    mapping(bytes32 key => Record) private _records;

    constructor() EIP712("Penstock Optimistic", "1") {}

    /* ASSERTIONS */

    /// @inheritdoc IOptimistic
    function assertDone(Terms calldata terms) external {
        bytes32 key = keyOf(terms);
        if (msg.sender != terms.claimant) revert NotClaimant(msg.sender);
        _assertDone(key, terms);
    }

    /// @inheritdoc IOptimistic
    function assertDone(Terms calldata terms, Signature calldata claimantSignature) external {
        bytes32 key = keyOf(terms);
        _checkSignature(terms.claimant, ConditionHash.hashAssertion(key), claimantSignature);
        _assertDone(key, terms);
    }

    function _assertDone(bytes32 key, Terms calldata terms) private {
        Record storage record = _records[key];
        if (record.decidesAt != 0) return;

        uint40 decidesAt = SafeCast.toUint40(block.timestamp + terms.window);
        record.decidesAt = decidesAt;

        emit Asserted(key, terms.disputer, terms, decidesAt);
    }

    /* OBJECTIONS */

    /// @inheritdoc IOptimistic
    function object(Terms calldata terms) external {
        bytes32 key = keyOf(terms);
        if (msg.sender != terms.disputer) revert NotDisputer(msg.sender);
        _object(key, terms);
    }

    /// @inheritdoc IOptimistic
    function object(Terms calldata terms, Signature calldata disputerSignature) external {
        bytes32 key = keyOf(terms);
        _checkSignature(terms.disputer, ConditionHash.hashObjection(key), disputerSignature);
        _object(key, terms);
    }

    function _object(bytes32 key, Terms calldata terms) private {
        Record storage record = _records[key];
        if (record.objectedAt != 0) return;
        uint40 decidesAt = record.decidesAt;
        if (decidesAt == 0) revert NotAsserted(key);
        if (block.timestamp >= decidesAt) revert WindowOver(decidesAt, block.timestamp);

        uint40 objectedAt = SafeCast.toUint40(block.timestamp);
        (record.objectedAt, record.arbitration) = (objectedAt, terms.arbitration);
        record.arbitrationKey = terms.arbitrationKey;

        emit Objected(key, objectedAt);
    }

    /* VIEWS */

    /// @inheritdoc IOptimistic
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt) {
        Record storage record = _records[key];
        (uint40 decidesAt, uint40 objectedAt) = (record.decidesAt, record.objectedAt);
        if (objectedAt != 0) return _verdict(objectedAt, record.arbitration, record.arbitrationKey);
        if (decidesAt != 0 && block.timestamp >= decidesAt) return (Outcomes.WHOLE, decidesAt);
    }

    /// @inheritdoc IOptimistic
    function assertionOf(bytes32 key) external view returns (uint40 decidesAt, uint40 objectedAt) {
        return (_records[key].decidesAt, _records[key].objectedAt);
    }

    function _verdict(uint40 objectedAt, address arbitration, bytes32 arbitrationKey)
        private
        view
        returns (uint16, uint40)
    {
        // Starved of gas the arbitration would seem undecided.
        uint256 available = gasleft();
        if (available < Outcomes.INNER_MIN_GAS) revert InsufficientGas(available, Outcomes.INNER_MIN_GAS);
        (uint256 shareBps, uint256 verdictAt) = Outcomes.ask(arbitration, arbitrationKey, Outcomes.INNER_GAS);
        if (verdictAt == 0) return (0, 0);
        return (SafeCast.toUint16(shareBps), SafeCast.toUint40(Math.max(objectedAt, verdictAt)));
    }

    /// @inheritdoc IOptimistic
    function keyOf(Terms calldata terms) public pure returns (bytes32) {
        if (terms.claimant == address(0) || terms.disputer == address(0) || terms.arbitration == address(0)) {
            revert ZeroAddress();
        }
        if (terms.window == 0) revert ZeroWindow();
        return keccak256(abi.encode(terms));
    }

    /// @inheritdoc IOptimistic
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _checkSignature(address expected, bytes32 structHash, Signature calldata signature) private view {
        address recovered = Signing.recover(_hashTypedDataV4(structHash), signature);
        if (recovered != expected) revert InvalidSignature(expected, recovered);
    }
}
