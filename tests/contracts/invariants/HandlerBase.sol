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
    mapping(bytes32 name => uint256) public calls;
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
        return channels.claims(address(usdc), _payer.addr) + channels.claims(address(usdc), _payee.addr);
    }

    /// @dev INV-2. Here and not in an invariant function, whose own writes are not kept.
    modifier growing() {
        ChannelView[CHANNELS] memory before;
        for (uint256 i = 0; i < CHANNELS; ++i) {
            before[i] = viewAt(i);
        }
        _;
        for (uint256 i = 0; i < CHANNELS; ++i) {
            ChannelView memory known = viewAt(i);
            assertGe(known.payerDeposit, before[i].payerDeposit, "INV-2 payer's deposit");
            assertGe(known.payeeDeposit, before[i].payeeDeposit, "INV-2 payee's deposit");
            assertGe(known.payerWithdrawn, before[i].payerWithdrawn, "INV-2 payer's withdrawals");
            assertGe(known.payeeWithdrawn, before[i].payeeWithdrawn, "INV-2 payee's withdrawals");
            assertGe(uint8(known.phase), uint8(before[i].phase), "INV-7 phases never go back");
            // An agreed close ends the dispute, and with it what was known about it.
            bool agreed = known.phase == Phase.Settled && known.deadline == 0;
            if (!agreed) assertGe(known.sequence, before[i].sequence, "INV-2 sequence");
        }
    }

    /* HOW IT ACTS */

    /// @dev What the contract holds for unsettled channels and pools: claims are as good as paid.
    function held() internal view returns (uint256) {
        return usdc.balanceOf(address(channels)) - channels.claims(address(usdc), _payer.addr)
            - channels.claims(address(usdc), _payee.addr);
    }

    function inTime(ChannelView memory known, uint256 index) internal view returns (bool) {
        return known.phase == Phase.Open
            || (known.phase == Phase.Closing && vm.getBlockTimestamp() < _ledgers[index].deadline);
    }

    function leftIn(ChannelView memory known) internal pure returns (uint256) {
        return uint256(known.payerDeposit) + known.payeeDeposit - known.payerWithdrawn - known.payeeWithdrawn;
    }

    function done(bytes32 name, address caller, bytes memory call_) internal {
        vm.prank(caller);
        (bool success, bytes memory reason) = address(channels).call(call_);
        assertTrue(success, string.concat("refused: ", vm.toString(reason)));
        ++calls[name];
    }

    function refused(address caller, bytes memory call_) internal {
        vm.prank(caller);
        (bool success,) = address(channels).call(call_);
        assertFalse(success, "done, but must be refused");
        ++calls["refused"];
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

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function saturatingSub(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a - b : 0;
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
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
        bytes32 typehash = keccak256("CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)");
        bytes32 structHash = keccak256(abi.encode(typehash, idAt(index), intent));
        Signature memory signature = byPayee ? sign(_payee, structHash) : sign(_payer, structHash);
        if (state.sequence == 0) {
            return abi.encodeWithSignature(
                "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,uint64),(bytes32,bytes32))",
                channel,
                intent,
                signature
            );
        }
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
