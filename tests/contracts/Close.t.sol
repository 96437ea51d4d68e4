// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase, Signatures, Withdrawal} from "../../contracts/types/ChannelTypes.sol";

contract CloseTest is ChannelsTest {
    bytes32 private _id;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
    }

    /* WHEN it pays */

    function test_WhenOpen_ItPaysBothAtOnceWhoeverCalls() public {
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        Signatures memory signatures = signClose(twoWay(), 30);

        vm.expectEmit(address(channels));
        emit IChannels.Closed(_id, 70, 80);
        vm.prank(stranger);
        channels.close(twoWay(), 30, signatures);

        assertEq(usdc.balanceOf(payer.addr), payerBefore + 70);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 80);
        ChannelView memory known = viewOf(twoWay());
        assertEq(uint8(known.phase), uint8(Phase.Settled));
        assertEq(known.payerPaid, 0);
        assertEq(known.deadline, 0);
    }

    function test_WhenThePayeePaidMore_ItPaysThePayerFromThePayeesDeposit() public {
        uint256 before = usdc.balanceOf(payer.addr);
        close(twoWay(), -50);
        assertEq(usdc.balanceOf(payer.addr), before + 150);
    }

    function test_WhenEverythingWasPaid_ThePayeeGetsAll() public {
        uint256 before = usdc.balanceOf(payee.addr);
        close(twoWay(), 100);
        assertEq(usdc.balanceOf(payee.addr), before + 150);
    }

    function test_WhenWithdrawnBefore_TheTotalsCount() public {
        Withdrawal memory withdrawal = Withdrawal(20, 60, uint64(block.timestamp + 1));
        channels.withdraw(twoWay(), withdrawal, signWithdrawal(twoWay(), withdrawal));

        vm.expectEmit(address(channels));
        emit IChannels.Closed(_id, 50, 20);
        close(twoWay(), 30);
    }

    /// @dev A deposit that slips in front goes to its owner and breaks nothing.
    function test_WhenADepositSlipsInFront_ItGoesToItsOwner() public {
        Signatures memory signatures = signClose(twoWay(), 30);
        depositFrom(stranger, twoWay(), false, 5);
        depositFrom(stranger, twoWay(), true, 7);

        vm.expectEmit(address(channels));
        emit IChannels.Closed(_id, 75, 87);
        channels.close(twoWay(), 30, signatures);
    }

    function test_WhenClosing_ItEndsTheDisputeAndItsLocks() public {
        startCloseWith(twoWay(), lockedState(5, 30, 10, 20));

        vm.expectEmit(address(channels));
        emit IChannels.Closed(_id, 60, 90);
        close(twoWay(), 40);

        ChannelView memory known = viewOf(twoWay());
        assertEq(uint8(known.phase), uint8(Phase.Settled));
        assertEq(known.sequence, 0);
        assertEq(known.payerPool, 0);
        assertEq(known.payeePool, 0);
        assertEq(known.locksRoot, 0);
        assertEq(usdc.balanceOf(address(channels)), 0);
        assertEq(channels.claims(address(usdc), payer.addr), 0);
        for (uint256 slot = 3; slot < 5; ++slot) {
            assertEq(vm.load(address(channels), recordSlot(slot)), 0, "the locks are gone from storage too");
        }
    }

    function test_WhenClosingWithoutAState_ItPays() public {
        startCloseBare(twoWay());
        close(twoWay(), 30);
        assertPhase(twoWay(), Phase.Settled);
    }

    function test_WhenTheDeadlineIsOverButNobodySettled_ItStillPays() public {
        startCloseBare(twoWay());
        skip(PERIOD + 1);
        close(twoWay(), 30);
        assertPhase(twoWay(), Phase.Settled);
    }

    function test_WhenOneWay_WhatWasCollectedCounts() public {
        bytes32 id = open(oneWay(), 100, 0);
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));

        vm.expectEmit(address(channels));
        emit IChannels.Closed(id, 60, 10);
        close(oneWay(), 40);
    }

    /// @dev Raiden's, Celer's and Nitro's fault: a blacklisted counterparty made it revert.
    function test_WhenOneReceiverIsBlacklisted_TheOtherIsPaid() public {
        usdc.setBlacklisted(payee.addr, true);
        uint256 before = usdc.balanceOf(payer.addr);

        close(twoWay(), 30);

        assertEq(usdc.balanceOf(payer.addr), before + 70);
        assertEq(channels.claims(address(usdc), payee.addr), 80);
    }

    /* WHEN it refuses */

    function test_RevertWhen_ThePayerWouldGetLessThanNothing() public {
        refuses(twoWay(), 101, abi.encodeWithSelector(IChannels.CloseExceedsBalance.selector, int256(-1), 150));
        int256 least = 100 - int256(type(int128).max);
        refuses(twoWay(), type(int128).max, abi.encodeWithSelector(IChannels.CloseExceedsBalance.selector, least, 150));
    }

    function test_RevertWhen_ThePayeeWouldGetLessThanNothing() public {
        refuses(twoWay(), -51, abi.encodeWithSelector(IChannels.CloseExceedsBalance.selector, int256(151), 150));
        int256 most = 100 - int256(type(int128).min);
        refuses(twoWay(), type(int128).min, abi.encodeWithSelector(IChannels.CloseExceedsBalance.selector, most, 150));
    }

    /// @dev ERC-8190's fault: a close below what was claimed already would draw on other people's deposits.
    function test_RevertWhen_OneWayAndBelowWhatWasCollected() public {
        open(oneWay(), 100, 0);
        channels.collect(oneWay(), 30, signVoucher(oneWay(), 30));
        refuses(oneWay(), 29, abi.encodeWithSelector(IChannels.CloseExceedsBalance.selector, int256(71), 70));
    }

    function test_RevertWhen_Replayed() public {
        close(twoWay(), 30);
        refuses(twoWay(), 30, abi.encodeWithSelector(IChannels.ChannelNotActive.selector, _id, Phase.Settled));
    }

    function test_RevertWhen_Unknown() public {
        Channel memory channel = twoWay();
        channel.salt = 99;
        bytes32 id = channels.channelId(channel);
        refuses(channel, 30, abi.encodeWithSelector(IChannels.ChannelNotActive.selector, id, Phase.None));
    }

    function test_RevertWhen_OneSignatureIsAnothers() public {
        Signatures memory signatures = signClose(twoWay(), 30);
        Signatures memory payersTwice = Signatures(signatures.payer, signatures.payer);
        Signatures memory payeesTwice = Signatures(signatures.payee, signatures.payee);
        bytes4 selector = IChannels.InvalidSignature.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, payeeSigner.addr, payerSigner.addr));
        channels.close(twoWay(), 30, payersTwice);
        vm.expectRevert(abi.encodeWithSelector(selector, payerSigner.addr, payeeSigner.addr));
        channels.close(twoWay(), 30, payeesTwice);
    }

    /// @dev One EIP-712 type per message: a co-signed state is no close.
    function test_RevertWhen_TheSignaturesAreAStates() public {
        Signatures memory signatures = signState(twoWay(), stateOf(1, 30));
        vm.expectPartialRevert(IChannels.InvalidSignature.selector);
        channels.close(twoWay(), 30, signatures);
    }

    function close(Channel memory channel, int128 paid) private {
        Signatures memory signatures = signClose(channel, paid);
        channels.close(channel, paid, signatures);
    }

    function refuses(Channel memory channel, int128 paid, bytes memory reason) private {
        Signatures memory signatures = signClose(channel, paid);
        vm.expectRevert(reason);
        channels.close(channel, paid, signatures);
    }

    /// @dev The records are the contract's third storage variable, after two of OpenZeppelin's.
    function recordSlot(uint256 offset) private view returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode(_id, uint256(2)))) + offset);
    }
}
