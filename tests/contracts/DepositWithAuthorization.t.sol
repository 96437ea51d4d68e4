// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Authorizations} from "./Authorizations.sol";
import {ChannelsTest} from "./ChannelsTest.sol";
import {SilentToken} from "./mocks/HostileTokens.sol";
import {Wallet} from "./mocks/Wallet.sol";
import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../contracts/tokens/DevUSDC.sol";
import {Authorization, Channel, Phase} from "../../contracts/types/ChannelTypes.sol";

contract DepositWithAuthorizationTest is ChannelsTest {
    bytes32 private constant AUTH_SALT = bytes32(uint256(7));

    function test_WhenThePayerSigned_AStrangerOpensTheChannel() public {
        Channel memory channel = twoWay();
        bytes32 id = channels.channelId(channel);
        Authorization memory authorization = authorize(payer, channel, 100e6);
        uint256 before = usdc.balanceOf(payer.addr);

        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(id, payer.addr, payee.addr, channel, 100e6, 0);
        relay(channel, false, 100e6, authorization);

        assertEq(viewOf(channel).payerDeposit, 100e6);
        assertEq(usdc.balanceOf(payer.addr), before - 100e6);
        assertTrue(usdc.authorizationState(payer.addr, keccak256(abi.encode(id, AUTH_SALT))));
    }

    function test_WhenThePayeeSigned_ItCreditsThePayee() public {
        relay(twoWay(), true, 30, authorize(payee, twoWay(), 30));

        assertEq(viewOf(twoWay()).payeeDeposit, 30);
        assertEq(viewOf(twoWay()).payerDeposit, 0);
    }

    function test_WhenTheSignatureIsAWallets_ItUsesTheBytesForm() public {
        bytes memory accepted = "a wallet's signature, not 65 bytes long";
        Channel memory channel = twoWay();
        channel.payer = address(new Wallet(accepted));
        usdc.mint(channel.payer, 100);

        relay(channel, false, 100, Authorization(AUTH_SALT, 0, block.timestamp + 1, accepted));

        assertEq(viewOf(channel).payerDeposit, 100);
    }

    function test_RevertWhen_TheOtherSideIsCredited() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, payee.addr));
        relay(twoWay(), true, 100, authorization);
    }

    /// @dev The nonce commits to the terms: no relayer can choose others.
    function test_RevertWhen_TheTermsAreOthers() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        Channel memory foreign = twoWay();
        foreign.payee = stranger;
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, payer.addr));
        relay(foreign, false, 100, authorization);
    }

    function test_RevertWhen_TheAmountIsAnother() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, payer.addr));
        relay(twoWay(), false, 99, authorization);
    }

    function test_RevertWhen_TheSaltIsAnother() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        authorization.authSalt = bytes32(uint256(8));
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, payer.addr));
        relay(twoWay(), false, 100, authorization);
    }

    /// @dev Whoever relays first does what was signed; the second relayer loses gas and the payer nothing.
    function test_WhenFrontRun_TheDepositStandsOnce() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        relay(twoWay(), false, 100, authorization);

        bytes32 nonce = keccak256(abi.encode(channels.channelId(twoWay()), AUTH_SALT));
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationUsedOrCanceled.selector, payer.addr, nonce));
        relay(twoWay(), false, 100, authorization);

        assertEq(viewOf(twoWay()).payerDeposit, 100);
    }

    function test_RevertWhen_TheAuthorizationExpired() public {
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        vm.warp(authorization.validBefore);
        vm.expectRevert(
            abi.encodeWithSelector(DevUSDC.AuthorizationExpired.selector, authorization.validBefore, block.timestamp)
        );
        relay(twoWay(), false, 100, authorization);
    }

    function test_RevertWhen_TheTokenSilentlyDoesNothing() public {
        Channel memory channel = twoWay();
        channel.token = address(new SilentToken());
        Authorization memory authorization = authorize(payer, channel, 100);
        vm.expectRevert(abi.encodeWithSelector(IChannels.UnexpectedBalance.selector, 100, 0));
        relay(channel, false, 100, authorization);
    }

    function test_RevertWhen_TheAmountIsZero() public {
        Authorization memory authorization = authorize(payer, twoWay(), 0);
        vm.expectRevert(IChannels.ZeroAmount.selector);
        relay(twoWay(), false, 0, authorization);
    }

    function test_RevertWhen_ForThePayeeOfAOneWayChannel() public {
        Authorization memory authorization = authorize(payee, oneWay(), 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.OneWayChannel.selector, channels.channelId(oneWay())));
        relay(oneWay(), true, 1, authorization);
    }

    function test_RevertWhen_Settled() public {
        bytes32 id = open(twoWay(), 1, 0);
        settled(twoWay());
        Authorization memory authorization = authorize(payer, twoWay(), 100);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, Phase.Settled));
        relay(twoWay(), false, 100, authorization);
    }

    function relay(Channel memory channel, bool forPayee, uint256 amount, Authorization memory authorization) private {
        vm.prank(stranger);
        channels.depositWithAuthorization(channel, forPayee, amount, authorization);
    }

    function authorize(Vm.Wallet storage from, Channel memory channel, uint256 amount)
        private
        returns (Authorization memory)
    {
        uint256 validBefore = block.timestamp + 1 hours;
        bytes32 nonce = keccak256(abi.encode(channels.channelId(channel), AUTH_SALT));
        bytes32 signed = Authorizations.digest(usdc, from.addr, address(channels), amount, validBefore, nonce);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(from, signed);
        return Authorization(AUTH_SALT, 0, validBefore, abi.encodePacked(r, s, v));
    }
}
