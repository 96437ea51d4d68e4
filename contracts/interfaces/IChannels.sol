// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

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
} from "../types/ChannelTypes.sol";

/// @title IChannels
/// @notice Payment channels for any ERC-20 token, all in one contract without owner, upgrade, pause or fee.
/// @dev The rules are docs/protocol.md, sections 2 and 5; INV-n names its invariants. "Before t" is timestamp < t.
///
/// Assumptions about a channel's token. A token that breaks one can harm the channels that hold it, no others:
/// - A balance changes by transfers only: no rebasing, no interest, no fee that is switched on later.
/// - A transfer that succeeds moves exactly its amount; one that fails reverts or returns false.
/// - It has no greatest amount below a balance: payouts of a batch, and a creditor's claims, go out as one transfer.
/// - It calls no hooks of the receiver. Reentrance is refused, but a hook could make its receiver's payout fail.
/// - It does not blacklist this contract, which would freeze every channel of the token.
/// - Its transfer does not burn all gas it is given: then only a transaction with gas to spare can record a claim.
///
/// @dev Warning: signers are plain ECDSA keys. A party whose signer is its own address keeps that key's power even if
/// the address becomes a smart wallet (EIP-7702).
/// @dev Warning: the parties' software checks what it signs. A state that locks more than its locks promise, or locks
/// without a root, leaves the difference in a pool for ever; so does the second of two locks with one index.
interface IChannels {
    /* EVENTS */

    /// @notice The first deposit opened a channel. Emits all terms, so that the channel can be found from logs alone.
    event ChannelOpened(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        Channel channel,
        uint96 payerDeposit,
        uint96 payeeDeposit
    );

    /// @notice A later deposit; carries the new totals.
    event Deposited(bytes32 indexed channelId, uint96 payerDeposit, uint96 payeeDeposit);

    /// @notice A withdrawal from a two-way channel; carries the new totals.
    event Withdrawn(bytes32 indexed channelId, uint96 payerWithdrawn, uint96 payeeWithdrawn);

    /// @notice The payee of a one-way channel was paid; carries the new total.
    event Collected(bytes32 indexed channelId, uint96 collected);

    /// @notice A one-sided close began, with what the chain knows: nothing paid, or what was collected.
    /// @param deadline When the challenge period ends, in seconds since the epoch; it never moves.
    event ClosingStarted(bytes32 indexed channelId, uint40 deadline);

    /// @notice A state became the disputed one: right with the close, or in place of what was disputed before.
    /// @param state The state in full, so that a party that lost its data can recover it.
    event Challenged(bytes32 indexed channelId, State state);

    /// @notice Both parties agreed on a close, or the payee of a one-way channel gave back the rest; what was left has
    ///         been paid out. What `closeOneWay` collected is in a `Collected` event before it.
    event Closed(bytes32 indexed channelId, uint96 payerPaid, uint96 payeePaid);

    /// @notice A disputed close ended: paid to both sides, and left in both pools for pending locks.
    event Settled(bytes32 indexed channelId, uint96 payerPaid, uint96 payeePaid, uint96 payerPool, uint96 payeePool);

    /// @notice A lock was resolved: its amount, as far as its sender's pool went, was paid to the two sides; carries what
    ///         is left in the pools.
    event Unlocked(
        bytes32 indexed channelId,
        bytes32 indexed lockId,
        uint8 index,
        uint96 payerAmount,
        uint96 payeeAmount,
        uint96 payerPool,
        uint96 payeePool
    );

    /// @notice An item of a batch was skipped.
    /// @param reason The error, ABI-encoded, with which the single call would have reverted.
    event Skipped(bytes32 indexed channelId, bytes reason);

    /// @notice A payout could not be pushed and waits for its creditor.
    /// @param amount What was added to the creditor's claim: `claims` tells how much there is in all.
    event ClaimRecorded(address indexed token, address indexed creditor, uint256 amount);

