// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IChannels} from "./interfaces/IChannels.sol";
import {ChannelHash} from "./libraries/ChannelHash.sol";
import {Incoming} from "./libraries/Incoming.sol";
import {Locks} from "./libraries/Locks.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {Payout} from "./libraries/Payout.sol";
import {Record} from "./libraries/Records.sol";
import {Signing} from "./libraries/Signing.sol";
import {
    Authorization,
    Challenge,
    Channel,
    ChannelView,
    CloseIntent,
    Collect,
    Lock,
    Permit,
    Phase,
    Signature,
    Signatures,
    State,
    Unlock,
    Withdrawal
} from "./types/ChannelTypes.sol";

/// @title Channels
/// @notice Payment channels for any ERC-20 token: docs/protocol.md, section 2.
/// @dev Reads from top to bottom; in every function: checks, effects, event, interaction. `challenge` and `startClose`
///      call nothing outside and so need no reentrancy guard.
///
///      What a batch can do too returns its error, encoded, instead of reverting with it: empty means done. A single
///      call reverts with it, a batch emits it and goes on.
contract Channels is IChannels, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev Payouts of a batch that go out as one transfer: those that follow one another in one token to one receiver.
    struct Run {
        address token;
        address to;
        uint256 amount;
    }

    /// @inheritdoc IChannels
    uint32 public immutable minChallengePeriod;
    /// @inheritdoc IChannels
    uint32 public immutable maxChallengePeriod;

    // Written through storage references, which slither does not follow.
    // slither-disable-next-line uninitialized-state
    mapping(bytes32 channelId => Record) private _records;

    /// @inheritdoc IChannels
    mapping(address token => mapping(address creditor => uint256 amount)) public claims;

    /// @notice Sets the bounds of every channel's challenge period.
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

        Incoming.take(channel.token, amount);
    }

    /// @inheritdoc IChannels
    function depositWithPermit(Channel calldata channel, bool forPayee, uint256 amount, Permit calldata permit)
        external
        nonReentrant
    {
        if (msg.sender != (forPayee ? channel.payee : channel.payer)) revert NotParty(msg.sender);
        _credit(_id(channel), channel, forPayee, amount);

        Incoming.takeWithPermit(channel.token, amount, permit);
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

        address from = forPayee ? channel.payee : channel.payer;
        bytes32 nonce = keccak256(abi.encode(id, authorization.authSalt));
        Incoming.takeWithAuthorization(channel.token, from, amount, nonce, authorization);
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

        record.raise(forPayee, amount);

        if (opens) {
            // Both deposits are known here, so the payee's slot is not read.
            uint96 first = SafeCast.toUint96(amount);
            emit ChannelOpened(id, channel.payer, channel.payee, channel, forPayee ? 0 : first, forPayee ? first : 0);
        } else {
            emit Deposited(id, record.payerDeposit, record.hasPayeeSide ? record.payeeDeposit : 0);
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
        _revertIf(_checkSignatures(channel, ChannelHash.hashWithdrawal(id, withdrawal), signatures));

        (uint256 payerAmount, uint256 payeeAmount) = record.takeOut(withdrawal);

        emit Withdrawn(id, record.withdrawn, record.hasPayeeSide ? record.payeeWithdrawn : 0);
        _payBoth(channel, payerAmount, payeeAmount);
    }

    /// @inheritdoc IChannels
    function collect(Channel calldata channel, uint128 paid, Signature calldata payerSignature) external nonReentrant {
        bytes32 id = _id(channel);
        (uint256 amount, bytes memory err) = _collect(id, channel, paid, payerSignature);
        _revertIf(err);
        _pay(channel.token, channel.payee, amount);
    }

    /// @inheritdoc IChannels
    function collectMany(Collect[] calldata items) external nonReentrant {
        Run memory run = Run(address(0), address(0), 0);
        for (uint256 i = 0; i < items.length; ++i) {
            Collect calldata item = items[i];
            Channel calldata channel = item.channel;
            bytes32 id = _id(channel);
            (uint256 amount, bytes memory err) = _collect(id, channel, item.paid, item.payerSignature);
            if (err.length == 0) _extend(run, channel.token, channel.payee, amount);
            else emit Skipped(id, err);
        }
        _payRun(run);
    }

    /// @dev Records what a voucher collects; the callers pay it.
    function _collect(bytes32 id, Channel calldata channel, uint128 paid, Signature calldata payerSignature)
        private
        returns (uint256 amount, bytes memory err)
    {
        Record storage record = _records[id];
        err = _checkCollectable(id, record, channel);
        if (err.length != 0) return (0, err);
        (uint96 deposited, uint96 collected) = (record.payerDeposit, record.withdrawn);
        uint96 due = _due(paid, deposited);
        if (due <= collected) {
            return (0, abi.encodeWithSelector(NothingToCollect.selector, paid, collected, deposited));
        }
        err = _checkVoucher(id, channel, paid, payerSignature);
        if (err.length != 0) return (0, err);

        record.withdrawn = due;

        emit Collected(id, due);
        return (due - collected, err);
    }

    function _checkCollectable(bytes32 id, Record storage record, Channel calldata channel)
        private
        view
        returns (bytes memory err)
    {
        Phase phase = record.phase;
        if (!_isActive(phase)) return abi.encodeWithSelector(ChannelNotActive.selector, id, phase);
        if (!channel.oneWay) return abi.encodeWithSelector(TwoWayChannel.selector, id);
        if (phase == Phase.Closing) return _checkBeforeDeadline(record);
    }

    function _checkVoucher(bytes32 id, Channel calldata channel, uint128 paid, Signature calldata payerSignature)
        private
        view
        returns (bytes memory err)
    {
        return Signing.check(channel.payerSigner, _hashTypedDataV4(ChannelHash.hashVoucher(id, paid)), payerSignature);
    }

    /// @dev What the payee has a right to by a voucher, as far as the deposit goes.
    function _due(uint128 paid, uint96 deposited) private pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return paid < deposited ? uint96(paid) : deposited; // below a uint96
    }

    /* CLOSE */

    /// @inheritdoc IChannels
    function close(Channel calldata channel, int128 paid, Signatures calldata signatures) external nonReentrant {
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        if (!_isActive(record.phase)) revert ChannelNotActive(id, record.phase);
        _revertIf(_checkSignatures(channel, ChannelHash.hashClose(id, paid), signatures));
        (uint96 left, int256 payerFunds) = record.funds(channel.oneWay);
        int256 payerBalance = payerFunds - paid;
        if (payerBalance < 0 || payerBalance > int256(uint256(left))) revert CloseExceedsBalance(payerBalance, left);

        if (record.phase == Phase.Closing) record.endDispute();
        record.phase = Phase.Settled;

        // Nothing is locked in an agreed close: both pools are empty.
        // slither-disable-next-line unused-return
        (uint96 payerPaid, uint96 payeePaid,,) = Payout.split(left, payerBalance, 0, 0);
        emit Closed(id, payerPaid, payeePaid);
        _payBoth(channel, payerPaid, payeePaid);
    }

    /// @inheritdoc IChannels
    function closeOneWay(Channel calldata channel, uint128 paid, Signature calldata payerSignature)
        external
        nonReentrant
    {
        if (msg.sender != channel.payee && msg.sender != channel.payeeSigner) revert NotPayee(msg.sender);
        bytes32 id = _id(channel);
        Record storage record = _records[id];
        _revertIf(_checkCollectable(id, record, channel));
        (uint96 deposited, uint96 collected) = (record.payerDeposit, record.withdrawn);
        uint96 due = _due(paid, deposited);
        if (due > collected) _revertIf(_checkVoucher(id, channel, paid, payerSignature));
        else due = collected;

        record.withdrawn = due;
        record.deadline = 0;
        record.phase = Phase.Settled;

        if (due != collected) emit Collected(id, due);
        emit Closed(id, deposited - due, 0);
        _payBoth(channel, deposited - due, due - collected);
    }

    /// @inheritdoc IChannels
    function startClose(Channel calldata channel) external {
        _checkCaller(channel);
        _startClose(_id(channel), channel);
    }

    /// @inheritdoc IChannels
    function startClose(Channel calldata channel, State calldata state, Signatures calldata signatures) external {
        _checkCaller(channel);
        _startClose(_id(channel), channel, state, signatures);
    }

    /// @inheritdoc IChannels
    function startClose(Channel calldata channel, CloseIntent calldata intent, Signature calldata intentSignature)
        external
    {
        bytes32 id = _id(channel);
        _checkIntent(id, channel, 0, intent, intentSignature);
        _startClose(id, channel);
    }

    /// @inheritdoc IChannels
    function startClose(
        Channel calldata channel,
        State calldata state,
        Signatures calldata signatures,
        CloseIntent calldata intent,
        Signature calldata intentSignature
    ) external {
        bytes32 id = _id(channel);
        _checkIntent(id, channel, state.sequence, intent, intentSignature);
        _startClose(id, channel, state, signatures);
    }

    function _checkCaller(Channel calldata channel) private view {
        if (
            msg.sender != channel.payer && msg.sender != channel.payerSigner && msg.sender != channel.payee
                && msg.sender != channel.payeeSigner
        ) revert NotParty(msg.sender);
    }

    function _checkIntent(
        bytes32 id,
        Channel calldata channel,
        uint64 sequence,
        CloseIntent calldata intent,
        Signature calldata signature
    ) private view {
        if (block.timestamp >= intent.deadline) {
            revert IntentExpired(intent.deadline, block.timestamp);
        }
        if (sequence < intent.minSequence) revert SequenceBelowIntent(sequence, intent.minSequence);
        address signer = Signing.recover(_hashTypedDataV4(ChannelHash.hashCloseIntent(id, intent)), signature);
        // What cannot be recovered is the zero address, and no signer is.
        if (signer != channel.payerSigner && signer != channel.payeeSigner) revert NotSigner(signer);
    }

    function _startClose(bytes32 id, Channel calldata channel) private {
        Record storage record = _records[id];
        if (record.phase != Phase.Open) revert ChannelNotOpen(id, record.phase);

        uint40 deadline = uint40(block.timestamp + channel.challengePeriod);
        record.deadline = deadline;
        record.phase = Phase.Closing;

        emit ClosingStarted(id, deadline);
    }

    function _startClose(bytes32 id, Channel calldata channel, State calldata state, Signatures calldata signatures)
        private
    {
        _startClose(id, channel);
        _revertIf(_dispute(id, _records[id], channel, state, signatures));
    }

    /// @inheritdoc IChannels
    function challenge(Channel calldata channel, State calldata state, Signatures calldata signatures) external {
        _revertIf(_challenge(_id(channel), channel, state, signatures));
    }

    /// @inheritdoc IChannels
    function challengeMany(Challenge[] calldata items) external {
        for (uint256 i = 0; i < items.length; ++i) {
            Challenge calldata item = items[i];
            bytes32 id = _id(item.channel);
            bytes memory err = _challenge(id, item.channel, item.state, item.signatures);
            if (err.length != 0) emit Skipped(id, err);
        }
    }

    function _challenge(bytes32 id, Channel calldata channel, State calldata state, Signatures calldata signatures)
        private
        returns (bytes memory err)
    {
        Record storage record = _records[id];
        if (record.phase != Phase.Closing) return abi.encodeWithSelector(ChannelNotClosing.selector, id, record.phase);
        err = _checkBeforeDeadline(record);
        if (err.length == 0) err = _dispute(id, record, channel, state, signatures);
    }

    /// @dev Makes a co-signed, newer state the disputed one.
    function _dispute(
        bytes32 id,
        Record storage record,
        Channel calldata channel,
        State calldata state,
        Signatures calldata signatures
    ) private returns (bytes memory err) {
        if (channel.oneWay) return abi.encodeWithSelector(OneWayChannel.selector, id);
        uint64 current = record.sequence;
        if (state.sequence <= current) {
            return abi.encodeWithSelector(SequenceNotHigher.selector, state.sequence, current);
        }
        err = _checkSignatures(channel, ChannelHash.hashState(id, state), signatures);
        if (err.length != 0) return err;

        record.dispute(state);

        emit Challenged(id, state);
    }

    /// @inheritdoc IChannels
    function settle(Channel calldata channel) external nonReentrant {
        (uint256 payerPaid, uint256 payeePaid, bytes memory err) = _settle(_id(channel));
        _revertIf(err);
        _payBoth(channel, payerPaid, payeePaid);
    }

    /// @inheritdoc IChannels
    function settleMany(Channel[] calldata items) external nonReentrant {
        Run memory payerRun = Run(address(0), address(0), 0);
        Run memory payeeRun = Run(address(0), address(0), 0);
        for (uint256 i = 0; i < items.length; ++i) {
            Channel calldata channel = items[i];
            bytes32 id = _id(channel);
            (uint256 payerPaid, uint256 payeePaid, bytes memory err) = _settle(id);
            if (err.length == 0) {
                _extend(payerRun, channel.token, channel.payer, payerPaid);
                _extend(payeeRun, channel.token, channel.payee, payeePaid);
            } else {
                emit Skipped(id, err);
            }
        }
        _payRun(payerRun);
        _payRun(payeeRun);
    }

    /// @dev Ends the channel; the callers pay.
    function _settle(bytes32 id) private returns (uint96 payerPaid, uint96 payeePaid, bytes memory err) {
        Record storage record = _records[id];
        if (record.phase != Phase.Closing) {
            return (0, 0, abi.encodeWithSelector(ChannelNotClosing.selector, id, record.phase));
        }
        if (block.timestamp < record.deadline) {
            err = abi.encodeWithSelector(ChallengePeriodRunning.selector, record.deadline, block.timestamp);
            return (0, 0, err);
        }

        uint96 payerPool;
        uint96 payeePool;
        (payerPaid, payeePaid, payerPool, payeePool) = record.outcome();
        record.phase = Phase.Settled;

        emit Settled(id, payerPaid, payeePaid, payerPool, payeePool);
    }

    /* LOCKS */

    /// @inheritdoc IChannels
    function unlock(Channel calldata channel, Lock calldata lock, bytes32[] calldata proof) external nonReentrant {
        (uint256 payerAmount, uint256 payeeAmount, bytes memory err) = _unlock(_id(channel), lock, proof);
        _revertIf(err);
        _payBoth(channel, payerAmount, payeeAmount);
    }

    /// @inheritdoc IChannels
    function unlockMany(Unlock[] calldata items) external nonReentrant {
        Run memory payerRun = Run(address(0), address(0), 0);
        Run memory payeeRun = Run(address(0), address(0), 0);
        for (uint256 i = 0; i < items.length; ++i) {
            Channel calldata channel = items[i].channel;
            bytes32 id = _id(channel);
            (uint256 payerAmount, uint256 payeeAmount, bytes memory err) = _unlock(id, items[i].lock, items[i].proof);
            if (err.length == 0) {
                _extend(payerRun, channel.token, channel.payer, payerAmount);
                _extend(payeeRun, channel.token, channel.payee, payeeAmount);
            } else {
                emit Skipped(id, err);
            }
        }
        _payRun(payerRun);
        _payRun(payeeRun);
    }

    /// @dev Takes a lock's amount out of its sender's pool; the callers pay.
    function _unlock(bytes32 id, Lock calldata lock, bytes32[] calldata proof)
        private
        returns (uint96 payerAmount, uint96 payeeAmount, bytes memory err)
    {
        Record storage record = _records[id];
        uint256 resolved = record.resolved;
        uint256 bit = uint256(1) << lock.index;
        err = _checkUnlockable(id, record, resolved & bit != 0, lock, proof);
        if (err.length != 0) return (0, 0, err);
        (bool pending, uint256 shareBps) = Locks.resolve(lock);
        if (pending) {
            err = abi.encodeWithSelector(LockPending.selector, lock.id, lock.expiry, block.timestamp);
            return (0, 0, err);
        }

        record.resolved = resolved | bit;
        (uint96 payerPool, uint96 payeePool) = (record.payerPool, record.payeePool);
        if (lock.fromPayer) {
            (payerAmount, payeeAmount, payerPool) = Locks.divide(lock.amount, payerPool, shareBps);
            record.payerPool = payerPool;
        } else {
            (payeeAmount, payerAmount, payeePool) = Locks.divide(lock.amount, payeePool, shareBps);
            record.payeePool = payeePool;
        }

        emit Unlocked(id, lock.id, lock.index, payerAmount, payeeAmount, payerPool, payeePool);
    }

    function _checkUnlockable(
        bytes32 id,
        Record storage record,
        bool resolved,
        Lock calldata lock,
        bytes32[] calldata proof
    ) private view returns (bytes memory err) {
        if (record.phase != Phase.Settled) {
            return abi.encodeWithSelector(ChannelNotSettled.selector, id, record.phase);
        }
        if (resolved) return abi.encodeWithSelector(LockResolved.selector, id, lock.index);
        bytes32 root = record.locksRoot;
        if (!Locks.isIn(lock, root, proof)) return abi.encodeWithSelector(InvalidProof.selector, id, lock.id, root);
        // Starved of gas a condition would seem undecided.
        uint256 available = gasleft();
        if (available < Outcomes.MIN_GAS) {
            return abi.encodeWithSelector(InsufficientGas.selector, available, Outcomes.MIN_GAS);
        }
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

    function _payBoth(Channel calldata channel, uint256 payerAmount, uint256 payeeAmount) private {
        _pay(channel.token, channel.payer, payerAmount);
        _pay(channel.token, channel.payee, payeeAmount);
    }

    function _payRun(Run memory run) private {
        _pay(run.token, run.to, run.amount);
    }

    /// @dev Adds a payout to a run, and pays the run that it does not belong to.
    function _extend(Run memory run, address token, address to, uint256 amount) private {
        if (token != run.token || to != run.to) {
            _payRun(run);
            (run.token, run.to, run.amount) = (token, to, 0);
        }
        run.amount += amount;
    }

    /* VIEWS */

    /// @inheritdoc IChannels
    function channelId(Channel calldata channel) external view returns (bytes32) {
        return _id(channel);
    }

    /// @inheritdoc IChannels
    function getChannel(bytes32 id) external view returns (ChannelView memory) {
        return _records[id].look();
    }

    /// @inheritdoc IChannels
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL */

    function _id(Channel calldata channel) private view returns (bytes32) {
        return _hashTypedDataV4(ChannelHash.hashChannel(channel));
    }

    function _isActive(Phase phase) private pure returns (bool) {
        return phase == Phase.Open || phase == Phase.Closing;
    }

    function _checkBeforeDeadline(Record storage record) private view returns (bytes memory err) {
        if (block.timestamp >= record.deadline) {
            return abi.encodeWithSelector(ChallengePeriodOver.selector, record.deadline, block.timestamp);
        }
    }

    function _checkSignatures(Channel calldata channel, bytes32 structHash, Signatures calldata signatures)
        private
        view
        returns (bytes memory err)
    {
        bytes32 digest = _hashTypedDataV4(structHash);
        err = Signing.check(channel.payerSigner, digest, signatures.payer);
        if (err.length == 0) err = Signing.check(channel.payeeSigner, digest, signatures.payee);
    }

    function _revertIf(bytes memory err) private pure {
        if (err.length != 0) LowLevelCall.bubbleRevert(err);
    }
}
