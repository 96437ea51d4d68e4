// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice The terms of a channel: passed in calldata, hashed into its id, never stored.
/// @dev The id is the EIP-712 digest of this struct, so it is worthless on another chain or contract.
struct Channel {
    /// @dev Pays; may be a smart wallet.
    address payer;
    /// @dev Is paid; may be a smart wallet.
    address payee;
    /// @dev The plain ECDSA key that signs for the payer: its own address or a session key, never zero.
    address payerSigner;
    /// @dev The plain ECDSA key that signs for the payee: its own address or a session key, never zero.
    address payeeSigner;
    /// @dev The ERC-20 token that the channel holds.
    address token;
    /// @dev Seconds between a one-sided close and its settlement.
    uint32 challengePeriod;
    /// @dev True: only the payer pays, with vouchers. False: both pay, with co-signed states.
    bool oneWay;
    /// @dev Tells apart channels on otherwise equal terms.
    uint88 salt;
}

/// @notice An ECDSA signature in the compact form of EIP-2098: `vs` is `s` with the parity of `v` in its top bit.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @notice One signature by each side's signer, over the same digest.
struct Signatures {
    Signature payer;
    Signature payee;
}

/// @notice What both parties of a two-way channel agreed on last; the channel's id is added when it is hashed.
struct State {
    /// @dev Orders states: the higher one wins. At least 1.
    uint64 sequence;
    /// @dev Net amount moved from payer to payee since the opening, negative where the payee has paid more.
    int128 paid;
    /// @dev Held back from the payer by pending locks.
    uint128 payerLocked;
    /// @dev Held back from the payee by pending locks.
    uint128 payeeLocked;
    /// @dev Merkle root of the pending locks, zero exactly when nothing is locked.
    bytes32 locksRoot;
}

/// @notice A withdrawal both parties agreed on, as absolute totals; the channel's id is added when it is hashed.
struct Withdrawal {
    uint128 payerTotal;
    uint128 payeeTotal;
    /// @dev Seconds since the epoch; good in blocks with an earlier timestamp.
    uint64 deadline;
}

/// @notice A party's leave for a relayer to start a close; the channel's id is added when it is hashed.
struct CloseIntent {
    /// @dev The least sequence of the state to start with; zero allows a start without one.
    uint64 minSequence;
    /// @dev Seconds since the epoch; good in blocks with an earlier timestamp.
    uint64 deadline;
}

/// @notice The arguments of one `collect` in a batch.
struct Collect {
    Channel channel;
    uint128 paid;
    Signature payerSignature;
}

/// @notice The arguments of one `challenge` in a batch.
struct Challenge {
    Channel channel;
    State state;
    Signatures signatures;
}

/// @notice Money of a two-way channel that waits for an outcome: a leaf of the Merkle tree behind `State.locksRoot`.
/// @dev The leaf is `keccak256(keccak256(abi.encode(lock)))`, pairs are sorted: OpenZeppelin's standard tree.
struct Lock {
    /// @dev Unique in the channel, for ever: a task, an invoice.
    bytes32 id;
    /// @dev Its bit in the channel's word of resolved locks; unique among the locks of one state.
    uint8 index;
    uint96 amount;
    /// @dev Whose money it is until it is resolved; the other side is its receiver.
    bool fromPayer;
    /// @dev Seconds since the epoch, inclusive: an outcome decided later does not count.
    uint40 expiry;
    /// @dev An `ICondition`.
    address condition;
    /// @dev What to ask it.
    bytes32 key;
}

/// @notice The arguments of one `unlock` in a batch.
struct Unlock {
    Channel channel;
    Lock lock;
    bytes32[] proof;
}

/// @notice An allowance signed off chain (EIP-2612) for this contract and the amount deposited.
struct Permit {
    /// @dev Seconds since the epoch; the token's own rule, inclusive in EIP-2612.
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice A token transfer signed off chain (EIP-3009 `receiveWithAuthorization`) that funds one channel.
struct Authorization {
    /// @dev Freely chosen; the token's nonce is `keccak256(abi.encode(channelId, authSalt))`.
    bytes32 authSalt;
    uint256 validAfter;
    uint256 validBefore;
    bytes signature;
}

/// @notice A channel's phase: None -> Open -> Closing -> Settled (or Open -> Settled), never back.
enum Phase {
    None,
    Open,
    Closing,
    Settled
}

/// @notice What the contract knows about a channel; all zero when the id is unknown.
struct ChannelView {
    Phase phase;
    /// @dev Seconds since the epoch; zero unless the channel is Closing or was settled after a challenge period.
    uint40 deadline;
    uint96 payerDeposit;
    uint96 payerWithdrawn;
    uint96 payeeDeposit;
    /// @dev On a one-way channel: the amount collected.
    uint96 payeeWithdrawn;
    /// @dev Sequence of the disputed state, zero without one.
    uint64 sequence;
    /// @dev This and the next three: what `settle` will pay (Closing) or has paid (Settled), and what is still locked.
    ///      Zero while the channel is Open and after an agreed close, whose figures are in its `Closed` event.
    uint96 payerPaid;
    uint96 payeePaid;
    uint96 payerPool;
    uint96 payeePool;
    bytes32 locksRoot;
    /// @dev One bit a lock, by its index: set once it is resolved.
    uint256 resolved;
}