    /// @notice A creditor took its claim.
    event Claimed(address indexed token, address indexed creditor, address indexed to, uint256 amount);

    /* ERRORS */

    /// @notice The constructor's bounds are empty or begin at zero.
    error InvalidChallengePeriodBounds(uint32 minimum, uint32 maximum);

    /// @notice A party, a signer, the token or a receiver is the zero address.
    error ZeroAddress();

    /// @notice Payer and payee are the same address.
    error SameParty(address party);

    /// @notice Both sides have the same signer.
    error SameSigner(address signer);

    /// @notice The challenge period is outside this contract's bounds.
    error ChallengePeriodOutOfBounds(uint32 challengePeriod, uint32 minimum, uint32 maximum);

    /// @notice A deposit of nothing.
    error ZeroAmount();

    /// @notice The deposit would raise its side's total above the maximum.
    error DepositTooLarge(uint256 deposited, uint256 amount, uint256 maximum);

    /// @notice The token did not bring exactly the amount deposited.
    error UnexpectedBalance(uint256 expected, uint256 actual);

    /// @notice The call needs an open channel (or, to deposit, an unknown one).
    error ChannelNotOpen(bytes32 channelId, Phase phase);

    /// @notice The call needs a closing channel.
    error ChannelNotClosing(bytes32 channelId, Phase phase);

    /// @notice The call needs an open or closing channel.
    error ChannelNotActive(bytes32 channelId, Phase phase);

    /// @notice The call needs a settled channel.
    error ChannelNotSettled(bytes32 channelId, Phase phase);

    /// @notice The call is for two-way channels only.
    error OneWayChannel(bytes32 channelId);

    /// @notice The call is for one-way channels only.
    error TwoWayChannel(bytes32 channelId);

    /// @notice The caller is none of the parties and signers that may call this.
    error NotParty(address caller);

    /// @notice The caller is neither the payee nor its signer.
    error NotPayee(address caller);

    /// @notice The close intent is not by the signer of either party; zero if its signature is malformed or high-s.
    error NotSigner(address recovered);

    /// @notice The close intent's deadline has passed.
    error IntentExpired(uint256 deadline, uint256 timestamp);

    /// @notice The close intent wants a later state.
    error SequenceBelowIntent(uint64 sequence, uint64 minSequence);

    /// @notice A signature is not by the expected signer; `recovered` is zero if it is malformed or high-s.
    error InvalidSignature(address expected, address recovered);

    /// @notice The state does not come after the one the contract has.
    error SequenceNotHigher(uint64 sequence, uint64 current);

    /// @notice The challenge period has ended.
    error ChallengePeriodOver(uint256 deadline, uint256 timestamp);

    /// @notice The challenge period has not ended yet.
    error ChallengePeriodRunning(uint256 deadline, uint256 timestamp);

    /// @notice The withdrawal's own deadline has passed.
    error WithdrawalExpired(uint256 deadline, uint256 timestamp);

    /// @notice The withdrawal raises neither total; it was used already, or a later one was.
    error NothingToWithdraw(uint256 payerTotal, uint256 payeeTotal, uint256 payerWithdrawn, uint256 payeeWithdrawn);

    /// @notice The withdrawal takes more than both deposits together.
    error WithdrawalExceedsDeposits(uint256 withdrawn, uint256 deposited);

    /// @notice The voucher pays nothing beyond what was collected, or the deposit is used up.
    error NothingToCollect(uint256 paid, uint256 collected, uint256 deposited);

    /// @notice The agreed close gives the payer less than nothing, or more than what is left.
    error CloseExceedsBalance(int256 payerBalance, uint256 left);

    /// @notice The lock with this index was resolved already.
    error LockResolved(bytes32 channelId, uint8 index);

    /// @notice The lock is not among those of the state that was settled.
    error InvalidProof(bytes32 channelId, bytes32 lockId, bytes32 locksRoot);

