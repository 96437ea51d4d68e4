// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Channel,
    ChannelView,
    Lock,
    Phase,
    Signatures,
    State,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {LocksTest} from "../LocksTest.sol";

/// @notice Faults of other systems between a close and the last payment.
contract DisputesTest is LocksTest {
    /// @dev Raiden's fault: `settle` took the final figures as arguments, and an update shortly before it, accepted after the
    ///      period, made a prepared settlement revert. Here it takes none, and nothing changes what it pays.
    function test_WhenEverythingIsTriedInFrontOfASettlement_ItPaysWhatItWouldHavePaid() public {
        open(twoWay(), 100, 50);
        startCloseWith(twoWay(), stateOf(10, 30));
        State memory newer = stateOf(11, 0);
        Withdrawal memory withdrawal = Withdrawal(100, 0, type(uint64).max);
        bytes[] memory tried = new bytes[](4);
        tried[0] = abi.encodeCall(channels.challenge, (twoWay(), newer, signState(twoWay(), newer)));
        tried[1] = abi.encodeCall(channels.withdraw, (twoWay(), withdrawal, signWithdrawal(twoWay(), withdrawal)));
        tried[2] = abi.encodeCall(channels.deposit, (twoWay(), false, 1));
        tried[3] = abi.encodeWithSignature(
            "startClose((address,address,address,address,address,uint32,bool,uint88))", twoWay()
        );
        bytes memory prepared = abi.encodeCall(channels.settle, (twoWay()));
        skip(PERIOD);

        for (uint256 i = 0; i < tried.length; ++i) {
            vm.prank(payer.addr);
            (bool succeeded,) = address(channels).call(tried[i]);
            assertFalse(succeeded);
        }
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        (bool settles,) = address(channels).call(prepared);

        assertTrue(settles);
        assertEq(usdc.balanceOf(payer.addr), payerBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 80);
    }

    /// @dev Vector's fault: money was stuck for ever once a window was missed. Here a party that sleeps for years after the
    ///      deadline finds everything where it was: its share, its lock as it was decided, its claim.
    function test_WhenEveryWindowWasMissed_NothingIsLost() public {
        Lock memory lock = lockOf(0, 40, true);
        condition.decide(lock.key, 10_000, block.timestamp);
        open(twoWay(), 100, 0);
        startCloseWith(twoWay(), State(1, 30, 40, 0, leafOf(lock)));
        usdc.setBlacklisted(payee.addr, true);
        skip(20 * 365 days);

        channels.settle(twoWay());
        skip(20 * 365 days);
        channels.unlock(twoWay(), lock, new bytes32[](0));
        skip(20 * 365 days);
        address heir = makeAddr("heir");
        vm.prank(payee.addr);
        channels.claim(address(usdc), heir);

        assertEq(usdc.balanceOf(heir), 30 + 40);
        assertEq(usdc.balanceOf(address(channels)), 0);
    }

    /// @dev A deposit of 40 of the payer's 100 vanished in a reorg. Refusing the newest state as insolvent would let the
    ///      stale close win; it is accepted, and what is missing comes out of the payer's own lock.
    function test_WhenADepositVanished_ItEatsItsOwnersLocksFirst() public {
        Lock[] memory locks = new Lock[](2);
        (locks[0], locks[1]) = (lockOf(0, 50, true), lockOf(1, 20, false));
        open(twoWay(), 60, 50);
        startCloseBare(twoWay());
        State memory newest = State(7, 30, 50, 20, rootOf(locks));
        channels.challenge(twoWay(), newest, signState(twoWay(), newest));
        skip(PERIOD);
        uint256 payeeBefore = usdc.balanceOf(payee.addr);

        channels.settle(twoWay());

        ChannelView memory known = viewOf(twoWay());
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 60, "all of the payee's free balance");
        assertEq(known.payeePool, 20, "all of the payee's lock");
        assertEq(known.payerPool, 30, "of the payer's lock, 20 are missing");
        condition.decide(locks[0].key, 10_000, block.timestamp);
        channels.unlock(twoWay(), locks[0], proofOf(locks, 0));
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 60 + 30);
    }

    /// @dev Once its locks are eaten, a vanished deposit costs whoever was paid from it: nothing else is there.
    function test_WhenADepositVanishedThatWasPaidOut_NoOtherChannelPays() public {
        open(salted(twoWay(), 2), 500, 500);
        open(twoWay(), 10, 0);

        startCloseWith(twoWay(), stateOf(7, 90));

        settlesPayingThePayeeOnly(10);
        assertEq(usdc.balanceOf(address(channels)), 1000);
    }

    /// @dev A party that signed a state without counting its own withdrawal misses that money; no other channel does.
    function test_WhenAWithdrawalIsTakenAgainstANewerState_OnlyThisChannelBearsIt() public {
        open(salted(twoWay(), 2), 500, 500);
        open(twoWay(), 100, 0);
        Withdrawal memory withdrawal = Withdrawal(90, 0, uint64(block.timestamp + 1 hours));

        channels.withdraw(twoWay(), withdrawal, signWithdrawal(twoWay(), withdrawal));
        startCloseWith(twoWay(), stateOf(2, 80));

        settlesPayingThePayeeOnly(10);
        assertEq(usdc.balanceOf(address(channels)), 1000);
    }

    /// @dev Perun's fault: what was deposited above the agreed funding was lost.
    function test_WhenBothSidesOverfund_EachGetsItsSurplusBack() public {
        open(twoWay(), 100, 50);
        Signatures memory signatures = signState(twoWay(), stateOf(3, 100));
        depositFrom(payer.addr, twoWay(), false, 7);
        depositFrom(payee.addr, twoWay(), true, 11);
        vm.prank(payer.addr);
        channels.startClose(twoWay(), stateOf(3, 100), signatures);
        skip(PERIOD);
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));

        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 7);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 100 + 50 + 11);
    }

    /// @dev x402's fault: the payer's withdrawal matured while the server went on serving, and took everything back. Here the
    ///      payer can only begin a close, and until its deadline every voucher it has signed is good.
    function test_WhenAOneWayPayerLeaves_EveryVoucherItSignedPays() public {
        open(oneWay(), 100, 0);
        uint40 deadline = startCloseBare(oneWay());
        vm.warp(deadline - 1);
        uint256 before = usdc.balanceOf(payee.addr);

        channels.collect(oneWay(), 100, signVoucher(oneWay(), 100));
        vm.warp(deadline);
        channels.settle(oneWay());

        assertEq(usdc.balanceOf(payee.addr), before + 100);
        assertPhase(oneWay(), Phase.Settled);
    }

    /// @dev Whatever gas a caller sends, a receiver who could be paid is paid, or nothing happens: no push is starved so that
    ///      it becomes a claim.
    function testFuzz_WhenASettlementIsStarvedOfGas_NoPayoutBecomesAClaim(uint256 gas) public {
        gas = bound(gas, 25_000, 250_000);
        open(twoWay(), 100, 0);
        startCloseWith(twoWay(), stateOf(1, 30));
        skip(PERIOD);
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));

        (bool succeeded,) = address(channels).call{gas: gas}(abi.encodeCall(channels.settle, (twoWay())));

        assertEq(usdc.balanceOf(payer.addr), payerBefore + (succeeded ? 70 : 0));
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + (succeeded ? 30 : 0));
        assertPhase(twoWay(), succeeded ? Phase.Settled : Phase.Closing);
    }

    /* HELPERS */

    function settlesPayingThePayeeOnly(uint256 amount) private {
        skip(PERIOD);
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));

        channels.settle(twoWay());

        assertEq(usdc.balanceOf(payer.addr), payerBefore);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + amount);
    }
}
