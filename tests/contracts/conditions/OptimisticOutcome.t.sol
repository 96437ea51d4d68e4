// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {IOptimistic} from "../../../contracts/interfaces/IOptimistic.sol";
import {Lock} from "../../../contracts/types/ChannelTypes.sol";
import {Part, Terms} from "../../../contracts/types/ConditionTypes.sol";
import {ScriptedCondition} from "../mocks/ScriptedCondition.sol";
import {OptimisticTest} from "./OptimisticTest.sol";

/// @notice What `Optimistic` makes of its arbitration's answers, with any gas, and what `unlock` makes of it.
contract OptimisticOutcomeTest is OptimisticTest {
    /* ARBITRATIONS THAT DO NOT ANSWER AS THEY MUST */

    function test_WhenTheArbitrationDoesNotAnswer_ItCountsAsUndecided() public {
        bytes32 asked = objectedBeforeScripted();
        condition.decide("verdict", 0, block.timestamp);
        ScriptedCondition.Manner[3] memory manners =
            [ScriptedCondition.Manner.Revert, ScriptedCondition.Manner.BurnGas, ScriptedCondition.Manner.AnswerShort];
        for (uint256 i = 0; i < manners.length; ++i) {
            condition.behave("verdict", manners[i]);
            assertUndecided(optimistic, asked);
        }
    }

    function test_WhenTheArbitrationGivesMoreThanEverything_ItCountsAsUndecided() public {
        bytes32 asked = objectedBeforeScripted();
        uint256[3] memory shares = [uint256(10_001), 65_536, type(uint256).max];
        for (uint256 i = 0; i < shares.length; ++i) {
            condition.decide("verdict", shares[i], block.timestamp);
            assertUndecided(optimistic, asked);
        }
    }

    function test_WhenTheVerdictLiesInTheFuture_ItCountsAsUndecided() public {
        bytes32 asked = objectedBeforeScripted();
        uint256[3] memory times = [block.timestamp + 1, 2 ** 40 + block.timestamp, type(uint256).max];
        for (uint256 i = 0; i < times.length; ++i) {
            condition.decide("verdict", 5000, times[i]);
            assertUndecided(optimistic, asked);
        }
    }

    function test_WhenTheArbitrationHasNoCode_ItCountsAsUndecided() public {
        bytes32 asked = objectedBefore(termsWith(makeAddr("nobody"), "verdict"));

        assertUndecided(optimistic, asked);
    }

    /// @dev A known limit, and why the arbitration is part of the key: this condition keeps its law if that one does.
    function test_AnArbitrationThatChangesItsMindChangesTheAnswer() public {
        bytes32 asked = objectedBeforeScripted();
        condition.decide("verdict", 0, block.timestamp);
        assertOutcome(optimistic, asked, 0, block.timestamp);
        condition.decide("verdict", 10_000, block.timestamp);

        assertOutcome(optimistic, asked, 10_000, block.timestamp);
    }

    /// @dev Once resolved, a lock does not ask again.
    function test_AnArbitrationThatChangesItsMindAfterTheUnlockChangesNothing() public {
        Lock memory lock = settleLockOn(optimistic, optimistic.keyOf(termsWith(address(condition), "verdict")));
        objectedBeforeScripted();
        condition.decide("verdict", 2500, block.timestamp);
        assertUnlocks(lock, 100);
        condition.decide("verdict", 10_000, block.timestamp);

        vm.expectPartialRevert(IChannels.LockResolved.selector);
        unlock(lock);
    }

    /// @dev Before an objection nobody asks it: a lapsed window is decided whatever the arbitration is.
    function test_ALawlessArbitrationCannotHoldUpALapsedWindow() public {
        Terms memory terms = termsWith(address(condition), "verdict");
        condition.behave("verdict", ScriptedCondition.Manner.BurnGas);
        uint256 decidesAt = assertDone(terms);
        vm.warp(decidesAt);

        assertOutcome(optimistic, optimistic.keyOf(terms), 10_000, decidesAt);
    }

    /* ARBITRATIONS OF OTHER KINDS */

    function test_AListMayArbitrate() public {
        Part[] memory parts = new Part[](1);
        parts[0] = Part(address(arbitration), caseKey("part"));
        bytes32 asked = objectedBefore(termsWith(address(allOf), allOf.keyOf(parts, expiry)));
        recordVerdict("part", 3000);
        assertUndecided(optimistic, asked);

        allOf.evaluate(parts, expiry);

        assertOutcome(optimistic, asked, 3000, block.timestamp);
    }

    /// @dev It needs no other condition for its answer, so what it may use is enough.
    function test_ALapsedWindowMayArbitrate() public {
        uint256 decidesAt = assertDone();
        bytes32 asked = objectedBefore(termsWith(address(optimistic), key));
        vm.warp(decidesAt);

        assertOutcome(optimistic, asked, 10_000, decidesAt);
    }

    /// @dev A known limit: it would have to ask a third condition, with more gas than it may use.
    function test_AnObjectedWindowCannotArbitrate() public {
        bytes32 asked = objectedBefore(termsWith(address(optimistic), objectedBefore(termsOf())));
        recordVerdict("work", 2500);

        assertOutcome(optimistic, key, 2500, block.timestamp);
        assertUndecided(optimistic, asked);
    }

    /* GAS */

    function test_RevertWhen_TooLittleGasIsLeftForTheArbitration() public {
        objectedBefore(termsOf());
        recordVerdict("work", 2500);

        vm.expectPartialRevert(IOptimistic.InsufficientGas.selector);
        optimistic.outcome{gas: 110_000}(key);
    }

    /// @dev Whatever gas a caller sends: the verdict, or no answer at all. A dear verdict fails early where gas is short,
    ///      which leaves enough to give a wrong answer.
    function testFuzz_WhenStarvedOfGas_ItDoesNotAnswer(uint256 gas) public {
        gas = bound(gas, 1000, 250_000);
        bytes32 asked = objectedBeforeScripted();
        condition.decide("verdict", 2500, block.timestamp);
        condition.behave("verdict", ScriptedCondition.Manner.AnswerDearly);

        try optimistic.outcome{gas: gas}(asked) returns (uint16 shareBps, uint40 decidedAt) {
            assertEq(shareBps, 2500);
            assertEq(decidedAt, block.timestamp);
        } catch {
            assertLt(gas, 125_000, "refused with enough");
        }
    }

    function test_WithTheGasOfUnlock_ADearVerdictArrives() public {
        bytes32 asked = objectedBeforeScripted();
        condition.decide("verdict", 2500, block.timestamp);
        condition.behave("verdict", ScriptedCondition.Manner.AnswerDearly);

        (uint16 shareBps, uint40 decidedAt) = askWith200k(asked);

        assertEq(shareBps, 2500);
        assertEq(decidedAt, block.timestamp);
    }

    /// @dev An arbitration that burns all it may use does not burn what `outcome` needs to answer.
    function test_WithTheGasOfUnlock_ABurningArbitrationIsUndecidedAndNoFailure() public {
        bytes32 asked = objectedBeforeScripted();
        condition.behave("verdict", ScriptedCondition.Manner.BurnGas);

        (, uint40 decidedAt) = askWith200k(asked);

        assertEq(decidedAt, 0);
    }

    /// @dev After the expiry an undecided lock goes back: whatever gas a caller sends, one with a verdict never does.
    function testFuzz_WhenUnlockIsStarvedOfGas_NoVerdictIsLost(uint256 gas, bool dear) public {
        gas = bound(gas, 25_000, 700_000);
        Lock memory lock = settleLockOn(optimistic, optimistic.keyOf(termsWith(address(condition), "verdict")));
        objectedBeforeScripted();
        condition.decide("verdict", 10_000, block.timestamp);
        if (dear) condition.behave("verdict", ScriptedCondition.Manner.AnswerDearly);
        vm.warp(expiry + 1);

        unlockStarved(lock, gas);
    }

    /// @dev The same with the arbitration that is shipped.
    function testFuzz_WhenUnlockIsStarvedOfGas_NoArbitersVerdictIsLost(uint256 gas) public {
        gas = bound(gas, 25_000, 700_000);
        Lock memory lock = settleLockOn(optimistic, key);
        objectedBefore(termsOf());
        recordVerdict("work", 10_000);
        vm.warp(expiry + 1);

        unlockStarved(lock, gas);
    }

    /* LOCKS */

    function test_WorkNobodyObjectsToIsPaidWithoutAnotherTransaction() public {
        Lock memory lock = settleLockOn(optimistic, key);
        vm.warp(assertDone());

        assertUnlocks(lock, AMOUNT);
    }

    function test_AWindowThatEndsAtTheExpiryCountsForEver() public {
        Lock memory lock = settleLockOn(optimistic, key);
        vm.warp(expiry - WINDOW);
        assertDone();
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    function test_AWindowThatEndsAfterTheExpiryEndsTooLate() public {
        Lock memory lock = settleLockOn(optimistic, key);
        vm.warp(expiry - WINDOW + 1);
        assertDone();
        skip(WINDOW);

        assertUnlocks(lock, 0);
    }

    function test_RevertWhen_UnlockedInTheWindow() public {
        Lock memory lock = settleLockOn(optimistic, key);
        uint256 decidesAt = assertDone();
        vm.warp(decidesAt - 1);

        vm.expectRevert(abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, expiry, decidesAt - 1));
        unlock(lock);
    }

    function test_AfterAnObjectionTheArbitersShareOut() public {
        uint16[3] memory shares = [uint16(10_000), 2500, 0];
        uint256[3] memory received = [AMOUNT, 100, 0];
        Lock memory lock = settleLockOn(optimistic, key);
        objectedBefore(termsOf());
        for (uint256 i = 0; i < 3; ++i) {
            uint256 snapshot = vm.snapshotState();
            recordVerdict("work", shares[i]);
            assertUnlocks(lock, received[i]);
            vm.revertToState(snapshot);
        }
    }

    function test_AVerdictAtTheExpiryCountsForEver() public {
        Lock memory lock = settleLockOn(optimistic, key);
        objectedBefore(termsOf());
        vm.warp(expiry);
        recordVerdict("work", 10_000);
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    function test_AVerdictAfterTheExpiryComesTooLate() public {
        Lock memory lock = settleLockOn(optimistic, key);
        objectedBefore(termsOf());
        vm.warp(expiry + 1);
        recordVerdict("work", 10_000);

        assertUnlocks(lock, 0);
    }

    /// @dev An objection after the expiry comes too late itself if the window ended in time, and does not matter if not.
    function test_AnObjectionAfterTheExpiryDoesNotSaveALateAssertion() public {
        Lock memory lock = settleLockOn(optimistic, key);
        recordVerdict("work", 10_000);
        vm.warp(expiry - 1);
        assertDone();
        vm.warp(expiry + 1);
        object();

        assertUnlocks(lock, 0);
    }

    /* HELPERS */

    function objectedBefore(Terms memory terms) private returns (bytes32) {
        assertDone(terms);
        object(terms);
        return optimistic.keyOf(terms);
    }

    function objectedBeforeScripted() private returns (bytes32) {
        return objectedBefore(termsWith(address(condition), "verdict"));
    }

    function askWith200k(bytes32 asked) private view returns (uint16, uint40) {
        return optimistic.outcome{gas: 200_000}(asked);
    }
}
