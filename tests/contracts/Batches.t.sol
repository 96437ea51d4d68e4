// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocksTest} from "./LocksTest.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Challenge, Channel, Collect, Lock, Phase, Unlock} from "../../contracts/types/ChannelTypes.sol";

/// @notice A batch of 100, one of them bad, stays affordable: an item costs less than the same call alone, intrinsic gas
///         apart, and all of it a third of a block at most. The bad one is named, and the others are done.
/// @dev Both are measured in the same test, in the same warm state, so that no figure here goes out of date; the figures
///      themselves are in snapshots/gas.json.
contract BatchesTest is LocksTest {
    uint256 private constant COUNT = 100;
    uint256 private constant GOOD = COUNT - 1;
    uint256 private constant BAD = COUNT / 2;
    uint256 private constant AFFORDABLE = 10_000_000;

    function test_CollectManyOf100_CostsLessThanTheSingleCalls() public {
        Channel[] memory opened = openMany(oneWay(), COUNT + 1);
        Collect[] memory batch = new Collect[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = Collect(opened[i], 30, signVoucher(opened[i], 30));
        }
        batch[BAD] = batch[0];
        Collect memory single = Collect(opened[COUNT], 30, signVoucher(opened[COUNT], 30));

        uint256 alone = gasOf(abi.encodeCall(channels.collect, (single.channel, 30, single.payerSignature)));
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 30 * GOOD)), 1);
        uint256 each = gasOfBatch(opened[0], abi.encodeCall(channels.collectMany, (batch)));

        assertLt(each, alone);
        assertEq(viewOf(opened[COUNT - 1]).payeeWithdrawn, 30);
    }

    /// @dev A challenge moves no money, so a batch saves nothing in the contract but each transaction's base fee.
    function test_ChallengeManyOf100_CostsNoMoreThanTheSingleCalls() public {
        Channel[] memory closing = closingMany();
        Challenge[] memory batch = new Challenge[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = Challenge(closing[i], stateOf(11, 40), signState(closing[i], stateOf(11, 40)));
        }
        batch[BAD] = batch[0];
        Channel memory last = closing[COUNT];
        bytes memory single =
            abi.encodeCall(channels.challenge, (last, stateOf(11, 40), signState(last, stateOf(11, 40))));

        uint256 alone = gasOf(single);
        uint256 each = gasOfBatch(closing[0], abi.encodeCall(channels.challengeMany, (batch)));

        assertLt(each, alone + alone / 20);
        assertEq(viewOf(closing[COUNT - 1]).sequence, 11);
    }

    function test_SettleManyOf100_CostsLessThanTheSingleCalls() public {
        Channel[] memory closing = closingMany();
        skip(PERIOD);
        Channel[] memory batch = new Channel[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = closing[i];
        }
        batch[BAD] = batch[0];

        uint256 alone = gasOf(abi.encodeCall(channels.settle, (closing[COUNT])));
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payer.addr, 70 * GOOD)), 1);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 30 * GOOD)), 1);
        uint256 each = gasOfBatch(closing[0], abi.encodeCall(channels.settleMany, (batch)));

        assertLt(each, alone);
        assertPhase(closing[COUNT - 1], Phase.Settled);
    }

    function test_UnlockManyOf100_CostsLessThanTheSingleCalls() public {
        Lock[] memory locks = new Lock[](COUNT + 1);
        for (uint256 i = 0; i <= COUNT; ++i) {
            locks[i] = lockOf(uint8(i), 4, true);
            condition.decide(locks[i].key, 7500, block.timestamp);
        }
        settleWith(twoWay(), locks);
        Unlock[] memory batch = new Unlock[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = Unlock(twoWay(), locks[i], proofOf(locks, i));
        }
        batch[BAD] = batch[0];

        uint256 alone = gasOf(abi.encodeCall(channels.unlock, (twoWay(), locks[COUNT], proofOf(locks, COUNT))));
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payer.addr, GOOD)), 1);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 3 * GOOD)), 1);
        uint256 each = gasOfBatch(twoWay(), abi.encodeCall(channels.unlockMany, (batch)));

        assertLt(each, alone);
        assertEq(viewOf(twoWay()).payerPool, 4);
    }

    /* HELPERS */

    function closingMany() private returns (Channel[] memory closing) {
        closing = openMany(twoWay(), COUNT + 1);
        for (uint256 i = 0; i < closing.length; ++i) {
            startCloseWith(closing[i], stateOf(10, 30));
        }
    }

    /// @dev One item's part. Just one is skipped, of this channel.
    function gasOfBatch(Channel memory bad, bytes memory call) private returns (uint256) {
        vm.recordLogs();
        uint256 used = gasOf(call);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 skipped;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IChannels.Skipped.selector) continue;
            assertEq(logs[i].topics[1], channels.channelId(bad));
            ++skipped;
        }
        assertEq(skipped, 1);
        assertLt(used, AFFORDABLE);
        return used / COUNT;
    }

    function gasOf(bytes memory call) private returns (uint256) {
        vm.prank(stranger);
        uint256 before = gasleft();
        (bool succeeded,) = address(channels).call(call);
        uint256 used = before - gasleft();
        assertTrue(succeeded);
        return used;
    }
}