    /// @notice The lock's condition is undecided, and may still decide until its expiry, inclusive.
    error LockPending(bytes32 lockId, uint40 expiry, uint256 timestamp);

    /// @notice Too little gas is left to ask a condition: send the transaction with more.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice The caller has no claim in this token.
    error NothingToClaim(address token, address creditor);

    /* DEPOSITS */

    /// @notice Deposits `amount` from the caller's balance for one side; the first deposit of an id opens the channel.
    /// @dev Anyone may deposit for anyone. A stranger's dust blocks nobody: the parties sign over the id, so what it
    ///      opens is what they wanted, and later deposits add to it.
    /// @dev Warning: needs an allowance for this contract. Deposits for the payee are refused on a one-way channel.
    function deposit(Channel calldata channel, bool forPayee, uint256 amount) external;

    /// @notice Deposits from the payee's balance if `forPayee`, else from the payer's, by EIP-3009; the caller pays for
    ///         the gas.
    /// @dev The token's nonce commits to the channel's id: the signed transfer can fund this channel on these terms and
    ///      nothing else, whoever relays it. A 65-byte signature goes in the v, r, s form that every version of USDC
    ///      has, any other length in the bytes form.
    function depositWithAuthorization(
        Channel calldata channel,
        bool forPayee,
        uint256 amount,
        Authorization calldata authorization
    ) external;

    /// @notice Deposits from the caller's balance with an EIP-2612 permit over `amount`. Only the party credited may
    ///         call: a permit names no terms, so a stranger could choose them.
    /// @dev A permit that somebody sent first blocks nothing: the allowance is there then.
    function depositWithPermit(Channel calldata channel, bool forPayee, uint256 amount, Permit calldata permit) external;

    /* PAYMENTS FROM AN OPEN CHANNEL */

    /// @notice Raises each withdrawn total of a two-way channel to the signed one, where that is higher, and pays the
    ///         differences. Anyone may call, before the withdrawal's deadline.
    /// @dev Totals are absolute, so no withdrawal works twice and none makes a signed state stale.
    /// @dev Warning: the contract does not weigh a withdrawal against states. The parties sign one only if both keep a
    ///      balance in all they have signed.
    function withdraw(Channel calldata channel, Withdrawal calldata withdrawal, Signatures calldata signatures) external;

    /// @notice Pays the payee of a one-way channel what the voucher says less what was collected, as far as the deposit
    ///         goes. Anyone may call while the channel is open, and in the challenge period.
    /// @dev Records what was really paid, so a later top-up can satisfy the rest of the same voucher (INV-10).
    function collect(Channel calldata channel, uint128 paid, Signature calldata payerSignature) external;

    /// @notice `collect`, item by item, with one transfer per run of items with the same payee and token. An item that
    ///         `collect` would refuse is skipped and reported by `Skipped`.
    /// @dev Sort by payee and token. Warning: group trusted tokens only; one that burns its gas starves the others.
    function collectMany(Collect[] calldata items) external;

    /* CLOSE */

    /// @notice Pays out at once as both parties signed: `payerDeposit - payerWithdrawn - paid` to the payer, the rest
    /// to the payee. Anyone may call, while the channel is open or closing.
    /// @dev A deposit that slips in front goes to its owner and breaks nothing. Ends a dispute and its locks.
    function close(Channel calldata channel, int128 paid, Signatures calldata signatures) external;

    /// @notice Ends a one-way channel at once: collects the voucher for the payee and returns the rest to the payer. Only
    ///         the payee or its signer may call, when `collect` could be.
    /// @dev A voucher at or below what was collected collects nothing, and its signature is not read.
    function closeOneWay(Channel calldata channel, uint128 paid, Signature calldata payerSignature) external;

