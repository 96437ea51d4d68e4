// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ICondition} from "../interfaces/ICondition.sol";
import {IHashLock} from "../interfaces/IHashLock.sol";
import {Outcomes} from "../libraries/Outcomes.sol";

/// @title HashLock
/// @notice Money for a preimage: docs/protocol.md, section 2, Locks.
contract HashLock is IHashLock {
    mapping(bytes32 key => uint40) private _revealedAt;

    /// @inheritdoc IHashLock
    function reveal(bytes32 preimage) external {
        bytes32 key = sha256(abi.encode(preimage));
        if (_revealedAt[key] != 0) return;

        _revealedAt[key] = SafeCast.toUint40(block.timestamp);

        emit Revealed(key, preimage);
    }

    /// @inheritdoc ICondition
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt) {
        decidedAt = _revealedAt[key];
        if (decidedAt != 0) shareBps = Outcomes.WHOLE;
    }
}
