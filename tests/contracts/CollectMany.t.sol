// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {ReenteringToken} from "./mocks/HostileTokens.sol";
import {PlainToken} from "./mocks/PlainToken.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, Collect, Phase} from "../../contracts/types/ChannelTypes.sol";

contract CollectManyTest is ChannelsTest {
    Channel[] private _opened;

    function setUp() public override {
        super.setUp();
        Channel[] memory opened = openMany(oneWay(), 3);
        for (uint256 i = 0; i < opened.length; ++i) {
            _opened.push(opened[i]);
        }
    }

    function test_WhenThePayeeIsOne_ItIsPaidInOneTransfer() public {
        uint256 before = usdc.balanceOf(payee.addr);

        vm.expectEmit(address(channels));
        emit IChannels.Collected(channels.channelId(_opened[0]), 30);
        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 90)), 1);
        vm.prank(stranger);
        channels.collectMany(items(30));

        assertEq(usdc.balanceOf(payee.addr), before + 90);
        assertEq(viewOf(_opened[2]).payeeWithdrawn, 30);
    }

    function test_WhenThePayeesDiffer_EachIsPaidPerRun() public {
        address other = makeAddr("other payee");
        Channel memory foreign = oneWay();
        foreign.payee = other;
        open(foreign, 100, 0);
        Collect[] memory batch = items(30);
        batch[1] = item(foreign, 50);

        vm.expectCall(address(usdc), abi.encodeCall(IERC20.transfer, (payee.addr, 30)), 2);
        channels.collectMany(batch);

        assertEq(usdc.balanceOf(other), 50);
    }

    function test_WhenTheTokensDiffer_EachIsPaid() public {
        PlainToken plain = new PlainToken();
        plain.mint(payer.addr, 100);
        vm.prank(payer.addr);
        plain.approve(address(channels), 100);
        Channel memory foreign = oneWay();
        foreign.token = address(plain);
        open(foreign, 100, 0);
        Collect[] memory batch = items(30);
        batch[2] = item(foreign, 40);
        uint256 before = usdc.balanceOf(payee.addr);

        channels.collectMany(batch);

        assertEq(plain.balanceOf(payee.addr), 40);
        assertEq(usdc.balanceOf(payee.addr), before + 60);
    }

    /// @dev x402's fault: one drained channel made the whole batch revert.
    function test_WhenOneIsBad_ItIsReportedAndTheOthersPay() public {
        channels.collect(_opened[1], 100, signVoucher(_opened[1], 100));
        bytes memory reason = abi.encodeWithSelector(IChannels.NothingToCollect.selector, 30, 100, 100);
        skips(items(30), 1, reason, 60);
    }

    function test_WhenASignatureIsForeign_ItIsReported() public {
        Collect[] memory batch = items(30);
        bytes32 voucher = digest(voucherHash(channels.channelId(_opened[0]), 30));
        batch[0].payerSignature = sign(payeeSigner, voucher);
        skips(
            batch,
            0,
            abi.encodeWithSelector(IChannels.InvalidSignature.selector, payerSigner.addr, payeeSigner.addr),
            60
        );
    }

    function test_WhenASignatureIsNone_ItIsReported() public {
        Collect[] memory batch = items(30);
        delete batch[2].payerSignature;
        skips(batch, 2, abi.encodeWithSelector(IChannels.InvalidSignature.selector, payerSigner.addr, address(0)), 60);
    }

    function test_WhenAChannelIsTwoWay_ItIsReported() public {
        bytes32 id = open(twoWay(), 100, 0);
        Collect[] memory batch = items(30);
        batch[1] = item(twoWay(), 30);
        skips(batch, 1, abi.encodeWithSelector(IChannels.TwoWayChannel.selector, id), 60);
    }

    function test_WhenAChannelIsUnknown_ItIsReported() public {
        Channel memory unknown = salted(oneWay(), 999);
        Collect[] memory batch = items(30);
        batch[1] = item(unknown, 30);
        bytes32 id = channels.channelId(unknown);
        skips(batch, 1, abi.encodeWithSelector(IChannels.ChannelNotActive.selector, id, Phase.None), 60);
    }

    function test_WhenADeadlineHasCome_ItIsReported() public {
        uint40 deadline = startCloseBare(_opened[1]);
        vm.warp(deadline);
        skips(items(30), 1, abi.encodeWithSelector(IChannels.ChallengePeriodOver.selector, deadline, deadline), 60);
    }

    /// @dev INV-10.
    function test_WhenAVoucherIsThereTwice_ItPaysOnce() public {
        Collect[] memory batch = items(30);
        batch[1] = batch[0];
        skips(batch, 1, abi.encodeWithSelector(IChannels.NothingToCollect.selector, 30, 30, 100), 60);
    }

    function test_WhenAllAreBad_NothingMoves() public {
        channels.collectMany(items(30));
        uint256 before = usdc.balanceOf(payee.addr);
        channels.collectMany(items(30));
        assertEq(usdc.balanceOf(payee.addr), before);
    }

    function test_WhenEmpty_NothingHappens() public {
        vm.recordLogs();
        channels.collectMany(new Collect[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_WhenThePayeeIsBlacklisted_OneClaimIsRecorded() public {
        usdc.setBlacklisted(payee.addr, true);
        vm.expectEmit(address(channels));
        emit IChannels.ClaimRecorded(address(usdc), payee.addr, 90);
        channels.collectMany(items(30));
        assertEq(channels.claims(address(usdc), payee.addr), 90);
    }

    function test_WhenATokenReenters_TheInnerCallIsRefused() public {
        ReenteringToken evil = new ReenteringToken();
        evil.mint(payer.addr, 100);
        vm.prank(payer.addr);
        evil.approve(address(channels), 100);
        Channel memory foreign = oneWay();
        foreign.token = address(evil);
        open(foreign, 100, 0);
        Collect[] memory batch = items(30);
        batch[0] = item(foreign, 40);
        evil.plant(address(channels), abi.encodeCall(channels.collectMany, (items(30))));
        uint256 before = usdc.balanceOf(payee.addr);

        channels.collectMany(batch);

        assertFalse(evil.succeeded());
        assertEq(evil.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertEq(usdc.balanceOf(payee.addr), before + 60);
    }

    function skips(Collect[] memory batch, uint256 bad, bytes memory reason, uint256 paid) private {
        uint256 before = usdc.balanceOf(payee.addr);
        bytes32 id = channels.channelId(batch[bad].channel);
        vm.expectEmit(address(channels));
        emit IChannels.Skipped(id, reason);
        channels.collectMany(batch);
        assertEq(usdc.balanceOf(payee.addr), before + paid);
    }

    function items(uint128 paid) private returns (Collect[] memory batch) {
        batch = new Collect[](_opened.length);
        for (uint256 i = 0; i < batch.length; ++i) {
            batch[i] = item(_opened[i], paid);
        }
    }

    function item(Channel memory channel, uint128 paid) private returns (Collect memory) {
        return Collect(channel, paid, signVoucher(channel, paid));
    }
}
