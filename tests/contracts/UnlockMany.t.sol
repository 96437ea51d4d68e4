// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocksTest} from "./LocksTest.sol";
import {ReenteringToken} from "./mocks/HostileTokens.sol";
import {PlainToken} from "./mocks/PlainToken.sol";
import {ScriptedCondition} from "./mocks/ScriptedCondition.sol";
import {Vm} from "forge-std/Vm.sol";

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Lock, Phase, State, Unlock} from "../../contracts/types/ChannelTypes.sol";

contract UnlockManyTest is LocksTest {
    uint8 private constant COUNT = 4;

    bytes32 private _id;
    Lock[] private _locks;

    /// @dev Four locks of 100 in one settled channel, all decided: the payer's two give 70 to the payee, the payee's
    ///      two 70 to the payer.
    function setUp() public override {
        super.setUp();
        for (uint8 i = 0; i < COUNT; ++i) {
            Lock memory lock = lockOf(i, 100, i < 2);
            condition.decide(lock.key, 7000, block.timestamp);
            _locks.push(lock);
        }
        settleWith(twoWay(), _locks);
        _id = channels.channelId(twoWay());
    }

    /* WHEN all are good */

    function test_WhenTheChannelIsOne_EachSideIsPaidInOneTransfer() public {
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payer.addr, 200)), 1);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 200)), 1);
        for (uint8 i = 0; i < COUNT; ++i) {
            vm.expectEmit(address(channels));
            (uint96 payerPool, uint96 payeePool) =
                i < 2 ? (100 - 100 * uint96(i), uint96(200)) : (0, 300 - 100 * uint96(i));
            emit IChannels.Unlocked(_id, _locks[i].id, i, i < 2 ? 30 : 70, i < 2 ? 70 : 30, payerPool, payeePool);
        }
        vm.prank(stranger);
        channels.unlockMany(items());

        assertEq(viewOf(twoWay()).resolved, 15);
        assertEq(usdc.balanceOf(address(channels)), 0);
    }

    function test_WhenTheChannelsShareTheirParties_EachSideIsPaidInOneTransfer() public {
        Channel memory second = salted(twoWay(), 2);
        settleWith(second, one(_locks[0]));
        Unlock[] memory batch = items();
        batch[3] = itemOf(second, one(_locks[0]), 0);

        vm.expectCall(address(usdc), abi.encodeWithSelector(IERC20.transfer.selector, payer.addr), 1);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 70 + 70 + 30 + 70)), 1);
        channels.unlockMany(batch);

        assertEq(viewOf(second).resolved, 1);
    }

    function test_WhenThePayeesDiffer_EachGetsItsOwn() public {
        Channel memory foreign = twoWay();
        foreign.payee = makeAddr("other payee");
        settleWith(foreign, one(_locks[0]));
        Unlock[] memory batch = items();
        batch[1] = itemOf(foreign, one(_locks[0]), 0);
        uint256 before = usdc.balanceOf(payee.addr);
        uint256 foreignBefore = usdc.balanceOf(foreign.payee);

        vm.expectCall(address(usdc), abi.encodeWithSelector(IERC20.transfer.selector, payer.addr), 1);
        channels.unlockMany(batch);

        assertEq(usdc.balanceOf(foreign.payee), foreignBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), before + 70 + 30 + 30);
    }

    function test_WhenTheTokensDiffer_EachIsPaid() public {
        PlainToken plain = new PlainToken();
        Channel memory foreign = settledWithToken(address(plain), plain.mint);
        Unlock[] memory batch = items();
        batch[0] = itemOf(foreign, one(_locks[0]), 0);
        uint256 before = usdc.balanceOf(payee.addr);
        uint256 plainBefore = plain.balanceOf(payee.addr);

        channels.unlockMany(batch);

        assertEq(plain.balanceOf(payee.addr), plainBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), before + 70 + 30 + 30);
    }

    function test_WhenEmpty_NothingHappens() public {
        vm.recordLogs();
        channels.unlockMany(new Unlock[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    /* WHEN one is bad */

    function test_WhenOneWasResolved_ItIsReportedAndTheOthersPay() public {
        channels.unlock(twoWay(), _locks[1], proofOf(_locks, 1));
        skips(items(), 1, abi.encodeWithSelector(IChannels.LockResolved.selector, _id, 1));
    }

    /// @dev INV-9.
    function test_WhenTheSameIsThereTwice_ItPaysOnce() public {
        Unlock[] memory batch = items();
        batch[1] = batch[0];
        skips(batch, 1, abi.encodeWithSelector(IChannels.LockResolved.selector, _id, 0));
    }

    function test_WhenOneIsAltered_ItIsReported() public {
        Unlock[] memory batch = items();
        batch[1].lock.amount = 101;
        skips(batch, 1, abi.encodeWithSelector(IChannels.InvalidProof.selector, _id, batch[1].lock.id, rootOf(_locks)));
    }

    function test_WhenOneIsPending_ItIsReported() public {
        condition.behave(_locks[1].key, ScriptedCondition.Manner.Revert);
        bytes4 selector = IChannels.LockPending.selector;
        skips(items(), 1, abi.encodeWithSelector(selector, _locks[1].id, expiry, block.timestamp));
    }

    function test_WhenOneConditionBurnsItsGas_OnlyItsOwnLockIsReported() public {
        condition.behave(_locks[1].key, ScriptedCondition.Manner.BurnGas);
        bytes4 selector = IChannels.LockPending.selector;
        skips(items(), 1, abi.encodeWithSelector(selector, _locks[1].id, expiry, block.timestamp));
    }

    function test_WhenOneChannelIsNotSettled_ItIsReported() public {
        Channel memory running = salted(twoWay(), 2);
        bytes32 id = open(running, 1000, 0);
        Unlock[] memory batch = items();
        batch[1].channel = running;
        skips(batch, 1, abi.encodeWithSelector(IChannels.ChannelNotSettled.selector, id, Phase.Open));
    }

    function test_WhenOneReceiverIsBlacklisted_ItsRunBecomesOneClaim() public {
        usdc.setBlacklisted(payee.addr, true);
        uint256 before = usdc.balanceOf(payer.addr);

        vm.expectEmit(address(channels));
        emit IChannels.ClaimRecorded(address(usdc), payee.addr, 200);
        channels.unlockMany(items());

        assertEq(channels.claims(address(usdc), payee.addr), 200);
        assertEq(usdc.balanceOf(payer.addr), before + 200);
    }

    function test_WhenATokenReenters_TheInnerCallIsRefused() public {
        ReenteringToken evil = new ReenteringToken();
        Channel memory foreign = settledWithToken(address(evil), evil.mint);
        Unlock[] memory batch = items();
        batch[0] = itemOf(foreign, one(_locks[0]), 0);
        evil.plant(address(channels), abi.encodeCall(channels.unlockMany, (items())));
        uint256 before = usdc.balanceOf(payee.addr);

        channels.unlockMany(batch);

        assertFalse(evil.succeeded());
        assertEq(evil.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(usdc.balanceOf(payee.addr), before + 70 + 30 + 30);
    }

    /* GAS */

    /// @dev The first condition burns what it gets, and what is left is too little to ask another one: the rest is reported,
    ///      not resolved, and waits for a caller who sends enough.
    function test_WhenTheGasEndsInTheMiddle_TheRestIsReported() public {
        condition.behave(_locks[0].key, ScriptedCondition.Manner.BurnGas);
        vm.warp(expiry + 1);
        uint256 gas = 240_000;
        uint256 snapshot = vm.snapshotState();
        bytes memory call = abi.encodeCall(channels.unlockMany, (items()));
        for (bool cut; !cut; cut = cut && viewOf(twoWay()).resolved == 1) {
            vm.revertToState(snapshot);
            gas += 5000;
            (cut,) = address(channels).call{gas: gas}(call);
        }
        vm.revertToState(snapshot);

        vm.recordLogs();
        channels.unlockMany{gas: gas}(items());
        assertEq(starved(vm.getRecordedLogs()), COUNT - 1);

        channels.unlockMany(items());
        assertEq(viewOf(twoWay()).resolved, 15);
    }

    /// @dev How many items were skipped because less gas was left than they need.
    function starved(Vm.Log[] memory logs) private pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IChannels.Skipped.selector) continue;
            bytes memory err = abi.decode(logs[i].data, (bytes));
            (bytes4 selector, uint256 available, uint256 needed) = (bytes4(err), word(err, 0), word(err, 1));
            if (selector == IChannels.InsufficientGas.selector && available < needed && needed == 210_000) ++count;
        }
    }

    function word(bytes memory err, uint256 place) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(err, 36), mul(place, 32)))
        }
    }

    /// @dev Whatever gas a caller sends, each lock goes where it was decided to go, or waits: INV-9.
    function testFuzz_WhenStarvedOfGas_NothingIsResolvedWrongly(uint256 gas) public {
        gas = bound(gas, 25_000, 1_200_000);
        for (uint256 i = 0; i < COUNT; ++i) {
            condition.behave(_locks[i].key, ScriptedCondition.Manner.AnswerDearly);
        }
        vm.warp(expiry + 1);
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));

        try channels.unlockMany{gas: gas}(items()) {} catch {}

        uint256 resolved = viewOf(twoWay()).resolved;
        uint256 toPayer;
        uint256 toPayee;
        for (uint256 i = 0; i < COUNT; ++i) {
            if (resolved & (1 << i) == 0) continue;
            (toPayer, toPayee) = i < 2 ? (toPayer + 30, toPayee + 70) : (toPayer + 70, toPayee + 30);
        }
        assertEq(usdc.balanceOf(payer.addr), payerBefore + toPayer);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + toPayee);
    }

    /* HELPERS */

    /// @dev The item `bad` is skipped with this reason and all others are resolved.
    function skips(Unlock[] memory batch, uint256 bad, bytes memory reason) private {
        bytes32 id = channels.channelId(batch[bad].channel);

        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, reason);
        channels.unlockMany(batch);

        assertEq(viewOf(twoWay()).resolved & ~uint256(2), 15 - 2);
    }

    function items() private view returns (Unlock[] memory batch) {
        batch = new Unlock[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = itemOf(twoWay(), _locks, i);
        }
    }

    function itemOf(Channel memory channel, Lock[] memory locks, uint256 which) private pure returns (Unlock memory) {
        return Unlock(channel, locks[which], proofOf(locks, which));
    }

    /// @dev A settled channel in another token, with the first lock in it.
    function settledWithToken(address token, function(address, uint256) external mint)
        private
        returns (Channel memory channel)
    {
        channel = twoWay();
        channel.token = token;
        address[2] memory parties = [payer.addr, payee.addr];
        for (uint256 i = 0; i < 2; ++i) {
            mint(parties[i], 1000);
            vm.prank(parties[i]);
            IERC20(token).approve(address(channels), 1000);
        }
        settleWith(channel, State(1, 0, 100, 0, leafOf(_locks[0])));
    }
}
