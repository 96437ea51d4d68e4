// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../contracts/tokens/DevUSDC.sol";
import {Channel} from "../../contracts/types/ChannelTypes.sol";

contract ClaimTest is ChannelsTest {
    function setUp() public override {
        super.setUp();
        Channel memory channel = twoWay();
        open(channel, 100, 0);
        usdc.setBlacklisted(payer.addr, true);
        settled(channel);
    }

    function test_WhenTheCreditorCalls_ItPaysToAReceiverOfItsChoice() public {
        address elsewhere = makeAddr("elsewhere");

        vm.expectEmit(address(channels));
        emit IChannels.Claimed(address(usdc), payer.addr, elsewhere, 100);
        vm.prank(payer.addr);
        channels.claim(address(usdc), elsewhere);

        assertEq(usdc.balanceOf(elsewhere), 100);
        assertEq(channels.claims(address(usdc), payer.addr), 0);
    }

    function test_WhenTwoPayoutsFailed_TheClaimIsTheirSum() public {
        usdc.setBlacklisted(payer.addr, false);
        Channel memory channel = twoWay();
        channel.salt = 2;
        open(channel, 11, 0);
        usdc.setBlacklisted(payer.addr, true);

        settled(channel);

        assertEq(channels.claims(address(usdc), payer.addr), 111);
    }

    function test_RevertWhen_ThereIsNothingToClaim() public {
        vm.expectRevert(abi.encodeWithSelector(IChannels.NothingToClaim.selector, address(usdc), stranger));
        vm.prank(stranger);
        channels.claim(address(usdc), stranger);
    }

    function test_RevertWhen_ClaimedBefore() public {
        vm.startPrank(payer.addr);
        channels.claim(address(usdc), stranger);
        vm.expectRevert(abi.encodeWithSelector(IChannels.NothingToClaim.selector, address(usdc), payer.addr));
        channels.claim(address(usdc), stranger);
    }

    function test_RevertWhen_TheReceiverIsZero() public {
        vm.expectRevert(IChannels.ZeroAddress.selector);
        vm.prank(payer.addr);
        channels.claim(address(usdc), address(0));
    }

    function test_RevertWhen_TheTransferFails_TheClaimStays() public {
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.Blacklisted.selector, payer.addr));
        vm.prank(payer.addr);
        channels.claim(address(usdc), payer.addr);

        assertEq(channels.claims(address(usdc), payer.addr), 100);
    }
}
