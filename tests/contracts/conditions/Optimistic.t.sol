// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IOptimistic} from "../../../contracts/interfaces/IOptimistic.sol";
import {Signature} from "../../../contracts/types/ChannelTypes.sol";
import {Terms} from "../../../contracts/types/ConditionTypes.sol";
import {OptimisticTest} from "./OptimisticTest.sol";

contract OptimisticSayingTest is OptimisticTest {
    /* ASSERTING */

    function test_AnAssertionStartsTheWindow() public {
        Terms memory terms = termsOf();
        uint40 decidesAt = uint40(block.timestamp) + WINDOW;

        vm.expectEmit(address(optimistic));
        emit IOptimistic.Asserted(key, disputer.addr, terms, decidesAt);
        vm.prank(claimant.addr);
        optimistic.assertDone(terms);

        assertUndecided(optimistic, key);
    }

    /// @dev What `outcome` cannot tell: whether a key is fresh.
    function test_AnybodySeesWhatWasSaid() public {
        assertSaid(0, 0);
        uint256 decidesAt = assertDone();
        assertSaid(decidesAt, 0);
        skip(1);
        object();
        assertSaid(decidesAt, block.timestamp);
    }

    function assertSaid(uint256 decidesAt, uint256 objectedAt) private view {
        (uint40 first, uint40 second) = optimistic.assertionOf(key);
        assertEq(first, decidesAt);
        assertEq(second, objectedAt);
    }

    function test_AnybodyBringsASignedAssertion() public {
        Terms memory terms = termsOf();
        Signature memory signature = signAssertion(claimant);

        vm.expectEmit(address(optimistic));
        emit IOptimistic.Asserted(key, disputer.addr, terms, uint40(block.timestamp) + WINDOW);
        vm.prank(stranger);
        optimistic.assertDone(terms, signature);
    }

    function test_WhenNobodyObjects_AllIsDecidedAtTheEndOfTheWindow() public {
        uint256 decidesAt = assertDone();

        vm.warp(decidesAt - 1);
        assertUndecided(optimistic, key);
        vm.warp(decidesAt);
        assertOutcome(optimistic, key, 10_000, decidesAt);
        skip(365 days);
        assertOutcome(optimistic, key, 10_000, decidesAt);
    }

    function test_WithoutAnAssertion_NothingIsEverDecided() public {
        skip(3650 days);

        assertUndecided(optimistic, key);
    }

    /// @dev Neither in the window nor after it, neither by call nor by signature.
    function test_ASecondAssertionChangesNothingAndDoesNotFail() public {
        uint256 decidesAt = assertDone();
        skip(WINDOW - 1);
        vm.recordLogs();
        assertDone();
        skip(10 * WINDOW);
        assertDone();
        optimistic.assertDone(termsOf(), signAssertion(claimant));

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(optimistic, key, 10_000, decidesAt);
    }

    function test_AnAssertionAfterAnObjectionChangesNothing() public {
        assertDone();
        object();
        skip(10 * WINDOW);
        assertDone();
        skip(10 * WINDOW);

        assertUndecided(optimistic, key);
    }

    function test_RevertWhen_SomebodyElseAsserts() public {
        address[2] memory others = [disputer.addr, stranger];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IOptimistic.NotClaimant.selector, others[i]));
            vm.prank(others[i]);
            optimistic.assertDone(termsOf());
        }
    }

    function test_RevertWhen_TheAssertionIsNotSignedByTheClaimant() public {
        refusesAssertion(signAssertion(disputer), disputer.addr);
        refusesAssertion(Signature(bytes32(0), bytes32(0)), address(0));
    }

    /* OBJECTING */

    function test_AnObjectionHandsItToTheArbitration() public {
        uint256 decidesAt = assertDone();
        vm.warp(decidesAt - 1);

        vm.expectEmit(address(optimistic));
        emit IOptimistic.Objected(key, uint40(decidesAt - 1));
        object();

        skip(10 * WINDOW);
        assertUndecided(optimistic, key);
        recordVerdict("work", 2500);
        assertOutcome(optimistic, key, 2500, vm.getBlockTimestamp());
    }

    function test_AnybodyBringsASignedObjection() public {
        assertDone();
        Signature memory signature = signObjection(disputer);

        vm.expectEmit(address(optimistic));
        emit IOptimistic.Objected(key, uint40(block.timestamp));
        vm.prank(stranger);
        optimistic.object(termsOf(), signature);

        skip(WINDOW);
        assertUndecided(optimistic, key);
    }

    /// @dev In the block of the assertion too.
    function test_AVerdictGivenBeforeTheObjectionCountsFromTheObjection() public {
        recordVerdict("work", 2500);
        skip(1 hours);
        assertDone();
        object();

        assertOutcome(optimistic, key, 2500, vm.getBlockTimestamp());
    }

    function testFuzz_ItIsDecidedAtTheObjectionOrTheVerdictWhicheverIsLater(
        uint256 verdictAt,
        uint256 objectedAfter,
        uint16 shareBps
    ) public {
        uint256 assertedAt = vm.getBlockTimestamp();
        verdictAt = bound(verdictAt, assertedAt, assertedAt + 3 * uint256(WINDOW));
        uint256 objectedAt = assertedAt + bound(objectedAfter, 0, WINDOW - 1);
        shareBps = uint16(bound(shareBps, 0, 10_000));
        assertDone();

        if (verdictAt < objectedAt) recordVerdictAt(verdictAt, shareBps);
        vm.warp(objectedAt);
        object();
        if (verdictAt >= objectedAt) recordVerdictAt(verdictAt, shareBps);

        uint256 decidedAt = verdictAt > objectedAt ? verdictAt : objectedAt;
        assertOutcome(optimistic, key, shareBps, decidedAt);
        skip(10 * WINDOW);
        assertOutcome(optimistic, key, shareBps, decidedAt);
    }

    function test_WhenNobodyObjects_TheVerdictDoesNotMatter() public {
        uint256 decidesAt = assertDone();
        recordVerdict("work", 0);
        vm.warp(decidesAt);

        assertOutcome(optimistic, key, 10_000, decidesAt);
    }

    function test_ASecondObjectionChangesNothingAndDoesNotFail() public {
        assertDone();
        recordVerdict("work", 2500);
        object();
        uint256 objectedAt = vm.getBlockTimestamp();
        skip(10 * WINDOW);
        vm.recordLogs();
        object();
        optimistic.object(termsOf(), signObjection(disputer));

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(optimistic, key, 2500, objectedAt);
    }

    function test_RevertWhen_ObjectedToBeforeTheAssertion() public {
        Signature memory signature = signObjection(disputer);

        vm.expectRevert(abi.encodeWithSelector(IOptimistic.NotAsserted.selector, key));
        vm.prank(disputer.addr);
        optimistic.object(termsOf());
        vm.expectRevert(abi.encodeWithSelector(IOptimistic.NotAsserted.selector, key));
        optimistic.object(termsOf(), signature);
    }

    function test_RevertWhen_ObjectedToAfterTheWindow() public {
        uint256 decidesAt = assertDone();
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(decidesAt + late);
            vm.expectRevert(abi.encodeWithSelector(IOptimistic.WindowOver.selector, decidesAt, decidesAt + late));
            vm.prank(disputer.addr);
            optimistic.object(termsOf());
        }
    }

    function test_RevertWhen_SomebodyElseObjects() public {
        assertDone();
        address[2] memory others = [claimant.addr, stranger];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IOptimistic.NotDisputer.selector, others[i]));
            vm.prank(others[i]);
            optimistic.object(termsOf());
        }
    }

    /// @dev An assertion is no objection, even if one key were to sign both.
    function test_RevertWhen_TheObjectionIsNotSignedByTheDisputer() public {
        assertDone();
        Signature memory byClaimant = signObjection(claimant);
        vm.expectRevert(invalidSignature(disputer.addr, claimant.addr));
        optimistic.object(termsOf(), byClaimant);

        Signature memory assertion = signAssertion(disputer);
        vm.expectPartialRevert(IOptimistic.InvalidSignature.selector);
        optimistic.object(termsOf(), assertion);
    }

    /* TERMS */

    function testFuzz_TheKeyCommitsToEveryTerm(Terms memory terms) public view {
        vm.assume(terms.claimant != address(0) && terms.disputer != address(0) && terms.arbitration != address(0));
        vm.assume(terms.window != 0);

        assertEq(
            optimistic.keyOf(terms),
            keccak256(abi.encode(terms.claimant, terms.disputer, terms.window, terms.arbitration, terms.arbitrationKey))
        );
    }

    function test_RevertWhen_AnAddressIsZero() public {
        for (uint256 which = 0; which < 3; ++which) {
            Terms memory terms = termsOf();
            if (which == 0) terms.claimant = address(0);
            if (which == 1) terms.disputer = address(0);
            if (which == 2) terms.arbitration = address(0);
            refusesTerms(terms, IOptimistic.ZeroAddress.selector);
        }
    }

    function test_RevertWhen_TheWindowIsZero() public {
        Terms memory terms = termsOf();
        terms.window = 0;

        refusesTerms(terms, IOptimistic.ZeroWindow.selector);
    }

    function test_TheLongestWindowFits() public {
        Terms memory terms = termsOf();
        terms.window = type(uint32).max;
        uint256 decidesAt = vm.getBlockTimestamp() + type(uint32).max;

        vm.prank(claimant.addr);
        optimistic.assertDone(terms);

        vm.warp(decidesAt - 1);
        assertUndecided(optimistic, optimistic.keyOf(terms));
        vm.warp(decidesAt);
        assertOutcome(optimistic, optimistic.keyOf(terms), 10_000, decidesAt);
    }

    /// @dev In 34,000 years. A time that wrapped around would have been decided long ago.
    function test_RevertWhen_TheEndOfTheWindowHasNoRoom() public {
        vm.warp(2 ** 40 - WINDOW);

        vm.expectPartialRevert(bytes4(keccak256("SafeCastOverflowedUintDowncast(uint8,uint256)")));
        vm.prank(claimant.addr);
        optimistic.assertDone(termsOf());
    }

    /* HELPERS */

    function recordVerdictAt(uint256 time, uint16 shareBps) private {
        vm.warp(time);
        recordVerdict("work", shareBps);
    }

    function refusesAssertion(Signature memory signature, address recovered) private {
        vm.expectRevert(invalidSignature(claimant.addr, recovered));
        optimistic.assertDone(termsOf(), signature);
    }

    /// @dev All ways in: no key is given for terms that cannot be asserted or objected to. What a malformed signature
    ///      recovers to is zero, and so nobody's.
    function refusesTerms(Terms memory terms, bytes4 reason) private {
        Signature memory malformed;
        vm.expectRevert(reason);
        optimistic.keyOf(terms);
        vm.expectRevert(reason);
        optimistic.assertDone(terms, malformed);
        vm.expectRevert(reason);
        optimistic.object(terms, malformed);
        vm.expectRevert(reason);
        vm.prank(terms.claimant);
        optimistic.assertDone(terms);
        vm.expectRevert(reason);
        vm.prank(terms.disputer);
        optimistic.object(terms);
    }

    function invalidSignature(address expected, address recovered) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOptimistic.InvalidSignature.selector, expected, recovered);
    }

    function signAssertion(Vm.Wallet storage signer) private returns (Signature memory) {
        return signKey(signer, "Assertion(bytes32 key)");
    }

    function signObjection(Vm.Wallet storage signer) private returns (Signature memory) {
        return signKey(signer, "Objection(bytes32 key)");
    }

    function signKey(Vm.Wallet storage signer, string memory kind) private returns (Signature memory) {
        bytes32 structHash = keccak256(abi.encode(keccak256(bytes(kind)), key));
        return sign(signer, keccak256(abi.encodePacked(hex"1901", optimistic.domainSeparator(), structHash)));
    }
}
