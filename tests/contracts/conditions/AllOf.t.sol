// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAllOf} from "../../../contracts/interfaces/IAllOf.sol";
import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {Lock} from "../../../contracts/types/ChannelTypes.sol";
import {Part, Terms} from "../../../contracts/types/ConditionTypes.sol";
import {ScriptedCondition} from "../mocks/ScriptedCondition.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

contract AllOfTest is ConditionsTest {
    uint40 private _notAfter;

    function setUp() public override {
        super.setUp();
        _notAfter = expiry - 1 days;
    }

    /* EVALUATING */

    function test_WhenAllAreDecided_TheLeastShareDecidesAtTheBlocksTime() public {
        Part[] memory parts = scripted(3);
        decide(parts[0], 10_000);
        decide(parts[1], 2500);
        decide(parts[2], 7000);
        skip(1 hours);

        vm.expectEmit(address(allOf));
        emit IAllOf.Evaluated(keyOf(parts), 2500, uint40(vm.getBlockTimestamp()));
        vm.prank(stranger);
        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), 2500, vm.getBlockTimestamp());
    }

    function test_WithoutAnEvaluation_ItIsUndecided() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);

        assertUndecided(allOf, keyOf(parts));
    }

    function test_WhenOneGivesNothing_ItIsDecidedAtOnce() public {
        for (uint256 i = 0; i < 3; ++i) {
            Part[] memory parts = scripted(3);
            parts[0].key = keccak256(abi.encode("another list", i));
            decide(parts[i], 0);

            allOf.evaluate(parts, _notAfter);

            assertOutcome(allOf, keyOf(parts), 0, block.timestamp);
        }
    }

    function testFuzz_TheShareIsTheLeast(uint16[4] memory shares) public {
        Part[] memory parts = scripted(4);
        uint16 least = 10_000;
        for (uint256 i = 0; i < 4; ++i) {
            shares[i] = uint16(bound(shares[i], 0, 10_000));
            decide(parts[i], shares[i]);
            if (shares[i] < least) least = shares[i];
        }

        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), least, block.timestamp);
    }

    function test_RevertWhen_OneIsUndecidedAndNoneGivesNothing() public {
        for (uint256 i = 0; i < 3; ++i) {
            Part[] memory parts = scripted(3);
            decide(parts[0], 1);
            decide(parts[1], 10_000);
            decide(parts[2], 10_000);
            parts[i].key = keccak256("undecided");

            refuses(parts, undecided(parts, i));
        }
    }

    function test_RevertWhen_NoneIsDecided_ItNamesTheFirst() public {
        Part[] memory parts = scripted(3);

        refuses(parts, undecided(parts, 0));
    }

    function test_RevertWhen_TheListIsEmpty() public {
        vm.expectRevert(IAllOf.NoParts.selector);
        allOf.evaluate(new Part[](0), _notAfter);
        vm.expectRevert(IAllOf.NoParts.selector);
        allOf.keyOf(new Part[](0), _notAfter);
    }

    /* THE LAST MOMENT */

    function test_ItCanBeEvaluatedAtTheLastMoment() public {
        Part[] memory parts = scripted(1);
        vm.warp(_notAfter);
        decide(parts[0], 10_000);

        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), 10_000, _notAfter);
    }

    /// @dev Even if all was decided in time: the locks' expiries count on nothing being decided later.
    function test_RevertWhen_EvaluatedAfterTheLastMoment() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);
        vm.warp(_notAfter + 1);

        refuses(parts, abi.encodeWithSelector(IAllOf.TooLate.selector, _notAfter, _notAfter + 1));
        assertUndecided(allOf, keyOf(parts));
    }

    /// @dev A part's decision in the future is none, so no part can be decided after `notAfter` when it is read.
    function test_RevertWhen_APartIsDecidedAfterTheLastMoment() public {
        Part[] memory parts = scripted(1);
        condition.decide(parts[0].key, 10_000, _notAfter + 1);
        vm.warp(_notAfter);

        refuses(parts, undecided(parts, 0));
        vm.warp(_notAfter + 1);
        refuses(parts, abi.encodeWithSelector(IAllOf.TooLate.selector, _notAfter, _notAfter + 1));
    }

    /* THE DECISION STANDS */

    function test_ASecondEvaluationChangesNothingAndDoesNotFail() public {
        Part[] memory parts = scripted(2);
        decide(parts[0], 10_000);
        decide(parts[1], 4000);
        allOf.evaluate(parts, _notAfter);
        uint256 decidedAt = vm.getBlockTimestamp();

        vm.warp(_notAfter + 1);
        vm.recordLogs();
        allOf.evaluate(parts, _notAfter);

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(allOf, keyOf(parts), 4000, decidedAt);
    }

    function test_WhenAPartChangesItsMind_TheDecisionStands() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);
        allOf.evaluate(parts, _notAfter);
        uint256 decidedAt = vm.getBlockTimestamp();
        skip(1);
        decide(parts[0], 0);

        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), 10_000, decidedAt);
    }

    /* PARTS THAT DO NOT ANSWER AS THEY MUST */

    function test_RevertWhen_APartDoesNotAnswer() public {
        countsAsUndecided(ScriptedCondition.Manner.Revert);
        countsAsUndecided(ScriptedCondition.Manner.BurnGas);
        countsAsUndecided(ScriptedCondition.Manner.AnswerShort);
    }

    /// @dev What is read of an endless answer is its first two words, zero here.
    function test_RevertWhen_APartAnswersWithoutEnd() public {
        countsAsUndecided(ScriptedCondition.Manner.AnswerLong);
    }

    function test_RevertWhen_APartGivesMoreThanEverything() public {
        Part[] memory parts = scripted(1);
        uint256[3] memory shares = [uint256(10_001), 65_536, type(uint256).max];
        for (uint256 i = 0; i < shares.length; ++i) {
            decide(parts[0], shares[i]);
            refuses(parts, undecided(parts, 0));
        }
    }

    /// @dev A share of 65536 would be nothing in 16 bits, and a time of 2^40 in the past in 40.
    function test_RevertWhen_APartsDecisionLiesInTheFuture() public {
        Part[] memory parts = scripted(1);
        uint256[3] memory times = [block.timestamp + 1, 2 ** 40 + block.timestamp, type(uint256).max];
        for (uint256 i = 0; i < times.length; ++i) {
            condition.decide(parts[0].key, 0, times[i]);
            refuses(parts, undecided(parts, 0));
        }
    }

    function test_RevertWhen_APartHasNoCode() public {
        Part[] memory parts = scripted(1);
        parts[0].condition = makeAddr("nobody");
        refuses(parts, undecided(parts, 0));
        parts[0].condition = address(4);
        refuses(parts, undecided(parts, 0));
    }

    function test_WhenAPartGivesNothing_LawlessOnesAroundItDoNotMatter() public {
        Part[] memory parts = scripted(3);
        condition.behave(parts[0].key, ScriptedCondition.Manner.BurnGas);
        decide(parts[1], 0);
        condition.behave(parts[2].key, ScriptedCondition.Manner.BurnGas);

        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), 0, block.timestamp);
    }

    /* GAS */

    function test_RevertWhen_TooLittleGasIsLeftForAPart() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);

        vm.expectRevert(abi.encodeWithSelector(IAllOf.InsufficientGas.selector, 210_000));
        allOf.evaluate{gas: 205_000}(parts, _notAfter);
    }

    /// @dev The part that gives nothing stands behind parts that burn what they get, so that it is the one starved:
    ///      whatever gas is sent, the list is decided at nothing or not at all.
    function testFuzz_WhenStarvedOfGas_NothingIsDecidedWrongly(uint256 gas, uint256 burners) public {
        gas = bound(gas, 20_000, 1_500_000);
        burners = bound(burners, 0, 3);
        Part[] memory parts = scripted(burners + 2);
        for (uint256 i = 0; i < burners; ++i) {
            condition.behave(parts[i].key, ScriptedCondition.Manner.BurnGas);
        }
        decide(parts[burners], 10_000);
        decide(parts[burners + 1], 0);

        try allOf.evaluate{gas: gas}(parts, _notAfter) {
            assertOutcome(allOf, keyOf(parts), 0, block.timestamp);
        } catch {
            assertUndecided(allOf, keyOf(parts));
        }
    }

    /// @dev The verdict behind an objection needs the most gas of all answers: starved of it, the part must not count as
    ///      anything else than undecided.
    function testFuzz_WhenAnObjectedPartIsStarved_NothingIsDecidedWrongly(uint256 gas) public {
        gas = bound(gas, 20_000, 500_000);
        Part[] memory parts = scripted(2);
        decide(parts[0], 10_000);
        parts[1] = Part(address(optimistic), objectedAndDecided(3000));

        try allOf.evaluate{gas: gas}(parts, _notAfter) {
            assertOutcome(allOf, keyOf(parts), 3000, block.timestamp);
        } catch {
            assertUndecided(allOf, keyOf(parts));
        }
    }

    /* LISTS OF THE OTHER CONDITIONS */

    function test_ItWaitsForAPreimageAVerdictAndALapsedWindow() public {
        Terms memory terms = termsOf();
        Part[] memory parts = new Part[](3);
        parts[0] = Part(address(hashLock), sha256(abi.encode(bytes32("preimage"))));
        parts[1] = Part(address(arbitration), caseKey("case"));
        parts[2] = Part(address(optimistic), optimistic.keyOf(terms));
        refuses(parts, undecided(parts, 0));
        hashLock.reveal("preimage");
        refuses(parts, undecided(parts, 1));
        recordVerdict("case", 6000);
        vm.prank(terms.claimant);
        optimistic.assertDone(terms);
        refuses(parts, undecided(parts, 2));
        skip(terms.window);

        allOf.evaluate(parts, _notAfter);

        assertOutcome(allOf, keyOf(parts), 6000, vm.getBlockTimestamp());
    }

    function test_AListMayBePartOfAnother() public {
        Part[] memory inner = scripted(2);
        decide(inner[0], 9000);
        decide(inner[1], 8000);
        Part[] memory outer = new Part[](1);
        outer[0] = Part(address(allOf), allOf.keyOf(inner, _notAfter));
        refuses(outer, undecided(outer, 0));
        allOf.evaluate(inner, _notAfter);
        skip(1);

        allOf.evaluate(outer, _notAfter);

        assertOutcome(allOf, keyOf(outer), 8000, vm.getBlockTimestamp());
    }

    /* KEYS */

    function testFuzz_TheKeyCommitsToEveryPartAndTheLastMoment(Part[2] memory pair, uint40 notAfter) public view {
        Part[] memory parts = new Part[](2);
        (parts[0], parts[1]) = (pair[0], pair[1]);

        assertEq(allOf.keyOf(parts, notAfter), keccak256(abi.encode(parts, notAfter)));
    }

    function test_ListsThatDifferInAnythingAreIndependent() public {
        Part[] memory parts = scripted(2);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, _notAfter);

        assertUndecided(allOf, allOf.keyOf(parts, _notAfter + 1));
        (parts[0], parts[1]) = (parts[1], parts[0]);
        assertUndecided(allOf, keyOf(parts));
    }

    /* LOCKS */

    function test_WhenAllWorkIsAccepted_TheReceiverIsPaid() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, _notAfter);

        assertUnlocks(lock, AMOUNT);
    }

    function test_WhenOneWorkIsRejected_AllGoesBackAtOnce() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[1], 0);
        allOf.evaluate(parts, _notAfter);

        assertUnlocks(lock, 0);
    }

    function test_WhenOneWorkIsRefundedInPart_BothArePaid() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[0], 10_000);
        decide(parts[1], 2500);
        allOf.evaluate(parts, _notAfter);

        assertUnlocks(lock, 100);
    }

    /// @dev The lock expires with the list's last moment.
    function test_AnEvaluationAtTheExpiryCountsForEver() public {
        _notAfter = expiry;
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        vm.warp(expiry);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, _notAfter);
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    /// @dev Why nodes want the expiry at or after the last moment: this list was decided, but after the lock's expiry.
    function test_AnEvaluationAfterTheExpiryComesTooLate() public {
        _notAfter = expiry + 1;
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        vm.warp(expiry + 1);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, _notAfter);

        assertUnlocks(lock, 0);
    }

    function test_RevertWhen_UnlockedWithoutAnEvaluation() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);

        vm.expectRevert(abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, expiry, block.timestamp));
        unlock(lock);
    }

    /* HELPERS */

    function scripted(uint256 count) private view returns (Part[] memory parts) {
        parts = new Part[](count);
        for (uint256 i = 0; i < count; ++i) {
            parts[i] = Part(address(condition), keccak256(abi.encode("part", i)));
        }
    }

    function decide(Part memory part, uint256 shareBps) private {
        condition.decide(part.key, shareBps, vm.getBlockTimestamp());
    }

    function keyOf(Part[] memory parts) private view returns (bytes32) {
        return keccak256(abi.encode(parts, _notAfter));
    }

    function lockOnTwo() private returns (Lock memory lock, Part[] memory parts) {
        parts = scripted(2);
        lock = settleLockOn(allOf, keyOf(parts));
    }

    function countsAsUndecided(ScriptedCondition.Manner manner) private {
        Part[] memory parts = scripted(2);
        decide(parts[0], 0);
        condition.behave(parts[0].key, manner);
        decide(parts[1], 10_000);

        refuses(parts, undecided(parts, 0));
    }

    function refuses(Part[] memory parts, bytes memory reason) private {
        vm.expectRevert(reason);
        allOf.evaluate(parts, _notAfter);
    }

    function undecided(Part[] memory parts, uint256 index) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAllOf.PartUndecided.selector, index, parts[index].condition, parts[index].key);
    }

    function termsOf() private view returns (Terms memory) {
        return Terms(payee.addr, payer.addr, 2 days, address(arbitration), caseKey("work"));
    }

    function objectedAndDecided(uint16 shareBps) private returns (bytes32 key) {
        Terms memory terms = termsOf();
        vm.prank(terms.claimant);
        optimistic.assertDone(terms);
        vm.prank(terms.disputer);
        optimistic.object(terms);
        recordVerdict("work", shareBps);
        return optimistic.keyOf(terms);
    }
}
