// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../contracts/tokens/DevUSDC.sol";
import {
    Authorization,
    Channel,
    ChannelView,
    CloseIntent,
    Phase,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../contracts/types/ChannelTypes.sol";

/// @notice What every test needs: a contract, a token, four keys, and builders for channels and signed messages.
/// @dev Hashes messages from the types as protocol.md writes them, not with the library under test.
abstract contract ChannelsTest is Test {
    uint32 internal constant MIN_PERIOD = 1 hours;
    uint32 internal constant MAX_PERIOD = 30 days;
    uint32 internal constant PERIOD = 1 days;
    uint256 internal constant MAX_DEPOSIT = 2 ** 95 - 1;
    /// @dev The order of secp256k1's group.
    uint256 internal constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    IChannels internal channels;
    DevUSDC internal usdc;

    Vm.Wallet internal payer;
    Vm.Wallet internal payee;
    Vm.Wallet internal payerSigner;
    Vm.Wallet internal payeeSigner;
    address internal stranger = makeAddr("stranger");

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        channels = deployChannels(MIN_PERIOD, MAX_PERIOD);
        usdc = deployUsdc();
        payer = vm.createWallet("payer");
        payee = vm.createWallet("payee");
        payerSigner = vm.createWallet("payer signer");
        payeeSigner = vm.createWallet("payee signer");
        fund(payer.addr);
        fund(payee.addr);
        fund(stranger);
    }

    /// @dev By name: to import the contract would compile every test as slowly as it.
    function deployChannels(uint32 minimum, uint32 maximum) internal returns (IChannels) {
        return IChannels(deployCode("Channels.sol:Channels", abi.encode(minimum, maximum)));
    }

    function deployUsdc() internal virtual returns (DevUSDC) {
        return new DevUSDC();
    }

    function fund(address account) internal {
        usdc.mint(account, 1_000_000e6);
        vm.prank(account);
        usdc.approve(address(channels), type(uint256).max);
    }

    /* CHANNELS */

    function twoWay() internal view returns (Channel memory) {
        return Channel({
            payer: payer.addr,
            payee: payee.addr,
            payerSigner: payerSigner.addr,
            payeeSigner: payeeSigner.addr,
            token: address(usdc),
            challengePeriod: PERIOD,
            oneWay: false,
            salt: 1
        });
    }

    function oneWay() internal view returns (Channel memory channel) {
        channel = twoWay();
        channel.oneWay = true;
    }

    function open(Channel memory channel, uint256 payerDeposit, uint256 payeeDeposit) internal returns (bytes32 id) {
        if (payerDeposit != 0) depositFrom(payer.addr, channel, false, payerDeposit);
        if (payeeDeposit != 0) depositFrom(payee.addr, channel, true, payeeDeposit);
        return channels.channelId(channel);
    }

    function depositFrom(address from, Channel memory channel, bool forPayee, uint256 amount) internal {
        vm.prank(from);
        channels.deposit(channel, forPayee, amount);
    }

    function startCloseBare(Channel memory channel) internal returns (uint40 deadline) {
        vm.prank(channel.payer);
        channels.startClose(channel);
        return uint40(vm.getBlockTimestamp() + channel.challengePeriod);
    }

    function startCloseWith(Channel memory channel, State memory state) internal returns (uint40 deadline) {
        Signatures memory signatures = signState(channel, state);
        vm.prank(channel.payer);
        channels.startClose(channel, state, signatures);
        return uint40(vm.getBlockTimestamp() + channel.challengePeriod);
    }

    function settled(Channel memory channel) internal returns (Channel memory) {
        startCloseBare(channel);
        skip(channel.challengePeriod);
        channels.settle(channel);
        return channel;
    }

    /// @dev `count` open channels that differ in nothing but their salts.
    function openMany(Channel memory like, uint256 count) internal returns (Channel[] memory opened) {
        opened = new Channel[](count);
        for (uint256 i = 0; i < count; ++i) {
            opened[i] = salted(like, uint88(100 + i));
            open(opened[i], 100, 0);
        }
    }

    function salted(Channel memory like, uint88 salt) internal pure returns (Channel memory) {
        return Channel(
            like.payer,
            like.payee,
            like.payerSigner,
            like.payeeSigner,
            like.token,
            like.challengePeriod,
            like.oneWay,
            salt
        );
    }

    function viewOf(Channel memory channel) internal view returns (ChannelView memory) {
        return channels.getChannel(channels.channelId(channel));
    }

    function assertPhase(Channel memory channel, Phase phase) internal view {
        assertEq(uint8(viewOf(channel).phase), uint8(phase), "phase");
    }

    /* MESSAGES */

    function stateOf(uint64 sequence, int128 paid) internal pure returns (State memory) {
        return State({sequence: sequence, paid: paid, payerLocked: 0, payeeLocked: 0, locksRoot: bytes32(0)});
    }

    function lockedState(uint64 sequence, int128 paid, uint128 payerLocked, uint128 payeeLocked)
        internal
        pure
        returns (State memory)
    {
        return State(sequence, paid, payerLocked, payeeLocked, keccak256("locks"));
    }

    function signState(Channel memory channel, State memory state) internal returns (Signatures memory) {
        return signBoth(stateHash(channels.channelId(channel), state));
    }

    function signVoucher(Channel memory channel, uint128 paid) internal returns (Signature memory) {
        return sign(payerSigner, digest(voucherHash(channels.channelId(channel), paid)));
    }

    function signWithdrawal(Channel memory channel, Withdrawal memory withdrawal) internal returns (Signatures memory) {
        return signBoth(withdrawalHash(channels.channelId(channel), withdrawal));
    }

    function signClose(Channel memory channel, int128 paid) internal returns (Signatures memory) {
        return signBoth(closeHash(channels.channelId(channel), paid));
    }

    function signIntent(Vm.Wallet storage signer, Channel memory channel, CloseIntent memory intent)
        internal
        returns (Signature memory)
    {
        return sign(signer, digest(intentHash(channels.channelId(channel), intent)));
    }

    function signBoth(bytes32 structHash) internal returns (Signatures memory) {
        bytes32 signed = digest(structHash);
        return Signatures({payer: sign(payerSigner, signed), payee: sign(payeeSigner, signed)});
    }

    function sign(Vm.Wallet storage wallet, bytes32 signed) internal returns (Signature memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(wallet, signed);
        return Signature({r: r, vs: vs});
    }

    /* HASHES */

    function digest(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", channels.domainSeparator(), structHash));
    }

    function stateHash(bytes32 id, State memory s) internal pure returns (bytes32) {
        bytes32 typehash = keccak256(
            "State(bytes32 channelId,uint64 sequence,int128 paid,uint128 payerLocked,uint128 payeeLocked,bytes32 locksRoot)"
        );
        return keccak256(abi.encode(typehash, id, s.sequence, s.paid, s.payerLocked, s.payeeLocked, s.locksRoot));
    }

    function voucherHash(bytes32 id, uint128 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Voucher(bytes32 channelId,uint128 paid)"), id, paid));
    }

    function withdrawalHash(bytes32 id, Withdrawal memory w) internal pure returns (bytes32) {
        bytes32 typehash =
            keccak256("Withdrawal(bytes32 channelId,uint128 payerTotal,uint128 payeeTotal,uint64 deadline)");
        return keccak256(abi.encode(typehash, id, w.payerTotal, w.payeeTotal, w.deadline));
    }

    function intentHash(bytes32 id, CloseIntent memory intent) internal pure returns (bytes32) {
        bytes32 typehash = keccak256("CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)");
        return keccak256(abi.encode(typehash, id, intent.minSequence, intent.deadline));
    }

    function closeHash(bytes32 id, int128 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Close(bytes32 channelId,int128 paid)"), id, paid));
    }
}