    /// @notice Begins the challenge period with what the chain knows: nothing paid, or what was collected.
    /// @dev Only a party or its signer may call.
    /// @dev Warning: on a two-way channel the counterparty answers with the newest state; without an answer all
    /// payments count as not made. On a one-way channel the payee must collect before the deadline.
    function startClose(Channel calldata channel) external;

    /// @notice Begins the challenge period of a two-way channel with a co-signed state.
    /// @dev Only a party or its signer may call: a third party that merely holds a state cannot force a close.
    function startClose(Channel calldata channel, State calldata state, Signatures calldata signatures) external;

    /// @notice Begins the challenge period with what the chain knows, for a party whose signer signed the intent. Anyone
    ///         may call, before the intent's deadline, if its `minSequence` is zero.
    function startClose(Channel calldata channel, CloseIntent calldata intent, Signature calldata intentSignature)
        external;

    /// @notice Begins it with a co-signed state of at least the intent's `minSequence`. Anyone may call, before the
    ///         intent's deadline.
    function startClose(
        Channel calldata channel,
        State calldata state,
        Signatures calldata signatures,
        CloseIntent calldata intent,
        Signature calldata intentSignature
    ) external;

    /// @notice Replaces the disputed state by one with a strictly higher sequence. Anyone may call, before the deadline.
    /// @dev The deadline does not move (INV-4), and nothing outside is called.
    function challenge(Channel calldata channel, State calldata state, Signatures calldata signatures) external;

    /// @notice `challenge`, item by item; one that it would refuse is skipped and reported by `Skipped`.
    /// @dev Judge by events: the transaction succeeds even if every item is skipped.
    function challengeMany(Challenge[] calldata items) external;

    /// @notice Pays both sides when the challenge period is over, from chain data alone. Anyone may call.
    /// @dev Never refuses for insolvency; see `Payout.split`. What is locked stays in the two pools.
    function settle(Channel calldata channel) external;

    /// @notice `settle`, item by item; one that it would refuse is skipped and reported by `Skipped`.
    /// @dev Warning: group trusted tokens only; one that burns its gas starves the others.
    function settleMany(Channel[] calldata items) external;

    /* LOCKS */

    /// @notice Resolves one lock of the settled state, by its condition's outcome if that was decided at or before the
    ///         expiry, else, once that is past, back to its sender. Anyone may call; all locks are independent (INV-9).
    /// @dev Takes at most what is left in the sender's pool: a root that promises more than was locked, or a deposit that
    ///      vanished, takes nobody else's money. In such a pool the first unlock gets what there is, a refund too. Needs
    ///      210,000 gas at the moment it asks the condition.
    /// @param proof The siblings from the lock's leaf up to the root.
    function unlock(Channel calldata channel, Lock calldata lock, bytes32[] calldata proof) external;

    /// @notice `unlock`, item by item, with one transfer per run of items with the same party and token; one that it would
    ///         refuse is skipped and reported by `Skipped`.
    /// @dev Warning: group trusted tokens only; one that burns its gas starves the others.
    function unlockMany(Unlock[] calldata items) external;

    /* CLAIMS */

    /// @notice Pays the caller's claim in `token` to `to`; reverts if the transfer fails.
    function claim(address token, address to) external;

    /* VIEWS */

    /// @notice The channel's id: the EIP-712 digest of its terms under this contract's domain.
    function channelId(Channel calldata channel) external view returns (bytes32);

    /// @notice What the contract knows about a channel; all zero when the id is unknown.
    function getChannel(bytes32 id) external view returns (ChannelView memory);

    /// @notice What `creditor` can claim in `token`.
    function claims(address token, address creditor) external view returns (uint256);

    /// @notice The EIP-712 domain separator, for ("Penstock", "1", chain id, this contract).
    function domainSeparator() external view returns (bytes32);

    /// @notice The shortest challenge period accepted, in seconds.
    function minChallengePeriod() external view returns (uint32);

    /// @notice The longest challenge period accepted, in seconds.
    function maxChallengePeriod() external view returns (uint32);
}
