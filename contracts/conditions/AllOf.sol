// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IAllOf} from "../interfaces/IAllOf.sol";
import {ICondition} from "../interfaces/ICondition.sol";
import {Outcomes} from "../libraries/Outcomes.sol";
import {Part} from "../types/ConditionTypes.sol";

/// @title AllOf
/// @notice Money for many outcomes at once: docs/protocol.md, section 2, Locks.
contract AllOf is IAllOf {
    struct Decision {
        uint16 shareBps;
        uint40 decidedAt;
    }

    mapping(bytes32 key => Decision) private _decisions;

    /// @inheritdoc IAllOf
    function evaluate(Part[] calldata parts, uint40 notAfter) external {
        bytes32 key = keyOf(parts, notAfter);
        Decision storage decision = _decisions[key];
        if (decision.decidedAt != 0) return;
        if (block.timestamp > notAfter) revert TooLate(notAfter, block.timestamp);
        uint16 shareBps = _leastShare(parts);

        // Asking the parts cannot lead back here: they are asked by static calls.
        uint40 decidedAt = SafeCast.toUint40(block.timestamp);
        (decision.shareBps, decision.decidedAt) = (shareBps, decidedAt);

        emit Evaluated(key, shareBps, decidedAt);
    }

    /// @dev Reverts unless one part gives nothing or all are decided. A part that is undecided, or taken for it, never
    ///      lowers or raises the result.
    function _leastShare(Part[] calldata parts) private view returns (uint16) {
        uint256 least = Outcomes.WHOLE;
        uint256 undecided = parts.length;
        for (uint256 i = 0; i < parts.length; ++i) {
            uint256 available = gasleft();
            if (available < Outcomes.MIN_GAS) revert InsufficientGas(available, Outcomes.MIN_GAS);
            (uint256 shareBps, uint256 decidedAt) =
                Outcomes.ask(parts[i].condition, parts[i].key, Outcomes.CONDITION_GAS);
            if (decidedAt == 0) undecided = Math.min(undecided, i);
            else if (shareBps == 0) return 0;
            else least = Math.min(least, shareBps);
        }
        if (undecided != parts.length) {
            revert PartUndecided(undecided, parts[undecided].condition, parts[undecided].key);
        }
        return SafeCast.toUint16(least);
    }

    /// @inheritdoc IAllOf
    function keyOf(Part[] calldata parts, uint40 notAfter) public pure returns (bytes32) {
        if (parts.length == 0) revert NoParts();
        return keccak256(abi.encode(parts, notAfter));
    }

    /// @inheritdoc ICondition
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt) {
        Decision storage decision = _decisions[key];
        return (decision.shareBps, decision.decidedAt);
    }
}
