// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Lock, Phase, State} from "../../contracts/types/ChannelTypes.sol";
import {LocksTest} from "./LocksTest.sol";
import {ScriptedCondition} from "./mocks/ScriptedCondition.sol";

contract UnlockTest is LocksTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = channels.channelId(twoWay());
    }

    /* DECIDED */

    function test_WhenDecidedInTime_ItPaysTheReceiverItsShareAndTheSenderTheRest() public {
        Lock memory lock = lockOf(3, 101, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 2500, block.timestamp);

        vm.expectEmit(address(channels));
        emit IChannels.Unlocked(_id, lock.id, 3, 76, 25, 0, 0);
        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer, 76);
        assertEq(toPayee, 25, "rounded down for the receiver");
        ChannelView memory known = viewOf(twoWay());
        assertEq(known.payerPool, 0);
        assertEq(known.resolved, 1 << 3);
    }

    function test_WhenThePayeeSent_ThePayerIsTheReceiver() public {
        Lock memory lock = lockOf(0, 100, false);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, block.timestamp);

        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer, 100);
        assertEq(toPayee, 0);
    }

    function test_WhenTheShareIsZero_ItGoesBackAtOnce() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 0, block.timestamp);

        (uint256 toPayer,) = unlock(lock);

        assertEq(toPayer, 100);
    }

    function testFuzz_BothPartsSumToTheAmount(uint96 amount, uint256 shareBps, bool fromPayer) public {
        amount = uint96(bound(amount, 1, 1000));
        shareBps = bound(shareBps, 0, 10_000);
        Lock memory lock = lockOf(7, amount, fromPayer);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, shareBps, block.timestamp);

        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer + toPayee, amount);
        assertEq(fromPayer ? toPayee : toPayer, uint256(amount) * shareBps / 10_000);
    }

    /* THE EXPIRY */

    function test_WhenDecidedAtTheExpiry_TheOutcomeCountsForEver() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, expiry);
        vm.warp(expiry + 365 days);

        (, uint256 toPayee) = unlock(lock);

        assertEq(toPayee, 100);
    }

    function test_WhenDecidedAfterTheExpiry_ItGoesBackToTheSender() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, expiry + 1);
        vm.warp(expiry + 1);

        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer, 100);
        assertEq(toPayee, 0);
    }

    function test_WhenUndecidedOneSecondAfterTheExpiry_ItGoesBackToTheSender() public {
        Lock memory lock = lockOf(0, 100, false);
        settleWith(twoWay(), one(lock));
        vm.warp(expiry + 1);

        (, uint256 toPayee) = unlock(lock);

        assertEq(toPayee, 100);
    }

    function test_RevertWhen_UndecidedAtTheExpiry() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        vm.warp(expiry);

        refuses(lock, abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, expiry, expiry));
    }

    /* CONDITIONS THAT DO NOT ANSWER AS THEY MUST */

    function test_WhenTheConditionReverts_ItCountsAsUndecided() public {
        countsAsUndecided(ScriptedCondition.Manner.Revert);
    }

    function test_WhenTheConditionBurnsItsGas_ItCountsAsUndecided() public {
        countsAsUndecided(ScriptedCondition.Manner.BurnGas);
    }

    function test_WhenTheAnswerIsShort_ItCountsAsUndecided() public {
        countsAsUndecided(ScriptedCondition.Manner.AnswerShort);
    }

    function test_WhenTheShareIsAboveTheWhole_ItCountsAsUndecided() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        uint256[3] memory shares = [uint256(10_001), 65_535, type(uint256).max];
        for (uint256 i = 0; i < shares.length; ++i) {
            condition.decide(lock.key, shares[i], block.timestamp);
            isUndecided(lock);
        }
    }

    function test_WhenTheDecisionLiesInTheFuture_ItCountsAsUndecided() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        uint256[2] memory times = [block.timestamp + 1, 2 ** 40 + block.timestamp];
        for (uint256 i = 0; i < times.length; ++i) {
            condition.decide(lock.key, 10_000, times[i]);
            isUndecided(lock);
        }
    }

    function test_WhenTheConditionHasNoCode_ItCountsAsUndecided() public {
        Lock memory lock = lockOf(0, 100, true);
        lock.condition = makeAddr("nobody");
        settleWith(twoWay(), one(lock));

        isUndecided(lock);
    }

    /// @dev Sends back what is asked, 36 bytes: a short answer.
    function test_WhenTheConditionIsAPrecompile_ItCountsAsUndecided() public {
        Lock memory lock = lockOf(0, 100, true);
        lock.condition = address(4);
        settleWith(twoWay(), one(lock));

        isUndecided(lock);
    }

    /// @dev Only two words are read, so a long answer costs the caller nothing, and 100 of them do not either.
    function test_WhenTheAnswerIsLong_ItsFirstWordsCount() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.behave(lock.key, ScriptedCondition.Manner.AnswerLong);

        isUndecided(lock);
    }

    function test_WhenTheConditionChangesItsMind_TheFirstResolutionStands() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 0, block.timestamp);
        unlock(lock);
        condition.decide(lock.key, 10_000, block.timestamp);

        refuses(lock, abi.encodeWithSelector(IChannels.LockResolved.selector, _id, 0));
    }

    /* GAS */

    /// @dev Whatever gas a caller sends, no decided lock goes back to its sender because its condition was starved.
    function testFuzz_WhenStarvedOfGas_NothingIsResolvedWrongly(uint256 gas) public {
        gas = bound(gas, 25_000, 600_000);
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, block.timestamp);
        condition.behave(lock.key, ScriptedCondition.Manner.AnswerDearly);
        vm.warp(expiry + 1);

        unlockStarved(lock, gas);
    }

    function test_RevertWhen_TooLittleGasIsLeftForTheCondition() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        vm.warp(expiry + 1);

        vm.expectPartialRevert(IChannels.InsufficientGas.selector);
        channels.unlock{gas: 200_000}(twoWay(), lock, new bytes32[](0));
    }

    /// @dev What it asks for is what the condition gets: with the least gas that passes, one that needs all its 200,000
    ///      answers.
    function test_WithTheLeastGasThatPasses_TheConditionHasAllItMayUse() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, block.timestamp);
        condition.behave(lock.key, ScriptedCondition.Manner.AnswerAtTheLimit);
        vm.warp(expiry + 1);

        uint256 before = usdc.balanceOf(payee.addr);
        uint256 snapshot = vm.snapshotState();
        bytes memory call = abi.encodeCall(channels.unlock, (twoWay(), lock, new bytes32[](0)));
        bool passed;
        for (uint256 gas = 200_000; !passed; gas += 250) {
            vm.revertToState(snapshot);
            (passed,) = address(channels).call{gas: gas}(call);
        }

        assertEq(viewOf(twoWay()).payerPool, 0);
        assertEq(usdc.balanceOf(payee.addr) - before, 100, "the outcome, not the refund");
    }

    /* WHICH LOCK */

    function test_EachLockOfManyIsResolvedByItself() public {
        Lock[] memory locks = new Lock[](5);
        for (uint8 i = 0; i < 5; ++i) {
            locks[i] = lockOf(i, 10 + i, i % 2 == 0);
            condition.decide(locks[i].key, 10_000, block.timestamp);
        }
        settleWith(twoWay(), locks);

        for (uint256 i = 5; i != 0; --i) {
            bytes32[] memory proof = proofOf(locks, i - 1);
            channels.unlock(twoWay(), locks[i - 1], proof);
            vm.expectRevert(abi.encodeWithSelector(IChannels.LockResolved.selector, _id, i - 1));
            channels.unlock(twoWay(), locks[i - 1], proof);
        }

        ChannelView memory known = viewOf(twoWay());
        assertEq(known.resolved, 31);
        assertEq(uint256(known.payerPool) + known.payeePool, 0);
    }

    function test_RevertWhen_TheLockIsAltered() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        bytes32 root = leafOf(lock);
        condition.decide(lock.key, 10_000, block.timestamp);

        for (uint256 field = 0; field < 7; ++field) {
            Lock memory other = altered(lock, field);
            refuses(other, abi.encodeWithSelector(IChannels.InvalidProof.selector, _id, other.id, root));
        }
    }

    /// @dev A sorted-pair proof binds no position: the index stands in the leaf, so no lock has a second one.
    function test_RevertWhen_ALockIsUnlockedAgainUnderAnotherIndex() public {
        Lock[] memory locks = new Lock[](2);
        (locks[0], locks[1]) = (lockOf(0, 100, true), lockOf(1, 100, true));
        settleWith(twoWay(), locks);
        condition.decide(locks[0].key, 10_000, block.timestamp);
        bytes32[] memory proof = proofOf(locks, 0);
        channels.unlock(twoWay(), locks[0], proof);

        locks[0].index = 2;
        vm.expectPartialRevert(IChannels.InvalidProof.selector);
        channels.unlock(twoWay(), locks[0], proof);
    }

    /// @dev The warning of `IChannels`: two locks with one index share one bit, and the second stays in its pool for ever.
    function test_RevertWhen_AnotherLockHadTheSameIndex() public {
        Lock[] memory locks = new Lock[](2);
        (locks[0], locks[1]) = (lockOf(4, 100, true), lockOf(4, 50, true));
        locks[1].id = keccak256("another");
        settleWith(twoWay(), locks);
        condition.decide(locks[0].key, 10_000, block.timestamp);
        channels.unlock(twoWay(), locks[0], proofOf(locks, 0));

        bytes32[] memory proof = proofOf(locks, 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.LockResolved.selector, _id, 4));
        channels.unlock(twoWay(), locks[1], proof);
        assertEq(viewOf(twoWay()).payerPool, 50);
    }

    /// @dev In a pool that is too small the first unlock gets what there is, though it be a refund.
    function test_WhenTheRootPromisesMore_ARefundMayComeFirst() public {
        Lock[] memory locks = new Lock[](2);
        (locks[0], locks[1]) = (lockOf(0, 100, false), lockOf(1, 100, false));
        settleWith(twoWay(), State(1, 0, 0, 100, rootOf(locks)));
        condition.decide(locks[0].key, 0, block.timestamp);
        condition.decide(locks[1].key, 10_000, block.timestamp);

        channels.unlock(twoWay(), locks[0], proofOf(locks, 0));
        channels.unlock(twoWay(), locks[1], proofOf(locks, 1));

        assertEq(viewOf(twoWay()).payeePool, 0);
        assertEq(viewOf(twoWay()).resolved, 3);
        assertEq(usdc.balanceOf(address(channels)), 0);
    }

    /// @dev A condition may think again until somebody unlocks: its law forbids it, and nobody can hold it to that.
    function test_WhenTheConditionChangesItsMindBeforeTheUnlock_TheNewAnswerCounts() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, block.timestamp);
        condition.decide(lock.key, 2500, block.timestamp);

        (, uint256 toPayee) = unlock(lock);

        assertEq(toPayee, 25);
    }

    /// @dev Nor can anybody tell a time that is set back from the truth.
    function test_WhenTheConditionSetsItsTimeBack_ItIsBelieved() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        vm.warp(expiry + 1);
        condition.decide(lock.key, 10_000, expiry);

        (, uint256 toPayee) = unlock(lock);

        assertEq(toPayee, 100);
    }

    /// @dev An inner node is 64 bytes hashed once, a leaf is hashed twice: none can be taken for the other.
    function test_RevertWhen_TheProofIsOfAnotherLength() public {
        Lock[] memory locks = new Lock[](3);
        for (uint8 i = 0; i < 3; ++i) {
            locks[i] = lockOf(i, 10, true);
        }
        settleWith(twoWay(), locks);

        vm.expectPartialRevert(IChannels.InvalidProof.selector);
        channels.unlock(twoWay(), locks[0], new bytes32[](0));
        vm.expectPartialRevert(IChannels.InvalidProof.selector);
        channels.unlock(twoWay(), locks[0], new bytes32[](9));
    }

    /* POOLS */

    /// @dev The parties' software checks what it signs; the contract pays from the pool and from nothing else.
    function test_WhenTheRootPromisesMoreThanWasLocked_ItTakesNobodyElsesMoney() public {
        Lock[] memory locks = new Lock[](2);
        (locks[0], locks[1]) = (lockOf(0, 80, true), lockOf(1, 80, true));
        Channel memory other = salted(twoWay(), 9);
        settleWith(other, one(lockOf(0, 500, true)));
        settleWith(twoWay(), State(1, 0, 100, 0, rootOf(locks)));
        condition.decide(locks[0].key, 10_000, block.timestamp);
        condition.decide(locks[1].key, 10_000, block.timestamp);

        uint256 before = usdc.balanceOf(payee.addr);
        channels.unlock(twoWay(), locks[0], proofOf(locks, 0));
        channels.unlock(twoWay(), locks[1], proofOf(locks, 1));

        assertEq(usdc.balanceOf(payee.addr) - before, 100);
        assertEq(viewOf(other).payerPool, 500);
    }

    function test_WhenThePoolIsEmpty_TheLockResolvesToNothing() public {
        Lock memory lock = lockOf(0, 80, false);
        settleWith(twoWay(), State(1, 0, 100, 0, leafOf(lock)));
        condition.decide(lock.key, 10_000, block.timestamp);

        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer + toPayee, 0);
        assertEq(viewOf(twoWay()).payerPool, 100, "the other side's pool stays");
        refuses(lock, abi.encodeWithSelector(IChannels.LockResolved.selector, _id, 0));
    }

    /// @dev INV-8.
    function test_WhenTheReceiverCannotBePaid_AClaimIsRecordedAndTheSenderIsPaid() public {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 4000, block.timestamp);
        usdc.setBlacklisted(payee.addr, true);

        (uint256 toPayer, uint256 toPayee) = unlock(lock);

        assertEq(toPayer, 60);
        assertEq(toPayee, 0);
        assertEq(channels.claims(address(usdc), payee.addr), 40);
    }

    /* PHASES */

    function test_RevertWhen_NotSettled() public {
        Lock memory lock = lockOf(0, 100, true);
        bytes4 selector = IChannels.ChannelNotSettled.selector;
        refuses(lock, abi.encodeWithSelector(selector, _id, Phase.None));
        open(twoWay(), 1000, 0);
        refuses(lock, abi.encodeWithSelector(selector, _id, Phase.Open));
        startCloseWith(twoWay(), State(1, 0, 100, 0, leafOf(lock)));
        refuses(lock, abi.encodeWithSelector(selector, _id, Phase.Closing));
    }

    /// @dev An agreed close ends the dispute and its locks: what they promised was paid out by agreement.
    function test_RevertWhen_ClosedByAgreementAfterADisputeWithLocks() public {
        Lock memory lock = lockOf(0, 100, true);
        open(twoWay(), 1000, 0);
        startCloseWith(twoWay(), State(1, 0, 100, 0, leafOf(lock)));
        channels.close(twoWay(), 0, signClose(twoWay(), 0));
        condition.decide(lock.key, 10_000, block.timestamp);

        refuses(lock, abi.encodeWithSelector(IChannels.InvalidProof.selector, _id, lock.id, bytes32(0)));
    }

    /// @dev A newer state without locks took the older one's place.
    function test_RevertWhen_TheLockIsOfAStateThatWasReplaced() public {
        Lock memory lock = lockOf(0, 100, true);
        open(twoWay(), 1000, 0);
        startCloseWith(twoWay(), State(1, 0, 100, 0, leafOf(lock)));
        channels.challenge(twoWay(), stateOf(2, 40), signState(twoWay(), stateOf(2, 40)));
        skip(PERIOD);
        channels.settle(twoWay());
        condition.decide(lock.key, 10_000, block.timestamp);

        refuses(lock, abi.encodeWithSelector(IChannels.InvalidProof.selector, _id, lock.id, bytes32(0)));
    }

    function test_RevertWhen_TheChannelIsOneWay() public {
        settled(oneWayOpen());
        Lock memory lock = lockOf(0, 100, true);

        vm.expectRevert(
            abi.encodeWithSelector(IChannels.InvalidProof.selector, channels.channelId(oneWay()), lock.id, bytes32(0))
        );
        channels.unlock(oneWay(), lock, new bytes32[](0));
    }

    /* HELPERS */

    function countsAsUndecided(ScriptedCondition.Manner manner) private {
        Lock memory lock = lockOf(0, 100, true);
        settleWith(twoWay(), one(lock));
        condition.decide(lock.key, 10_000, block.timestamp);
        condition.behave(lock.key, manner);

        isUndecided(lock);
        vm.warp(expiry + 1);
        (uint256 toPayer, uint256 toPayee) = unlock(lock);
        assertEq(toPayer, 100);
        assertEq(toPayee, 0);
    }

    function isUndecided(Lock memory lock) private {
        refuses(lock, abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, lock.expiry, block.timestamp));
    }

    function refuses(Lock memory lock, bytes memory reason) private {
        vm.expectRevert(reason);
        channels.unlock(twoWay(), lock, new bytes32[](0));
    }

    /// @dev Unlocks the only lock of the channel; returns what each side got by it.
    function unlock(Lock memory lock) private returns (uint256 toPayer, uint256 toPayee) {
        (uint256 payerHad, uint256 payeeHad) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        vm.prank(stranger);
        channels.unlock(twoWay(), lock, new bytes32[](0));
        return (usdc.balanceOf(payer.addr) - payerHad, usdc.balanceOf(payee.addr) - payeeHad);
    }

    function altered(Lock memory lock, uint256 field) private returns (Lock memory other) {
        other = Lock(lock.id, lock.index, lock.amount, lock.fromPayer, lock.expiry, lock.condition, lock.key);
        if (field == 0) other.id = keccak256("another");
        if (field == 1) other.index = 1;
        if (field == 2) other.amount = 101;
        if (field == 3) other.fromPayer = false;
        if (field == 4) other.expiry += 1;
        if (field == 5) other.condition = makeAddr("another");
        if (field == 6) other.key = keccak256("another");
    }

    function oneWayOpen() private returns (Channel memory) {
        open(oneWay(), 100, 0);
        return oneWay();
    }
}
