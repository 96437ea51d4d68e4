// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {FeeToken, GenerousToken, NoReturnToken, ReenteringToken, SilentToken} from "./mocks/HostileTokens.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase} from "../../contracts/types/ChannelTypes.sol";

contract DepositTest is ChannelsTest {
    /* GIVEN an unknown id */

    function test_RevertWhen_TheAmountIsZero() public {
        refuses(twoWay(), 0, abi.encodeWithSelector(IChannels.ZeroAmount.selector));
    }

    function test_RevertWhen_AnAddressIsZero() public {
        for (uint256 i = 0; i < 5; ++i) {
            Channel memory channel = twoWay();
            if (i == 0) channel.payer = address(0);
            if (i == 1) channel.payee = address(0);
            if (i == 2) channel.payerSigner = address(0);
            if (i == 3) channel.payeeSigner = address(0);
            if (i == 4) channel.token = address(0);
            refuses(channel, 1, abi.encodeWithSelector(IChannels.ZeroAddress.selector));
        }
    }

    function test_RevertWhen_PayerIsPayee() public {
        Channel memory channel = twoWay();
        channel.payee = channel.payer;
        refuses(channel, 1, abi.encodeWithSelector(IChannels.SameParty.selector, channel.payer));
    }

    function test_RevertWhen_BothSignersAreOneKey() public {
        Channel memory channel = twoWay();
        channel.payeeSigner = channel.payerSigner;
        refuses(channel, 1, abi.encodeWithSelector(IChannels.SameSigner.selector, channel.payerSigner));
    }

    function test_RevertWhen_ThePeriodIsOutOfBounds() public {
        uint32[4] memory periods = [0, MIN_PERIOD - 1, MAX_PERIOD + 1, type(uint32).max];
        for (uint256 i = 0; i < periods.length; ++i) {
            Channel memory channel = twoWay();
            channel.challengePeriod = periods[i];
            bytes4 selector = IChannels.ChallengePeriodOutOfBounds.selector;
            refuses(channel, 1, abi.encodeWithSelector(selector, periods[i], MIN_PERIOD, MAX_PERIOD));
        }
    }

    function test_WhenThePeriodIsABound_ItOpens() public {
        Channel memory channel = twoWay();
        channel.challengePeriod = MIN_PERIOD;
        open(channel, 1, 0);
        assertPhase(channel, Phase.Open);
        channel.challengePeriod = MAX_PERIOD;
        open(channel, 1, 0);
        assertPhase(channel, Phase.Open);
    }

    function test_WhenThePayerDeposits_ItOpensAndEmitsAllTerms() public {
        Channel memory channel = twoWay();
        bytes32 id = channels.channelId(channel);

        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(id, payer.addr, payee.addr, channel, 100e6, 0);
        depositFrom(payer.addr, channel, false, 100e6);

        ChannelView memory known = viewOf(channel);
        assertEq(uint8(known.phase), uint8(Phase.Open));
        assertEq(known.payerDeposit, 100e6);
        assertEq(known.payeeDeposit, 0);
        assertEq(known.deadline, 0);
        assertEq(usdc.balanceOf(address(channels)), 100e6);
    }

    function test_WhenThePayeeDepositsFirst_ItOpens() public {
        Channel memory channel = twoWay();
        bytes32 id = channels.channelId(channel);

        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(id, payer.addr, payee.addr, channel, 0, 7);
        depositFrom(payee.addr, channel, true, 7);

        assertEq(viewOf(channel).payerDeposit, 0);
        assertEq(viewOf(channel).payeeDeposit, 7);
    }

    function test_WhenAStrangerDeposits_ItTakesTheStrangersMoney() public {
        uint256 before = usdc.balanceOf(payer.addr);

        depositFrom(stranger, twoWay(), false, 5);

        assertEq(usdc.balanceOf(payer.addr), before);
        assertEq(viewOf(twoWay()).payerDeposit, 5);
    }

    function test_WhenAnyTermDiffers_ItIsAnotherChannel() public {
        Channel memory channel = twoWay();
        bytes32 id = channels.channelId(channel);
        channel.salt = 2;
        assertNotEq(channels.channelId(channel), id);
        channel = twoWay();
        channel.oneWay = true;
        assertNotEq(channels.channelId(channel), id);
        vm.chainId(block.chainid + 1);
        assertNotEq(channels.channelId(twoWay()), id);
    }

    /* GIVEN an open channel */

    function test_WhenOpen_ItRaisesTheTotal() public {
        Channel memory channel = twoWay();
        bytes32 id = open(channel, 10, 20);

        vm.expectEmit(address(channels));
        emit IChannels.Deposited(id, 15, 20);
        depositFrom(payer.addr, channel, false, 5);
        vm.expectEmit(address(channels));
        emit IChannels.Deposited(id, 15, 21);
        depositFrom(payee.addr, channel, true, 1);
    }

    function test_WhenDustOpenedTheChannel_TheRealDepositStillWorks() public {
        depositFrom(stranger, twoWay(), true, 1);

        depositFrom(payer.addr, twoWay(), false, 100e6);

        assertEq(viewOf(twoWay()).payerDeposit, 100e6);
        assertEq(viewOf(twoWay()).payeeDeposit, 1);
    }

    function test_WhenTheTotalReachesTheMaximum_ItIsAccepted() public {
        usdc.mint(payer.addr, MAX_DEPOSIT);
        open(twoWay(), MAX_DEPOSIT - 1, 0);

        depositFrom(payer.addr, twoWay(), false, 1);

        assertEq(viewOf(twoWay()).payerDeposit, MAX_DEPOSIT);
    }

    function test_RevertWhen_TheTotalExceedsTheMaximum() public {
        bytes4 selector = IChannels.DepositTooLarge.selector;
        refuses(twoWay(), MAX_DEPOSIT + 1, abi.encodeWithSelector(selector, 0, MAX_DEPOSIT + 1, MAX_DEPOSIT));
        open(twoWay(), 3, 0);
        uint256 tooMuch = MAX_DEPOSIT - 2;
        refuses(twoWay(), tooMuch, abi.encodeWithSelector(selector, 3, tooMuch, MAX_DEPOSIT));
        uint256 huge = type(uint256).max;
        refuses(twoWay(), huge, abi.encodeWithSelector(selector, 3, huge, MAX_DEPOSIT));
    }

    function test_RevertWhen_DepositingForThePayeeOfAOneWayChannel() public {
        Channel memory channel = oneWay();
        bytes32 id = channels.channelId(channel);
        vm.expectRevert(abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
        depositFrom(payee.addr, channel, true, 1);

        open(channel, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
        depositFrom(payee.addr, channel, true, 1);
    }

    /* GIVEN a closing or settled channel */

    function test_RevertWhen_Closing() public {
        bytes32 id = open(twoWay(), 100, 0);
        startCloseBare(twoWay());
        refuses(twoWay(), 1, abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, Phase.Closing));
    }

    /// @dev INV-7. Nitro's fault: a settled id could be funded again, and its old final state replayed.
    function test_RevertWhen_Settled() public {
        bytes32 id = open(twoWay(), 100, 0);
        settled(twoWay());
        refuses(twoWay(), 1, abi.encodeWithSelector(IChannels.ChannelNotOpen.selector, id, Phase.Settled));
    }

    /* GIVEN tokens of all kinds */

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken();
        token.mint(payer.addr, 100);
        vm.prank(payer.addr);
        token.approve(address(channels), 100);
        refuses(withToken(address(token)), 100, abi.encodeWithSelector(IChannels.UnexpectedBalance.selector, 100, 99));
    }

    function test_RevertWhen_TheTokenBringsTooMuch() public {
        GenerousToken token = new GenerousToken();
        token.mint(payer.addr, 100);
        vm.prank(payer.addr);
        token.approve(address(channels), 100);
        refuses(withToken(address(token)), 100, abi.encodeWithSelector(IChannels.UnexpectedBalance.selector, 100, 101));
    }

    function test_RevertWhen_TheTokenSilentlyDoesNothing() public {
        Channel memory channel = withToken(address(new SilentToken()));
        refuses(channel, 100, abi.encodeWithSelector(IChannels.UnexpectedBalance.selector, 100, 0));
    }

    function test_RevertWhen_TheTokenHasNoCode() public {
        refuses(withToken(makeAddr("nothing")), 100, "");
    }

    function test_RevertWhen_TheTransferReturnsFalse() public {
        vm.mockCall(address(usdc), abi.encodeWithSelector(usdc.transferFrom.selector), abi.encode(false));
        bytes4 selector = SafeERC20.SafeERC20FailedOperation.selector;
        refuses(twoWay(), 100, abi.encodeWithSelector(selector, address(usdc)));
    }

    function test_WhenTheTokenReturnsNothing_ItOpens() public {
        NoReturnToken token = new NoReturnToken();
        token.mint(payer.addr, 100);

        open(withToken(address(token)), 100, 0);

        assertEq(viewOf(withToken(address(token))).payerDeposit, 100);
    }

    function test_WhenTheTokenReenters_TheInnerCallIsRefused() public {
        ReenteringToken token = new ReenteringToken();
        token.mint(payer.addr, 100);
        vm.prank(payer.addr);
        token.approve(address(channels), 100);
        Channel memory channel = withToken(address(token));
        token.plant(address(channels), abi.encodeCall(channels.deposit, (channel, false, 1)));

        open(channel, 100, 0);

        assertFalse(token.succeeded());
        assertEq(token.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(viewOf(channel).payerDeposit, 100);
    }

    function refuses(Channel memory channel, uint256 amount, bytes memory reason) private {
        vm.expectRevert(reason);
        depositFrom(payer.addr, channel, false, amount);
    }

    function withToken(address token) private view returns (Channel memory channel) {
        channel = twoWay();
        channel.token = token;
    }
}
