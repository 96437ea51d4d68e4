// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Signature} from "../types/ChannelTypes.sol";
import {ICondition} from "./ICondition.sol";

/// @title IArbitration
/// @notice Decided by m of n arbiters, who sign what part of the money its receiver gets: all, nothing, or some of it.
/// @dev A key is `keccak256(abi.encode(arbiters, threshold, caseId))`: it names the arbiters in ascending order, so that
///      the same bench has one key per case, and how many of them it takes. They sign
///      `Verdict(bytes32 key,uint16 shareBps)` under ("Penstock Arbitration", "1", chain id, this contract), off chain and
///      as a bench of their own making; anyone brings the verdict on chain.
/// @dev Warning: a case is decided once, for every lock that names its key. Give every dispute a case of its own.
/// @dev Warning: the first verdict recorded stands. Arbiters who sign two leave the choice to whoever comes first, so a
///      verdict off chain is worth nothing; only the recorded one counts, from the time of its block.
/// @dev Warning: arbiters are plain ECDSA keys, never ERC-1271 wallets, which could revoke a verdict before it is
///      recorded. An arbiter's key stays good even if its address becomes a smart wallet (EIP-7702).
interface IArbitration is ICondition {
    /// @notice The first verdict about a key was recorded.
    /// @param decidedAt The time of the block.
    event VerdictRecorded(bytes32 indexed key, uint16 shareBps, uint40 decidedAt);

    /// @notice An arbiter is not above the one listed before it, or is zero.
    error ArbitersNotAscending(address previous, address arbiter);

    /// @notice The threshold is zero, or there are fewer arbiters.
    error InvalidThreshold(uint8 threshold, uint256 arbiters);

    /// @notice The verdict gives the receiver more than everything.
    error ShareTooLarge(uint16 shareBps, uint16 maximum);

    /// @notice There are fewer signatures than the threshold asks for.
    error TooFewSignatures(uint256 signatures, uint8 threshold);

    /// @notice The signature at `index` is not by an arbiter listed after the previous one's: it is a stranger's, another
    ///         message's, repeated or out of order; `recovered` is zero if it is malformed or high-s.
    error NotArbiter(uint256 index, address recovered);

    /// @notice Another verdict was recorded before, and the arbiters signed this one too.
    error VerdictStands(bytes32 key, uint16 standing, uint16 shareBps);

    /// @notice Records a verdict, at the block's time. Anyone may call.
    /// @dev A verdict good in itself succeeds exactly if it is the recorded one afterwards. The same share again changes
    ///      nothing and is no error, so that nobody breaks a batch that records and unlocks by recording first; another
    ///      share is one, so that no batch goes on as if its own verdict stood.
    /// @param arbiters Strictly ascending, without zero.
    /// @param threshold How many of them it takes, at least 1.
    /// @param caseId Unique among the cases of this bench.
    /// @param shareBps The receiver's share in hundredths of a percent, at most 10000.
    /// @param signatures Of at least `threshold` arbiters, in the order of the list, each one once; none by anybody else.
    function record(
        address[] calldata arbiters,
        uint8 threshold,
        bytes32 caseId,
        uint16 shareBps,
        Signature[] calldata signatures
    ) external;

    /// @notice The key of a case; refuses terms that no verdict could be recorded for.
    function keyOf(address[] calldata arbiters, uint8 threshold, bytes32 caseId) external pure returns (bytes32);

    /// @notice The EIP-712 domain separator, for ("Penstock Arbitration", "1", chain id, this contract).
    function domainSeparator() external view returns (bytes32);
}
