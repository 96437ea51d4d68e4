// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IArbitration} from "../interfaces/IArbitration.sol";
import {ICondition} from "../interfaces/ICondition.sol";
import {ConditionHash} from "../libraries/ConditionHash.sol";
import {Outcomes} from "../libraries/Outcomes.sol";
import {Signing} from "../libraries/Signing.sol";
import {Signature} from "../types/ChannelTypes.sol";

/// @title Arbitration
/// @notice Money for a verdict of m of n arbiters: docs/protocol.md, section 2, Locks.
contract Arbitration is IArbitration, EIP712 {
    struct Verdict {
        uint16 shareBps;
        uint40 decidedAt;
    }

    mapping(bytes32 key => Verdict) private _verdicts;

    constructor() EIP712("Penstock Arbitration", "1") {}

    /// @inheritdoc IArbitration
    function record(
        address[] calldata arbiters,
        uint8 threshold,
        bytes32 caseId,
        uint16 shareBps,
        Signature[] calldata signatures
    ) external {
        bytes32 key = keyOf(arbiters, threshold, caseId);
        if (shareBps > Outcomes.WHOLE) revert ShareTooLarge(shareBps, Outcomes.WHOLE);
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        _checkSignatures(arbiters, _hashTypedDataV4(ConditionHash.hashVerdict(key, shareBps)), signatures);
        Verdict storage verdict = _verdicts[key];
        if (verdict.decidedAt != 0) {
            if (verdict.shareBps != shareBps) revert VerdictStands(key, verdict.shareBps, shareBps);
            return;
        }

        uint40 decidedAt = SafeCast.toUint40(block.timestamp);
        (verdict.shareBps, verdict.decidedAt) = (shareBps, decidedAt);

        emit VerdictRecorded(key, shareBps, decidedAt);
    }

    /// @dev Walks both lists once: each signer has to be found behind the one before, so none counts twice.
    function _checkSignatures(address[] calldata arbiters, bytes32 digest, Signature[] calldata signatures)
        private
        pure
    {
        uint256 next = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            address recovered = Signing.recover(digest, signatures[i]);
            while (next < arbiters.length && arbiters[next] < recovered) ++next;
            if (next == arbiters.length || arbiters[next] != recovered) revert NotArbiter(i, recovered);
            ++next;
        }
    }

    /// @inheritdoc IArbitration
    function keyOf(address[] calldata arbiters, uint8 threshold, bytes32 caseId) public pure returns (bytes32) {
        if (threshold == 0 || threshold > arbiters.length) revert InvalidThreshold(threshold, arbiters.length);
        address previous = address(0);
        for (uint256 i = 0; i < arbiters.length; ++i) {
            address arbiter = arbiters[i];
            if (arbiter <= previous) revert ArbitersNotAscending(previous, arbiter);
            previous = arbiter;
        }
        return keccak256(abi.encode(arbiters, threshold, caseId));
    }

    /// @inheritdoc ICondition
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt) {
        Verdict storage verdict = _verdicts[key];
        return (verdict.shareBps, verdict.decidedAt);
    }

    /// @inheritdoc IArbitration
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }
}
