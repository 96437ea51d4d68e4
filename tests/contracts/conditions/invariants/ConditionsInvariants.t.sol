// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ConditionsHandler} from "./ConditionsHandler.sol";

/// @notice The law of `ICondition`, for all four conditions, after every call of a random history.
contract ConditionsInvariantsTest is Test {
    ConditionsHandler private _handler;

    function setUp() public {
        _handler = new ConditionsHandler();
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = ConditionsHandler.reveal.selector;
        selectors[1] = ConditionsHandler.record.selector;
        selectors[2] = ConditionsHandler.assertDone.selector;
        selectors[3] = ConditionsHandler.object.selector;
        selectors[4] = ConditionsHandler.evaluate.selector;
        selectors[5] = ConditionsHandler.wait.selector;
        // Twice, so that windows lapse.
        selectors[6] = ConditionsHandler.wait.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    /// @dev The handler compares around each call; here once more in between.
    function invariant_WhatHasBeenAnsweredStandsAndIsPast() public view {
        for (uint256 question = 0; question < _handler.QUESTIONS(); ++question) {
            ConditionsHandler.Question memory known = _handler.questionAt(question);
            (uint16 shareBps, uint40 decidedAt) = known.asked.outcome(known.key);
            ConditionsHandler.Seen memory seen = _handler.seenAt(question);
            assertEq(decidedAt, seen.decidedAt, "decided at");
            assertEq(shareBps, seen.shareBps, "share");
            assertLe(decidedAt, vm.getBlockTimestamp(), "not in the future");
        }
    }

    /// @dev The handler itself, on a history in which every condition is decided.
    function test_TheHandlerSeesEveryKindDecided() public {
        _handler.assertDone(0);
        _handler.assertDone(1);
        _handler.object(1);
        for (uint256 work = 0; work < _handler.WORKS(); ++work) {
            _handler.reveal(work);
            _handler.record(work, 1, 1);
        }
        _handler.wait(100);
        for (uint256 list = 0; list <= _handler.WORKS(); ++list) {
            _handler.evaluate(list);
        }

        for (uint256 question = 0; question < _handler.QUESTIONS(); ++question) {
            assertNotEq(_handler.seenAt(question).decidedAt, 0);
        }
    }
}
