// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";
import {
    Authorization,
    Channel,
    ChannelView,
    CloseIntent,
    Lock,
    Phase,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {Authorizations} from "../Authorizations.sol";

/// @notice Four channels between two parties, what the handler knows about them from its own calls alone, and how it
///         signs and calls.
abstract contract HandlerBase is Test {
    uint32 public constant PERIOD = 100;
    uint256 public constant CHANNELS = 4;

    // Solidity cannot tell overloads apart by name.
    string internal constant START_CLOSE = "startClose((address,address,address,address,address,uint32,bool,uint88))";
    string internal constant START_CLOSE_WITH_STATE =
        "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,int128,uint128,uint128,bytes32),((bytes32,bytes32),(bytes32,bytes32)))";

    string internal constant START_CLOSE_BY_INTENT =
        "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,uint64),(bytes32,bytes32))";

    /// @notice What the handler knows about a channel from its own calls alone.
    struct Ledger {
        uint256 payerDeposited;
        uint256 payeeDeposited;
        uint256 paidOut; // pushed or credited as claims, to both
        uint256 collected;
        uint40 deadline;
        uint64 newest; // the highest sequence that the contract accepted
        int128 newestPaid;
        uint64 signed; // the highest sequence that the parties signed
        uint256 fromPayerPool; // taken out by unlocks
        uint256 fromPayeePool;
        bool settled;
    }

    /// @dev What the contract shows.
    struct Known {
        ChannelView[CHANNELS] channels;
        uint256 payerClaim;
        uint256 payeeClaim;
    }

    /// @dev What a side has got: its balance and its claim.
    struct Owned {
        uint256 payer;
        uint256 payee;
        uint256 payerPushed;
        uint256 payeePushed;
    }

    IChannels public immutable channels;
    DevUSDC public immutable usdc;

    Vm.Wallet internal _payer;
    Vm.Wallet internal _payee;
    address internal _stranger = makeAddr("stranger");
    mapping(uint256 index => Ledger) internal _ledgers;
    mapping(uint256 index => mapping(uint64 sequence => State)) internal _states;
    /// @dev At most two locks a state: the payer's has index 0, the payee's index 1; none has an amount of zero.
    mapping(uint256 index => mapping(uint64 sequence => Lock[2])) internal _locks;
    mapping(uint256 index => bool[2]) internal _resolved;
    uint256 private _authorizations;

    constructor(IChannels channels_, DevUSDC usdc_) {
        (channels, usdc) = (channels_, usdc_);
        _payer = vm.createWallet("invariant payer");
        _payee = vm.createWallet("invariant payee");
        vm.prank(_stranger);
        usdc.approve(address(channels), type(uint256).max);
        // Blacklisting forbids permits, as it does for the real token: the party's allowance stands in for one.
        vm.prank(_payer.addr);
        usdc.approve(address(channels), type(uint256).max);
    }

    /* WHAT THE INVARIANTS READ */

    /// @dev The last channel is one-way.
    function channelAt(uint256 index) public view returns (Channel memory) {
        return Channel({
            payer: _payer.addr,
            payee: _payee.addr,
            payerSigner: _payer.addr,
            payeeSigner: _payee.addr,
            token: address(usdc),
            challengePeriod: PERIOD,
            oneWay: index == CHANNELS - 1,
            salt: uint88(index)
        });
    }

    function idAt(uint256 index) public view returns (bytes32) {
        return channels.channelId(channelAt(index));
    }

    function viewAt(uint256 index) public view returns (ChannelView memory) {
        return channels.getChannel(idAt(index));
    }

    function ledgerAt(uint256 index) external view returns (Ledger memory) {
        return _ledgers[index];
    }

    function totalClaims() external view returns (uint256) {
        return claimOf(_payer.addr) + claimOf(_payee.addr);
    }

    function claimOf(address creditor) internal view returns (uint256) {
        return channels.claims(address(usdc), creditor);
    }

    /// @dev INV-2, INV-7, INV-8: totals and phases only grow, and only whom the token refuses gets a claim. Here and not in
    ///      an invariant function, whose own writes are not kept.
    modifier checked() {
        Known memory before = look();
        _;
        compare(before, look());
    }

    function look() private view returns (Known memory known) {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            known.channels[i] = viewAt(i);
        }
        (known.payerClaim, known.payeeClaim) = (claimOf(_payer.addr), claimOf(_payee.addr));
    }

    function compare(Known memory before, Known memory then) private view {
        for (uint256 i = 0; i < CHANNELS; ++i) {
            ChannelView memory was = before.channels[i];
            ChannelView memory known = then.channels[i];
            assertGe(known.payerDeposit, was.payerDeposit, "INV-2 payer's deposit");
            assertGe(known.payeeDeposit, was.payeeDeposit, "INV-2 payee's deposit");
            assertGe(known.payerWithdrawn, was.payerWithdrawn, "INV-2 payer's withdrawals");
            assertGe(known.payeeWithdrawn, was.payeeWithdrawn, "INV-2 payee's withdrawals");
            assertGe(uint8(known.phase), uint8(was.phase), "INV-7 phases never go back");
            // An agreed close ends the dispute, and with it what was known about it.
            bool agreed = known.phase == Phase.Settled && known.deadline == 0;
            if (!agreed) assertGe(known.sequence, was.sequence, "INV-2 sequence");
        }
        if (!usdc.isBlacklisted(_payer.addr)) assertLe(then.payerClaim, before.payerClaim, "INV-8 the payer's claim");
        if (!usdc.isBlacklisted(_payee.addr)) assertLe(then.payeeClaim, before.payeeClaim, "INV-8 the payee's claim");
    }

    /* HOW IT ACTS */

    function inTime(ChannelView memory known, uint256 index) internal view returns (bool) {
        return known.phase == Phase.Open
            || (known.phase == Phase.Closing && vm.getBlockTimestamp() < _ledgers[index].deadline);
    }

    function leftIn(ChannelView memory known) internal pure returns (uint256) {
        return uint256(known.payerDeposit) + known.payeeDeposit - known.payerWithdrawn - known.payeeWithdrawn;
    }

    function done(string memory what, address caller, bytes memory call_) internal {
        vm.prank(caller);
        (bool success, bytes memory reason) = address(channels).call(call_);
        assertTrue(success, string.concat(what, " was refused: ", vm.toString(reason)));
    }

    function refused(address caller, bytes memory call_) internal {
        vm.prank(caller);
        (bool success,) = address(channels).call(call_);
        assertFalse(success, "done, but must be refused");
    }

    /// @dev Done, and each gets just so much: at once, or, if the token refuses it, as a claim (INV-3, INV-8).
    function pays(string memory what, address caller, bytes memory call_, uint256 payerAmount, uint256 payeeAmount)
        internal
    {
        Owned memory before = owned();
        done(what, caller, call_);
        Owned memory now_ = owned();
        assertEq(now_.payer - before.payer, payerAmount, string.concat(what, ": the payer's part"));
        assertEq(now_.payee - before.payee, payeeAmount, string.concat(what, ": the payee's part"));
        if (!usdc.isBlacklisted(_payer.addr)) {
            assertEq(now_.payerPushed - before.payerPushed, payerAmount, "INV-8 the payer does not wait");
        }
        if (!usdc.isBlacklisted(_payee.addr)) {
            assertEq(now_.payeePushed - before.payeePushed, payeeAmount, "INV-8 the payee does not wait");
        }
    }

    function owned() internal view returns (Owned memory) {
        (uint256 payerPushed, uint256 payeePushed) = (usdc.balanceOf(_payer.addr), usdc.balanceOf(_payee.addr));
        return Owned({
            payer: payerPushed + claimOf(_payer.addr),
            payee: payeePushed + claimOf(_payee.addr),
            payerPushed: payerPushed,
            payeePushed: payeePushed
        });
    }

    /// @dev What a settlement has to pay at once, by the newest state that was shown (docs/protocol.md, section 2).
    function settlement(uint256 index) internal view returns (uint256 payerAmount, uint256 payeeAmount) {
        ChannelView memory known = viewAt(index);
        State memory newest = _states[index][_ledgers[index].newest];
        int256 left = int256(leftIn(known));
        int256 funds = int256(uint256(known.payerDeposit)) - int256(uint256(known.payerWithdrawn));
        int256 balance = funds - newest.paid - int256(_ledgers[index].collected);
        int256 share = between(balance, left);
        payerAmount = uint256(between(balance - int256(uint256(newest.payerLocked)), share));
        payeeAmount = uint256(between(left - balance - int256(uint256(newest.payeeLocked)), left - share));
    }

    function startWith(uint256 index, address caller, uint64 sequence) internal {
        State memory state = _states[index][sequence];
        done("startClose", caller, startCall(index, state));
        _ledgers[index].deadline = uint40(vm.getBlockTimestamp() + PERIOD);
        (_ledgers[index].newest, _ledgers[index].newestPaid) = (sequence, state.paid);
    }

    function settleNow(uint256 index) internal {
        (uint256 payerAmount, uint256 payeeAmount) = settlement(index);
        pays("settle", _stranger, abi.encodeCall(channels.settle, (channelAt(index))), payerAmount, payeeAmount);
        _ledgers[index].paidOut += payerAmount + payeeAmount;
        _ledgers[index].settled = true;
    }

    function between(int256 value, int256 most) private pure returns (int256) {
        return value < 0 ? int256(0) : value > most ? most : value;
    }

    function signBoth(bytes32 structHash) internal returns (Signatures memory) {
        return Signatures({payer: sign(_payer, structHash), payee: sign(_payee, structHash)});
    }

    function sign(Vm.Wallet storage wallet, bytes32 structHash) internal returns (Signature memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", channels.domainSeparator(), structHash));
        (bytes32 r, bytes32 vs) = vm.signCompact(wallet, digest);
        return Signature(r, vs);
    }

    /// @dev Each with a salt of its own.
    function authorize(uint256 index, bool byPayee, uint256 amount)
        internal
        returns (Authorization memory authorization)
    {
        Vm.Wallet storage wallet = byPayee ? _payee : _payer;
        authorization.authSalt = bytes32(++_authorizations);
        authorization.validBefore = type(uint256).max;
        bytes32 nonce = keccak256(abi.encode(idAt(index), authorization.authSalt));
        bytes32 digest =
            Authorizations.digest(usdc, wallet.addr, address(channels), amount, authorization.validBefore, nonce);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(wallet, digest);
        authorization.signature = abi.encodePacked(r, s, v);
    }

    function stateHash(uint256 index, State memory s) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "State(bytes32 channelId,uint64 sequence,int128 paid,uint128 payerLocked,uint128 payeeLocked,bytes32 locksRoot)"
        );
        return keccak256(abi.encode(typehash, idAt(index), s));
    }

    function withdrawalHash(uint256 index, Withdrawal memory w) internal view returns (bytes32) {
        bytes32 typehash =
            keccak256("Withdrawal(bytes32 channelId,uint128 payerTotal,uint128 payeeTotal,uint64 deadline)");
        return keccak256(abi.encode(typehash, idAt(index), w));
    }

    function closeHash(bytes32 id, int128 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Close(bytes32 channelId,int128 paid)"), id, paid));
    }

    function voucherHash(uint256 index, uint128 paid) internal view returns (bytes32) {
        return keccak256(abi.encode(keccak256("Voucher(bytes32 channelId,uint128 paid)"), idAt(index), paid));
    }

    function intentHash(uint256 index, CloseIntent memory intent) internal view returns (bytes32) {
        bytes32 typehash = keccak256("CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)");
        return keccak256(abi.encode(typehash, idAt(index), intent));
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function saturatingSub(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a - b : 0;
    }

    /// @dev A bare close if the state is number 0, which nobody signs.
    function startCall(uint256 index, State memory state) internal returns (bytes memory) {
        if (state.sequence == 0) return abi.encodeWithSignature(START_CLOSE, channelAt(index));
        Signatures memory signatures = signBoth(stateHash(index, state));
        return abi.encodeWithSignature(START_CLOSE_WITH_STATE, channelAt(index), state, signatures);
    }

    function challengeCall(uint256 index, State memory state) internal returns (bytes memory) {
        return abi.encodeCall(channels.challenge, (channelAt(index), state, signBoth(stateHash(index, state))));
    }

    function intentCall(uint256 index, bool byPayee, State memory state, uint64 minSequence)
        internal
        returns (bytes memory)
    {
        Channel memory channel = channelAt(index);
        CloseIntent memory intent = CloseIntent(minSequence, uint64(vm.getBlockTimestamp() + 1));
        Signature memory signature = sign(byPayee ? _payee : _payer, intentHash(index, intent));
        if (state.sequence == 0) return abi.encodeWithSignature(START_CLOSE_BY_INTENT, channel, intent, signature);
        return abi.encodeWithSignature(
            "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,int128,uint128,uint128,bytes32),((bytes32,bytes32),(bytes32,bytes32)),(uint64,uint64),(bytes32,bytes32))",
            channel,
            state,
            signBoth(stateHash(index, state)),
            intent,
            signature
        );
    }
}
