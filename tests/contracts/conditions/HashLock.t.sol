// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {IHashLock} from "../../../contracts/interfaces/IHashLock.sol";
import {Lock} from "../../../contracts/types/ChannelTypes.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

contract HashLockTest is ConditionsTest {
    bytes32 private constant PREIMAGE = keccak256("preimage");
    bytes32 private constant KEY = sha256(abi.encode(PREIMAGE));

    /* REVEALING */

    function test_ARevealDecidesAllForTheReceiverAtTheBlocksTime() public {
        vm.expectEmit(address(hashLock));
        emit IHashLock.Revealed(KEY, PREIMAGE);
        vm.prank(stranger);
        hashLock.reveal(PREIMAGE);

        assertOutcome(hashLock, KEY, 10_000, block.timestamp);
    }

    function test_WithoutAReveal_ItIsUndecided() public view {
        assertUndecided(hashLock, KEY);
    }

    function test_ASecondRevealChangesNothingAndDoesNotFail() public {
        hashLock.reveal(PREIMAGE);
        uint256 revealedAt = vm.getBlockTimestamp();
        skip(1 hours);

        vm.recordLogs();
        hashLock.reveal(PREIMAGE);

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(hashLock, KEY, 10_000, revealedAt);
    }

    function testFuzz_ItDecidesTheSha256OfThePreimageAndNothingElse(bytes32 preimage, bytes32 other) public {
        bytes32 key = sha256(abi.encodePacked(preimage));
        vm.assume(other != key);

        hashLock.reveal(preimage);

        assertOutcome(hashLock, key, 10_000, block.timestamp);
        assertUndecided(hashLock, other);
    }

    /// @dev The SHA-256 of 32 zero bytes, as any implementation gives it.
    function test_TheKeyIsWhatOtherImplementationsMakeOfIt() public {
        hashLock.reveal(bytes32(0));

        assertOutcome(
            hashLock, 0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925, 10_000, block.timestamp
        );
    }

    /// @dev Whatever gas a caller sends: the key is the preimage's or nothing is decided.
    function testFuzz_WhenStarvedOfGas_NothingIsDecidedWrongly(uint256 gas) public {
        gas = bound(gas, 100, 60_000);

        try hashLock.reveal{gas: gas}(PREIMAGE) {
            assertOutcome(hashLock, KEY, 10_000, block.timestamp);
        } catch {
            assertUndecided(hashLock, KEY);
        }
        assertUndecided(hashLock, bytes32(0));
    }

    /// @dev One slot, one event: as a transaction, with all that it costs to send it.
    /// forge-config: default.isolate = true
    function test_ARevealCostsAtMost47500Gas() public {
        hashLock.reveal(PREIMAGE);

        Vm.Gas memory spent = vm.lastCallGas();
        assertGt(spent.gasTotalUsed, 43_000, "a whole transaction");
        assertLe(spent.gasTotalUsed, 47_500);
    }

    /* LOCKS */

    function test_ARevealUnlocksTheWholeAmountForTheReceiver() public {
        Lock memory lock = settleLockOn(hashLock, KEY);
        hashLock.reveal(PREIMAGE);

        assertUnlocks(lock, AMOUNT);
    }

    function test_ARevealAtTheExpiryCountsForEver() public {
        Lock memory lock = settleLockOn(hashLock, KEY);
        vm.warp(expiry);
        hashLock.reveal(PREIMAGE);
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    function test_ARevealAfterTheExpiryComesTooLate() public {
        Lock memory lock = settleLockOn(hashLock, KEY);
        vm.warp(expiry + 1);
        hashLock.reveal(PREIMAGE);

        assertUnlocks(lock, 0);
    }

    function test_RevertWhen_UnlockedWithoutAReveal() public {
        Lock memory lock = settleLockOn(hashLock, KEY);

        vm.expectRevert(abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, expiry, block.timestamp));
        unlock(lock);
    }
}
