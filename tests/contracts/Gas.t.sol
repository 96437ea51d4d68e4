// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Authorization,
    Challenge,
    Channel,
    Collect,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "./ChannelsTest.sol";
import {PlainToken} from "./mocks/PlainToken.sol";

/// @notice Gas per operation, each as a transaction of its own, with warm balances and a plain token.
/// @dev The figures go to snapshots/Channels.json, so that a diff shows what a change costs; `forge test` fails on
/// drift and FORGE_SNAPSHOT_CHECK=false writes new ones. They equal Anvil's receipts for the same keys and addresses.
/// forge-config: default.isolate = true
contract GasTest is ChannelsTest {
    uint256 private constant BATCH = 25;

    PlainToken private plain;

    function setUp() public override {
        super.setUp();
        plain = new PlainToken();
        address[4] memory holders = [payer.addr, payee.addr, stranger, address(channels)];
        for (uint256 i = 0; i < holders.length; ++i) {
            plain.mint(holders[i], 1_000_000e6);
            vm.prank(holders[i]);
            plain.approve(address(channels), type(uint256).max);
        }
    }

    function test_Deposit() public {
        Channel memory channel = plainChannel(false);

        depositFrom(payer.addr, channel, false, 100e6);
        vm.snapshotGasLastCall("Channels", "deposit_open");
        depositFrom(payer.addr, channel, false, 100e6);
        vm.snapshotGasLastCall("Channels", "deposit_topup");
        depositFrom(payee.addr, channel, true, 100e6);
        vm.snapshotGasLastCall("Channels", "deposit_payee_first");
    }

    function test_DepositWithAuthorization() public {
        Channel memory channel = plainChannel(false);
        bytes32 nonce = keccak256(abi.encode(channels.channelId(channel), bytes32(uint256(7))));
        bytes32 typehash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 structHash =
            keccak256(abi.encode(typehash, payer.addr, address(channels), 100e6, 0, block.timestamp + 1 hours, nonce));
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Plain"),
                keccak256("1"),
                block.chainid,
                address(plain)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payer, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        Authorization memory authorization =
            Authorization(bytes32(uint256(7)), 0, block.timestamp + 1 hours, abi.encodePacked(r, s, v));

        vm.prank(stranger);
        channels.depositWithAuthorization(channel, false, 100e6, authorization);
        vm.snapshotGasLastCall("Channels", "deposit_open_authorization");
    }

    function test_Withdraw() public {
        Channel memory channel = plainChannel(false);
        open(channel, 100e6, 0);

        withdrawTo(channel, 10e6, 0);
        vm.snapshotGasLastCall("Channels", "withdraw_payer");
        withdrawTo(channel, 10e6, 10e6);
        vm.snapshotGasLastCall("Channels", "withdraw_payee_first");
        withdrawTo(channel, 10e6, 20e6);
        vm.snapshotGasLastCall("Channels", "withdraw_payee_again");
    }

    function test_Collect() public {
        Channel memory channel = plainChannel(true);
        open(channel, 100e6, 0);

        Signature memory signature = signVoucher(channel, 10e6);
        vm.prank(stranger);
        channels.collect(channel, 10e6, signature);
        vm.snapshotGasLastCall("Channels", "collect_first");
        signature = signVoucher(channel, 20e6);
        vm.prank(stranger);
        channels.collect(channel, 20e6, signature);
        vm.snapshotGasLastCall("Channels", "collect_repeat");
    }

    function test_Close() public {
        Channel memory channel = plainChannel(false);
        open(channel, 100e6, 0);
        Signatures memory signatures = signClose(channel, 40e6);

        vm.prank(stranger);
        channels.close(channel, 40e6, signatures);
        vm.snapshotGasLastCall("Channels", "close");
    }

    function test_StartCloseBare() public {
        Channel memory channel = plainChannel(false);
        open(channel, 100e6, 0);

        startCloseBare(channel);
        vm.snapshotGasLastCall("Channels", "start_close_bare");
    }

    function test_Dispute() public {
        Channel memory channel = plainChannel(false);
        open(channel, 100e6, 0);

        startCloseWith(channel, stateOf(1, 10e6));
        vm.snapshotGasLastCall("Channels", "start_close");
        State memory newer = stateOf(2, 40e6);
        Signatures memory signatures = signState(channel, newer);
        vm.prank(stranger);
        channels.challenge(channel, newer, signatures);
        vm.snapshotGasLastCall("Channels", "challenge");
        skip(PERIOD);
        vm.prank(stranger);
        channels.settle(channel);
        vm.snapshotGasLastCall("Channels", "settle");
    }

    function test_CloseOneWay() public {
        Channel memory channel = plainChannel(true);
        open(channel, 100e6, 0);
        Signature memory signature = signVoucher(channel, 40e6);

        vm.prank(payee.addr);
        channels.closeOneWay(channel, 40e6, signature);
        vm.snapshotGasLastCall("Channels", "close_one_way");
    }

    function test_CollectMany() public {
        Channel[] memory opened = openBatch(true);
        Collect[] memory items = new Collect[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            items[i] = Collect(opened[i], 10e6, signVoucher(opened[i], 10e6));
        }

        vm.prank(stranger);
        channels.collectMany(items);
        snapshotEach("collect_many_25_each");
    }

    function test_ChallengeAndSettleMany() public {
        Channel[] memory opened = openBatch(false);
        Challenge[] memory items = new Challenge[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            startCloseWith(opened[i], stateOf(1, 10e6));
            items[i] = Challenge(opened[i], stateOf(2, 40e6), signState(opened[i], stateOf(2, 40e6)));
        }

        vm.prank(stranger);
        channels.challengeMany(items);
        snapshotEach("challenge_many_25_each");
        skip(PERIOD);
        vm.prank(stranger);
        channels.settleMany(opened);
        snapshotEach("settle_many_25_each");
    }

    function openBatch(bool isOneWay) private returns (Channel[] memory opened) {
        opened = new Channel[](BATCH);
        for (uint88 i = 0; i < BATCH; ++i) {
            opened[i] = plainChannel(isOneWay);
            opened[i].salt = i;
            open(opened[i], 100e6, 0);
        }
    }

    function snapshotEach(string memory name) private {
        vm.snapshotValue("Channels", name, vm.lastCallGas().gasTotalUsed / BATCH);
    }

    function plainChannel(bool isOneWay) private view returns (Channel memory channel) {
        channel = isOneWay ? oneWay() : twoWay();
        channel.token = address(plain);
    }

    function withdrawTo(Channel memory channel, uint128 payerTotal, uint128 payeeTotal) private {
        Withdrawal memory withdrawal = Withdrawal(payerTotal, payeeTotal, uint64(block.timestamp + 1 hours));
        Signatures memory signatures = signWithdrawal(channel, withdrawal);
        vm.prank(stranger);
        channels.withdraw(channel, withdrawal, signatures);
    }
}
