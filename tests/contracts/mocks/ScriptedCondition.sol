// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A condition that answers what a test says, lawful or not.
contract ScriptedCondition {
    enum Manner {
        Answer,
        Revert,
        BurnGas,
        AnswerShort,
        AnswerLong,
        AnswerDearly,
        AnswerAtTheLimit
    }

    struct Script {
        Manner manner;
        uint256 shareBps;
        uint256 decidedAt;
    }

    /// @dev What a dear answer costs; with less it fails early, and leaves its caller enough to go on.
    uint256 private constant DEAR = 90_000;

    /// @dev What an answer at the limit costs, of the 200,000 that `Channels` gives.
    uint256 private constant LIMIT = 190_000;

    mapping(bytes32 key => Script) private _scripts;

    error Refused(bytes32 key);

    function decide(bytes32 key, uint256 shareBps, uint256 decidedAt) external {
        _scripts[key] = Script(Manner.Answer, shareBps, decidedAt);
    }

    function behave(bytes32 key, Manner manner) external {
        _scripts[key].manner = manner;
    }

    /// @dev Whole words, so that answers beyond what the interface's types hold can be given too.
    function outcome(bytes32 key) external view returns (uint256, uint256) {
        Script memory script = _scripts[key];
        if (script.manner == Manner.Revert) revert Refused(key);
        if (script.manner == Manner.BurnGas) {
            for (uint256 i = 0; i < type(uint256).max; ++i) {}
        }
        if (script.manner == Manner.AnswerDearly) {
            uint256 rest = gasleft() - DEAR;
            while (gasleft() > rest) {}
        }
        // All but what it takes to come here and to answer.
        if (script.manner == Manner.AnswerAtTheLimit) {
            uint256 rest = gasleft() - LIMIT;
            while (gasleft() > rest) {}
        }
        (uint256 shareBps, uint256 decidedAt) = (script.shareBps, script.decidedAt);
        if (script.manner == Manner.AnswerShort) {
            assembly ("memory-safe") {
                mstore(0x00, shareBps)
                mstore(0x20, decidedAt)
                return(0x00, 0x3f)
            }
        }
        if (script.manner == Manner.AnswerLong) {
            assembly ("memory-safe") {
                return(0x80, 0x20000)
            }
        }
        return (shareBps, decidedAt);
    }
}
