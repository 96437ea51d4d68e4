// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Signature} from "../types/ChannelTypes.sol";
import {Terms} from "../types/ConditionTypes.sol";
import {ICondition} from "./ICondition.sol";

/// @title IOptimistic
/// @notice Work that counts as done once its claimant says so, all to the receiver, unless its disputer objects in time:
///         then another condition, as a rule `Arbitration`, decides. Without an objection one short transaction pays for
///         everything.
/// @dev A key is `keccak256(abi.encode(terms))`, the five terms one after the other. It goes one way:
///      - nothing said: undecided;
///      - asserted: undecided until `decidesAt`, which is the assertion's time plus the window; from that time on decided,
///        at `decidesAt`, without any further transaction;
///      - objected to before `decidesAt`: decided as `arbitration` says about `arbitrationKey`, at the time of the
///        objection or at that of the verdict, whichever is later. A verdict given before the objection counts too.
/// @dev Assumes that `arbitration` keeps the law of `ICondition` and answers within 100,000 gas; then this condition keeps
///      it too. It is part of the key: who takes a lock knows it and trusts it like a lock's own condition. One that
///      breaks the law can, after an objection, change this condition's answer or withhold it; before one it has no say.
///      An objected `Optimistic` needs more gas than that, so it is no good as another one's arbitration.
/// @dev Warning: an objection is free, and after one a key stays undecided, so that money goes back to its sender at the
///      expiry, until the arbiters decide. Take a lock only if its expiry leaves time for the work, the window and them.
/// @dev Warning: the disputer, or somebody with its signed objection, has to watch the chain; silence for one window is
///      consent. Choose a window that outlasts a congested chain.
/// @dev Warning: `outcome` says the same of a key that nobody has asserted and of one whose window is about to end. Before
///      you put a lock on a key, see in `assertionOf` that nothing was said yet, and choose an arbitration key that was
///      never used: else an assertion made earlier, for other work, pays for yours.
/// @dev Warning: signatures are plain ECDSA, never ERC-1271; a smart wallet calls instead. A key stays good for its
///      address even if that becomes a smart wallet (EIP-7702). Signed words have no deadline and cannot be taken back.
interface IOptimistic is ICondition {
    /// @notice The claimant said that the work is done. Emits all terms, so that the disputer can object from logs alone.
    /// @param decidesAt When it is decided unless somebody objects before.
    event Asserted(bytes32 indexed key, address indexed disputer, Terms terms, uint40 decidesAt);

    /// @notice The disputer objected, at the block's time: the arbitration decides.
    event Objected(bytes32 indexed key, uint40 objectedAt);

    /// @notice The claimant, the disputer or the arbitration is the zero address.
    error ZeroAddress();

    /// @notice The terms leave no time to object.
    error ZeroWindow();

    /// @notice The caller is not the claimant.
    error NotClaimant(address caller);

    /// @notice The caller is not the disputer.
    error NotDisputer(address caller);

    /// @notice A signature is not by the expected signer; `recovered` is zero if it is malformed or high-s.
    error InvalidSignature(address expected, address recovered);

    /// @notice There is nothing to object to yet.
    error NotAsserted(bytes32 key);

    /// @notice The window is over, and the key decided.
    error WindowOver(uint40 decidesAt, uint256 timestamp);

    /// @notice Too little gas is left to ask the arbitration.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice Says that the work is done and starts the window. Only the claimant may call.
    /// @dev A second assertion changes nothing: the window does not start again.
    function assertDone(Terms calldata terms) external;

    /// @notice The same for a claimant who signed `Assertion(bytes32 key)` under ("Penstock Optimistic", "1", chain id,
    ///         this contract). Anyone may call.
    function assertDone(Terms calldata terms, Signature calldata claimantSignature) external;

    /// @notice Hands an assertion to the arbitration, before `decidesAt`. Only the disputer may call.
    /// @dev A second objection changes nothing, at any time.
    function object(Terms calldata terms) external;

    /// @notice The same for a disputer who signed `Objection(bytes32 key)` under the same domain. Anyone may call.
    /// @dev For disputers without gas, and for those who leave the watching to somebody else.
    function object(Terms calldata terms, Signature calldata disputerSignature) external;

    /// @inheritdoc ICondition
    /// @dev After an objection it reverts, with `InsufficientGas`, rather than answer without having asked the arbitration
    ///      properly: with the 200,000 gas that `Channels.unlock` and `AllOf` give, it never does.
    function outcome(bytes32 key) external view returns (uint16 shareBps, uint40 decidedAt);

    /// @notice What was said about a key: when it is or was to be decided, zero if nobody asserted it, and when somebody
    ///         objected, zero if nobody did.
    function assertionOf(bytes32 key) external view returns (uint40 decidesAt, uint40 objectedAt);

    /// @notice The key of these terms; refuses those that could not be asserted or objected to.
    function keyOf(Terms calldata terms) external pure returns (bytes32);

    /// @notice The EIP-712 domain separator, for ("Penstock Optimistic", "1", chain id, this contract).
    function domainSeparator() external view returns (bytes32);
}
