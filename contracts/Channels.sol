// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IChannels} from "./interfaces/IChannels.sol";
import {IReceiveWithAuthorization} from "./interfaces/IReceiveWithAuthorization.sol";
import {ChannelHash} from "./libraries/ChannelHash.sol";
import {Payout, Split, Totals} from "./libraries/Payout.sol";
import {
    Authorization,
    Channel,
    ChannelView,
    Phase,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "./types/ChannelTypes.sol";

/// @title Channels
/// @notice Payment channels for any ERC-20 token: docs/protocol.md, section 2.
/// @dev Reads from top to bottom; in every function: checks, effects, event, interaction. `challenge` and `startClose`
///      call nothing outside and so need no reentrancy guard.
contract Channels is IChannels, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One comment line starts each storage slot; an opening by the payer writes the first slot only.
    struct Record {
        // Everything a one-way channel ever needs.
        uint96 payerDeposit;
        uint96 withdrawn; // two-way: by the payer; one-way: collected by the payee
        uint40 deadline;
        Phase phase;
        bool oneWay;
        // The payee's side of a two-way channel.
        uint96 payeeDeposit;
        uint96 payeeWithdrawn;
        // The disputed state, already split: deposits and withdrawals are fixed once the channel is Closing.
        uint96 payerPaid;
        uint96 payeePaid;
        uint64 sequence; // zero: there is no disputed state, and this slot and the next two are empty
        // What the disputed state locks. Written only if there is something locked, as is the next slot.
        uint96 payerPool;
        uint96 payeePool;
        // The Merkle root of its locks.
        bytes32 locksRoot;
    }

    /// @dev Per side, so that totals, shares and pools fit uint96.
    uint256 private constant MAX_DEPOSIT = 2 ** 95 - 1;

    uint256 private constant ECDSA_SIGNATURE_LENGTH = 65;

    /// @inheritdoc IChannels
    uint32 public immutable minChallengePeriod;
    /// @inheritdoc IChannels
    uint32 public immutable maxChallengePeriod;

    mapping(bytes32 channelId => Record) private _records;

    /// @inheritdoc IChannels
    mapping(address token => mapping(address creditor => uint256 amount)) public claims;

    /// @param minimum The shortest challenge period accepted, in seconds, above zero.
    /// @param maximum The longest challenge period accepted, in seconds.
    constructor(uint32 minimum, uint32 maximum) EIP712("Penstock", "1") {
        if (minimum == 0 || minimum > maximum) revert InvalidChallengePeriodBounds(minimum, maximum);
        minChallengePeriod = minimum;
        maxChallengePeriod = maximum;
    }

    /* DEPOSITS */

    /// @inheritdoc IChannels
    function deposit(Channel calldata channel, bool forPayee, uint256 amount) external nonReentrant {
        _credit(_id(channel), channel, forPayee, amount);

        uint256 expected = _balance(channel.token) + amount;
        IERC20(channel.token).safeTransferFrom(msg.sender, address(this), amount);
        _requireBalance(channel.token, expected);
    }

    /// @inheritdoc IChannels
    function depositWithAuthorization(
        Channel calldata channel,
        bool forPayee,
        uint256 amount,
        Authorization calldata authorization
    ) external nonReentrant {
        bytes32 id = _id(channel);
        _credit(id, channel, forPayee, amount);

        uint256 expected = _balance(channel.token) + amount;
        bytes32 nonce = keccak256(abi.encode(id, authorization.authSalt));
        _receive(channel.token, forPayee ? channel.payee : channel.payer, amount, nonce, authorization);
        _requireBalance(channel.token, expected);
    }

    /// @dev Credits a deposit before it arrives; the callers revert unless exactly `amount` does.
    function _credit(bytes32 id, Channel calldata channel, bool forPayee, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        if (forPayee && channel.oneWay) revert OneWayChannel(id);

        Record storage record = _records[id];
        bool opens = record.phase == Phase.None;
        if (opens) {
            _checkTerms(channel);
            record.phase = Phase.Open;
            record.oneWay = channel.oneWay;
        } else if (record.phase != Phase.Open) {
            revert ChannelNotOpen(id, record.phase);
        }

        if (forPayee) record.payeeDeposit = _raise(record.payeeDeposit, amount);
        else record.payerDeposit = _raise(record.payerDeposit, amount);

        if (opens) {
            // Both deposits are known here, so the payee's slot is not read.
            uint96 payerDeposit = forPayee ? 0 : uint96(amount);
            emit ChannelOpened(id, channel.payer, channel.payee, channel, payerDeposit, uint96(amount) - payerDeposit);
        } else {
            emit Deposited(id, record.payerDeposit, record.payeeDeposit);
        }
    }

    function _checkTerms(Channel calldata channel) private view {
        if (
            channel.payer == address(0) || channel.payee == address(0) || channel.payerSigner == address(0)
                || channel.payeeSigner == address(0) || channel.token == address(0)
        ) revert ZeroAddress();
        if (channel.payer == channel.payee) revert SameParty(channel.payer);
        if (channel.payerSigner == channel.payeeSigner) revert SameSigner(channel.payerSigner);
        uint32 period = channel.challengePeriod;
        if (period < minChallengePeriod || period > maxChallengePeriod) {
            revert ChallengePeriodOutOfBounds(period, minChallengePeriod, maxChallengePeriod);
        }
    }

    function _raise(uint96 deposited, uint256 amount) private pure returns (uint96) {
        if (amount > MAX_DEPOSIT - deposited) revert DepositTooLarge(deposited, amount, MAX_DEPOSIT);
        return deposited + uint96(amount);
    }

    function _receive(
        address token,
        address from,
        uint256 amount,
        bytes32 nonce,
        Authorization calldata authorization
    ) private {
        bytes calldata signature = authorization.signature;
        uint256 validAfter = authorization.validAfter;
        uint256 validBefore = authorization.validBefore;
        IReceiveWithAuthorization receiver = IReceiveWithAuthorization(token);
        if (signature.length == ECDSA_SIGNATURE_LENGTH) {
            (bytes32 r, bytes32 s, uint8 v) = (bytes32(signature[0:32]), bytes32(signature[32:64]), uint8(signature[64]));
            receiver.receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, v, r, s);
        } else {
            receiver.receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, signature);
        }
    }

    function _requireBalance(address token, uint256 expected) private view {
        uint256 actual = _balance(token);
        if (actual != expected) revert UnexpectedBalance(expected, actual);
    }

    /* PAYMENTS FROM AN OPEN CHANNEL */

    /// @inheritdoc IChannels
    function withdraw(Channel calldata channel, Withdrawal calldata withdrawal, Signatures calldata signatures)
        external
        nonReentrant
    {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        if (record.phase != Phase.Open) revert ChannelNotOpen(id, record.phase);
        if (channel.oneWay) revert OneWayChannel(id);
        if (block.timestamp >= withdrawal.deadline) revert WithdrawalExpired(withdrawal.deadline, block.timestamp);
        _checkSignatures(channel, ChannelHash.hashWithdrawal(id, withdrawal), signatures);

        (uint256 payerAmount, uint256 payeeAmount) = _takeOut(record, withdrawal);

        emit Withdrawn(id, record.withdrawn, record.payeeWithdrawn);
        _pay(channel.token, channel.payer, payerAmount);
        _pay(channel.token, channel.payee, payeeAmount);
    }

    /// @dev Raises the withdrawn totals and returns by how much; a total that does not rise is not written.
    function _takeOut(Record storage record, Withdrawal calldata withdrawal)
        private
        returns (uint256 payerAmount, uint256 payeeAmount)
    {
        Totals memory totals = _totals(record, false);
        payerAmount = _saturatingSub(withdrawal.payerTotal, totals.payerWithdrawn);
        payeeAmount = _saturatingSub(withdrawal.payeeTotal, totals.payeeWithdrawn);
        if (payerAmount == 0 && payeeAmount == 0) {
            revert NothingToWithdraw(
                withdrawal.payerTotal, withdrawal.payeeTotal, totals.payerWithdrawn, totals.payeeWithdrawn
            );
        }
        uint256 payerWithdrawn = totals.payerWithdrawn + payerAmount;
        uint256 payeeWithdrawn = totals.payeeWithdrawn + payeeAmount;
        uint256 deposited = totals.payerDeposit + totals.payeeDeposit;
        if (payerWithdrawn + payeeWithdrawn > deposited) {
            revert WithdrawalExceedsDeposits(payerWithdrawn + payeeWithdrawn, deposited);
        }
        // Both totals are at most the deposits, which fit.
        if (payerAmount != 0) record.withdrawn = uint96(payerWithdrawn);
        if (payeeAmount != 0) record.payeeWithdrawn = uint96(payeeWithdrawn);
    }

    /// @inheritdoc IChannels
    function collect(Channel calldata channel, uint128 paid, Signature calldata payerSignature) external nonReentrant {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        _checkActive(id, record);
        if (!channel.oneWay) revert TwoWayChannel(id);
        if (record.phase == Phase.Closing) _checkBeforeDeadline(record);
        uint256 collected = record.withdrawn;
        uint256 deposited = record.payerDeposit;
        uint256 due = paid < deposited ? paid : deposited;
        if (due <= collected) revert NothingToCollect(paid, collected, deposited);
        _checkSignature(channel.payerSigner, ChannelHash.hashVoucher(id, paid), payerSignature);

        record.withdrawn = uint96(due); // at most the deposit

        emit Collected(id, uint96(due));
        _pay(channel.token, channel.payee, due - collected);
    }

    /* CLOSE */

    /// @inheritdoc IChannels
    function close(Channel calldata channel, int128 paid, Signatures calldata signatures) external nonReentrant {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        _checkActive(id, record);
        _checkSignatures(channel, ChannelHash.hashClose(id, paid), signatures);
        Totals memory totals = _totals(record, channel.oneWay);
        (int256 payerPaid, int256 payeePaid) = Payout.agreed(totals, paid);
        if (payerPaid < 0 || payeePaid < 0) revert CloseExceedsBalance(payerPaid, payeePaid);

        if (record.phase == Phase.Closing) _endDispute(record);
        record.phase = Phase.Settled;

        (uint96 payerAmount, uint96 payeeAmount) = (Payout.part(payerPaid), Payout.part(payeePaid));
        emit Closed(id, payerAmount, payeeAmount);
        _pay(channel.token, channel.payer, payerAmount);
        _pay(channel.token, channel.payee, payeeAmount);
    }

    /// @dev Forgets the disputed state, so that none of its locks can be resolved any more.
    function _endDispute(Record storage record) private {
        record.deadline = 0;
        if (record.sequence == 0) return;
        (record.payerPaid, record.payeePaid, record.sequence) = (0, 0, 0);
        (record.payerPool, record.payeePool, record.locksRoot) = (0, 0, 0);
    }

    /// @inheritdoc IChannels
    function startClose(Channel calldata channel) external {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        uint40 deadline = _startClose(id, record, channel);

        State memory state;
        // What was collected is below 2^96.
        if (channel.oneWay) state.paid = int128(uint128(record.withdrawn));
        emit ClosingStarted(id, deadline, state);
    }

    /// @inheritdoc IChannels
    function startClose(Channel calldata channel, State calldata state, Signatures calldata signatures) external {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        uint40 deadline = _startClose(id, record, channel);
        _dispute(id, record, channel, state, signatures);

        emit ClosingStarted(id, deadline, state);
    }

    function _startClose(bytes32 id, Record storage record, Channel calldata channel)
        private
        returns (uint40 deadline)
    {
        if (record.phase != Phase.Open) revert ChannelNotOpen(id, record.phase);
        if (
            msg.sender != channel.payer && msg.sender != channel.payerSigner && msg.sender != channel.payee
                && msg.sender != channel.payeeSigner
        ) revert NotParty(msg.sender);

        deadline = uint40(block.timestamp + channel.challengePeriod);
        record.deadline = deadline;
        record.phase = Phase.Closing;
    }

    /// @inheritdoc IChannels
    function challenge(Channel calldata channel, State calldata state, Signatures calldata signatures) external {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        if (record.phase != Phase.Closing) revert ChannelNotClosing(id, record.phase);
        _checkBeforeDeadline(record);
        _dispute(id, record, channel, state, signatures);

        emit Challenged(id, state);
    }

    /// @dev Makes a co-signed, newer state the disputed one.
    function _dispute(
        bytes32 id,
        Record storage record,
        Channel calldata channel,
        State calldata state,
        Signatures calldata signatures
    ) private {
        if (channel.oneWay) revert OneWayChannel(id);
        uint64 current = record.sequence;
        if (state.sequence <= current) revert SequenceNotHigher(state.sequence, current);
        _checkSignatures(channel, ChannelHash.hashState(id, state), signatures);

        Totals memory totals = _totals(record, false);
        Split memory split = Payout.split(totals, state.paid, state.payerLocked, state.payeeLocked);
        uint256 left = Payout.left(totals);
        bool hadLocks = current != 0 && uint256(record.payerPaid) + record.payeePaid != left;
        bool hasLocks = split.payerPaid + split.payeePaid != left;

        record.payerPaid = split.payerPaid;
        record.payeePaid = split.payeePaid;
        record.sequence = state.sequence;
        if (hadLocks || hasLocks) {
            record.payerPool = split.payerPool;
            record.payeePool = split.payeePool;
            record.locksRoot = hasLocks ? state.locksRoot : bytes32(0);
        }
    }

    /// @inheritdoc IChannels
    function settle(Channel calldata channel) external nonReentrant {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        if (record.phase != Phase.Closing) revert ChannelNotClosing(id, record.phase);
        if (block.timestamp < record.deadline) revert ChallengePeriodRunning(record.deadline, block.timestamp);

        Split memory split = _outcome(record);
        record.phase = Phase.Settled;

        emit Settled(id, split.payerPaid, split.payeePaid, split.payerPool, split.payeePool);
        _pay(channel.token, channel.payer, split.payerPaid);
        _pay(channel.token, channel.payee, split.payeePaid);
    }

    /// @dev The split that `settle` pays: the disputed state's, or without one that of what the chain knows.
    function _outcome(Record storage record) private view returns (Split memory split) {
        if (record.sequence == 0) {
            int256 paid = record.oneWay ? int256(uint256(record.withdrawn)) : int256(0);
            return Payout.split(_totals(record, record.oneWay), paid, 0, 0);
        }
        split.payerPaid = record.payerPaid;
        split.payeePaid = record.payeePaid;
        split.payerPool = record.payerPool;
        split.payeePool = record.payeePool;
    }

    /* CLAIMS */

    /// @inheritdoc IChannels
    function claim(address token, address to) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        uint256 amount = claims[token][msg.sender];
        if (amount == 0) revert NothingToClaim(token, msg.sender);

        delete claims[token][msg.sender];

        emit Claimed(token, msg.sender, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @dev Pushes a payout; one that fails becomes a claim, so that it never holds up anybody else (INV-8).
    ///      Nobody gains by starving the transfer of gas: what the 63/64 rule leaves could not record the claim.
    function _pay(address token, address to, uint256 amount) private {
        if (amount == 0 || IERC20(token).trySafeTransfer(to, amount)) return;

        claims[token][to] += amount;
        emit ClaimRecorded(token, to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IChannels
    function channelId(Channel calldata channel) external view returns (bytes32) {
        return _id(channel);
    }

    /// @inheritdoc IChannels
    function getChannel(bytes32 id) external view returns (ChannelView memory channelView) {
        Record storage record = _records[id];
        Totals memory totals = _totals(record, record.oneWay);
        channelView.phase = record.phase;
        channelView.deadline = record.deadline;
        channelView.payerDeposit = uint96(totals.payerDeposit);
        channelView.payerWithdrawn = uint96(totals.payerWithdrawn);
        channelView.payeeDeposit = uint96(totals.payeeDeposit);
        channelView.payeeWithdrawn = uint96(totals.payeeWithdrawn);
        if (record.deadline == 0) return channelView;

        Split memory split = _outcome(record);
        channelView.sequence = record.sequence;
        channelView.payerPaid = split.payerPaid;
        channelView.payeePaid = split.payeePaid;
        channelView.payerPool = split.payerPool;
        channelView.payeePool = split.payeePool;
        channelView.locksRoot = record.locksRoot;
    }

    /// @inheritdoc IChannels
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL */

    function _id(Channel calldata channel) private view returns (bytes32) {
        return _hashTypedDataV4(ChannelHash.hashChannel(channel));
    }

    function _totals(Record storage record, bool oneWay) private view returns (Totals memory totals) {
        totals.payerDeposit = record.payerDeposit;
        if (oneWay) {
            totals.payeeWithdrawn = record.withdrawn;
        } else {
            totals.payerWithdrawn = record.withdrawn;
            totals.payeeDeposit = record.payeeDeposit;
            totals.payeeWithdrawn = record.payeeWithdrawn;
        }
    }

    function _checkActive(bytes32 id, Record storage record) private view {
        Phase phase = record.phase;
        if (phase != Phase.Open && phase != Phase.Closing) revert ChannelNotActive(id, phase);
    }

    function _checkBeforeDeadline(Record storage record) private view {
        if (block.timestamp >= record.deadline) revert ChallengePeriodOver(record.deadline, block.timestamp);
    }

    function _checkSignatures(Channel calldata channel, bytes32 structHash, Signatures calldata signatures)
        private
        view
    {
        _checkSignature(channel.payerSigner, structHash, signatures.payer);
        _checkSignature(channel.payeeSigner, structHash, signatures.payee);
    }

    /// @dev Only ECDSA: what an ERC-1271 wallet signed it could revoke, and its counterparty relies on it.
    function _checkSignature(address expected, bytes32 structHash, Signature calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(structHash);
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
        if (err != ECDSA.RecoverError.NoError || recovered != expected) revert InvalidSignature(expected, recovered);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    function _saturatingSub(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : 0;
    }
}
