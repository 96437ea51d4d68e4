// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {SilentToken} from "./mocks/HostileTokens.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Permit, Phase} from "../../contracts/types/ChannelTypes.sol";

contract DepositWithPermitTest is ChannelsTest {
    function setUp() public override {
        super.setUp();
        // Nothing is allowed but by permit.
        vm.prank(payer.addr);
        usdc.approve(address(channels), 0);
        vm.prank(payee.addr);
        usdc.approve(address(channels), 0);
    }

    function test_WhenThePayerSigned_ItOpensTheChannel() public {
        Channel memory channel = twoWay();
        bytes32 id = channels.channelId(channel);
        Permit memory permit = signPermit(payer, 100);
        uint256 before = usdc.balanceOf(payer.addr);

        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(id, payer.addr, payee.addr, channel, 100, 0);
        deposit(payer.addr, channel, false, 100, permit);

        assertEq(viewOf(channel).payerDeposit, 100);
        assertEq(usdc.balanceOf(payer.addr), before - 100);
        assertEq(usdc.allowance(payer.addr, address(channels)), 0);
    }

    function test_WhenThePayeeSigned_ItCreditsThePayee() public {
        deposit(payee.addr, twoWay(), true, 30, signPermit(payee, 30));
        assertEq(viewOf(twoWay()).payeeDeposit, 30);
    }

    function test_WhenThePermitWasFrontRun_TheDepositStands() public {
        Permit memory permit = signPermit(payer, 100);
        vm.prank(stranger);
        usdc.permit(payer.addr, address(channels), 100, permit.deadline, permit.v, permit.r, permit.s);

        deposit(payer.addr, twoWay(), false, 100, permit);

        assertEq(viewOf(twoWay()).payerDeposit, 100);
    }

    /// @dev A permit names no terms: whoever may choose them could send the allowance to a payee of its own.
    function test_RevertWhen_AStrangerCalls() public {
        Permit memory permit = signPermit(payer, 100);
        refuses(stranger, false, permit, abi.encodeWithSelector(IChannels.NotParty.selector, stranger));
        refuses(payerSigner.addr, false, permit, abi.encodeWithSelector(IChannels.NotParty.selector, payerSigner.addr));
    }

    function test_RevertWhen_TheOtherPartyCalls() public {
        Permit memory permit = signPermit(payer, 100);
        refuses(payee.addr, false, permit, abi.encodeWithSelector(IChannels.NotParty.selector, payee.addr));
        refuses(payer.addr, true, permit, abi.encodeWithSelector(IChannels.NotParty.selector, payer.addr));
    }

    function test_RevertWhen_ThePermitIsBadAndNothingIsAllowed() public {
        Permit memory permit = signPermit(payer, 99);
        bytes4 selector = IERC20Errors.ERC20InsufficientAllowance.selector;
        refuses(payer.addr, false, permit, abi.encodeWithSelector(selector, address(channels), 0, 100));
    }

    function test_RevertWhen_TheTokenSilentlyDoesNothing() public {
        Channel memory channel = twoWay();
        channel.token = address(new SilentToken());
        Permit memory permit = signPermit(payer, 100);
        vm.expectRevert(abi.encodeWithSelector(IChannels.UnexpectedBalance.selector, 100, 0));
        deposit(payer.addr, channel, false, 100, permit);
    }

    function test_RevertWhen_Settled() public {
        deposit(payer.addr, twoWay(), false, 100, signPermit(payer, 100));
        settled(twoWay());
        bytes32 id = channels.channelId(twoWay());
        Permit memory permit = signPermit(payer, 100);
        refuses(payer.addr, false, permit, abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, Phase.Settled));
    }

    function deposit(address from, Channel memory channel, bool forPayee, uint256 amount, Permit memory permit)
        private
    {
        vm.prank(from);
        channels.depositWithPermit(channel, forPayee, amount, permit);
    }

    function refuses(address from, bool forPayee, Permit memory permit, bytes memory reason) private {
        vm.expectRevert(reason);
        deposit(from, twoWay(), forPayee, 100, permit);
    }

    function signPermit(Vm.Wallet storage owner, uint256 amount) private returns (Permit memory) {
        uint256 deadline = block.timestamp + 1 hours;
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash =
            keccak256(abi.encode(typehash, owner.addr, address(channels), amount, usdc.nonces(owner.addr), deadline));
        bytes32 signed = keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(owner, signed);
        return Permit(deadline, v, r, s);
    }
}
