// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {Lock} from "../../../contracts/types/ChannelTypes.sol";
import {Part, Terms} from "../../../contracts/types/ConditionTypes.sol";
import {AllOfTest} from "./AllOfTest.sol";

/// @notice `AllOf` over the conditions that are shipped, and what `unlock` makes of it.
contract AllOfLocksTest is AllOfTest {
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

        allOf.evaluate(parts, notAfter);

        assertOutcome(allOf, keyOf(parts), 6000, vm.getBlockTimestamp());
    }

    function test_AListMayBePartOfAnother() public {
        Part[] memory inner = scripted(2);
        decide(inner[0], 9000);
        decide(inner[1], 8000);
        Part[] memory outer = new Part[](1);
        outer[0] = Part(address(allOf), allOf.keyOf(inner, notAfter));
        refuses(outer, undecided(outer, 0));
        allOf.evaluate(inner, notAfter);
        skip(1);

        allOf.evaluate(outer, notAfter);

        assertOutcome(allOf, keyOf(outer), 8000, vm.getBlockTimestamp());
    }

    /* LOCKS */

    function test_WhenAllWorkIsAccepted_TheReceiverIsPaid() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, notAfter);

        assertUnlocks(lock, AMOUNT);
    }

    function test_WhenOneWorkIsRejected_AllGoesBackAtOnce() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[1], 0);
        allOf.evaluate(parts, notAfter);

        assertUnlocks(lock, 0);
    }

    function test_WhenOneWorkIsRefundedInPart_BothArePaid() public {
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        decide(parts[0], 10_000);
        decide(parts[1], 2500);
        allOf.evaluate(parts, notAfter);

        assertUnlocks(lock, 100);
    }

    /// @dev The lock expires with the list's last moment.
    function test_AnEvaluationAtTheExpiryCountsForEver() public {
        notAfter = expiry;
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        vm.warp(expiry);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, notAfter);
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    /// @dev Why nodes want the expiry at or after the last moment: this list was decided, but after the lock's expiry.
    function test_AnEvaluationAfterTheExpiryComesTooLate() public {
        notAfter = expiry + 1;
        (Lock memory lock, Part[] memory parts) = lockOnTwo();
        vm.warp(expiry + 1);
        decide(parts[0], 10_000);
        decide(parts[1], 10_000);
        allOf.evaluate(parts, notAfter);

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

    function lockOnTwo() private returns (Lock memory lock, Part[] memory parts) {
        parts = scripted(2);
        lock = settleLockOn(allOf, keyOf(parts));
    }
}
