// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAllOf} from "../../../contracts/interfaces/IAllOf.sol";
import {Part, Terms} from "../../../contracts/types/ConditionTypes.sol";
import {ScriptedCondition} from "../mocks/ScriptedCondition.sol";
import {AllOfTest} from "./AllOfTest.sol";

contract AllOfEvaluateTest is AllOfTest {
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
        allOf.evaluate(parts, notAfter);

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

            allOf.evaluate(parts, notAfter);

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

        allOf.evaluate(parts, notAfter);

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
        allOf.evaluate(new Part[](0), notAfter);
        vm.expectRevert(IAllOf.NoParts.selector);
        allOf.keyOf(new Part[](0), notAfter);
    }

    /* THE LAST MOMENT */

    function test_ItCanBeEvaluatedAtTheLastMoment() public {
        Part[] memory parts = scripted(1);
        vm.warp(notAfter);
        decide(parts[0], 10_000);

        allOf.evaluate(parts, notAfter);

        assertOutcome(allOf, keyOf(parts), 10_000, notAfter);
    }

    /// @dev Even if all was decided in time: the locks' expiries count on nothing being decided later.
    function test_RevertWhen_EvaluatedAfterTheLastMoment() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);
        vm.warp(notAfter + 1);

        refuses(parts, abi.encodeWithSelector(IAllOf.TooLate.selector, notAfter, notAfter + 1));
        assertUndecided(allOf, keyOf(parts));
    }

    /// @dev A part's decision in the future is none, so no part can be decided after `notAfter` when it is read.
    function test_RevertWhen_APartIsDecidedAfterTheLastMoment() public {
        Part[] memory parts = scripted(1);
        condition.decide(parts[0].key, 10_000, notAfter + 1);
        vm.warp(notAfter);

        refuses(parts, undecided(parts, 0));
        vm.warp(notAfter + 1);
        refuses(parts, abi.encodeWithSelector(IAllOf.TooLate.selector, notAfter, notAfter + 1));
    }

    /* THE DECISION STANDS */

    function test_ASecondEvaluationChangesNothingAndDoesNotFail() public {
        Part[] memory parts = scripted(2);
        decide(parts[0], 10_000);
        decide(parts[1], 4000);
        allOf.evaluate(parts, notAfter);
        uint256 decidedAt = vm.getBlockTimestamp();

        vm.warp(notAfter + 1);
        vm.recordLogs();
        allOf.evaluate(parts, notAfter);

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(allOf, keyOf(parts), 4000, decidedAt);
    }

    function test_WhenAPartChangesItsMind_TheDecisionStands() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);
        allOf.evaluate(parts, notAfter);
        uint256 decidedAt = vm.getBlockTimestamp();
        skip(1);
        decide(parts[0], 0);

        allOf.evaluate(parts, notAfter);

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

        allOf.evaluate(parts, notAfter);

        assertOutcome(allOf, keyOf(parts), 0, block.timestamp);
    }

    /* GAS */

    function test_RevertWhen_TooLittleGasIsLeftForAPart() public {
        Part[] memory parts = scripted(1);
        decide(parts[0], 10_000);

        vm.expectPartialRevert(IAllOf.InsufficientGas.selector);
        allOf.evaluate{gas: 205_000}(parts, notAfter);
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

        try allOf.evaluate{gas: gas}(parts, notAfter) {
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

        try allOf.evaluate{gas: gas}(parts, notAfter) {
            assertOutcome(allOf, keyOf(parts), 3000, block.timestamp);
        } catch {
            assertUndecided(allOf, keyOf(parts));
        }
    }

    /* KEYS */

    function testFuzz_TheKeyCommitsToEveryPartAndTheLastMoment(Part[2] memory pair, uint40 last) public view {
        Part[] memory parts = new Part[](2);
        (parts[0], parts[1]) = (pair[0], pair[1]);

        assertEq(allOf.keyOf(parts, last), keccak256(abi.encode(parts, last)));
    }

    function test_ListsThatDifferInAnythingAreIndependent() public {
        Part[] memory parts = scripted(2);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, notAfter);

        assertUndecided(allOf, allOf.keyOf(parts, notAfter + 1));
        (parts[0], parts[1]) = (parts[1], parts[0]);
        assertUndecided(allOf, keyOf(parts));
    }

    /* HELPERS */

    function countsAsUndecided(ScriptedCondition.Manner manner) private {
        Part[] memory parts = scripted(2);
        decide(parts[0], 0);
        condition.behave(parts[0].key, manner);
        decide(parts[1], 10_000);

        refuses(parts, undecided(parts, 0));
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
