// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CloseIntent, Signature, State, Withdrawal} from "../../contracts/types/ChannelTypes.sol";

/// @notice Digests of what parties sign, from the types as protocol.md writes them; not with the library to be proven.
/// @dev Memory structs with static members only: `abi.encode` lays them out inline.
library Messages {
    uint256 private constant HIGH_BIT = 1 << 255;

    /// @dev Half of the order of secp256k1's group.
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function state(bytes32 domain, bytes32 id, State memory message) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256(
            "State(bytes32 channelId,uint64 sequence,int128 paid,uint128 payerLocked,uint128 payeeLocked,bytes32 locksRoot)"
        );
        return _digest(domain, keccak256(abi.encode(typeHash, id, message)));
    }

    function voucher(bytes32 domain, bytes32 id, uint128 paid) internal pure returns (bytes32) {
        return _digest(domain, keccak256(abi.encode(keccak256("Voucher(bytes32 channelId,uint128 paid)"), id, paid)));
    }

    function withdrawal(bytes32 domain, bytes32 id, Withdrawal memory message) internal pure returns (bytes32) {
        bytes32 typeHash =
            keccak256("Withdrawal(bytes32 channelId,uint128 payerTotal,uint128 payeeTotal,uint64 deadline)");
        return _digest(domain, keccak256(abi.encode(typeHash, id, message)));
    }

    function close(bytes32 domain, bytes32 id, int128 paid) internal pure returns (bytes32) {
        return _digest(domain, keccak256(abi.encode(keccak256("Close(bytes32 channelId,int128 paid)"), id, paid)));
    }

    function intent(bytes32 domain, bytes32 id, CloseIntent memory message) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256("CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)");
        return _digest(domain, keccak256(abi.encode(typeHash, id, message)));
    }

    /// @notice Whether the precompile recovers `signer`, who is not zero, from a signature with a low s.
    function isSignedBy(bytes32 digest, Signature memory signature, address signer) internal pure returns (bool) {
        uint256 vs = uint256(signature.vs);
        uint256 s = vs & ~HIGH_BIT;
        return ecrecover(digest, uint8(27 + (vs >> 255)), signature.r, bytes32(s)) == signer && s <= MAX_S;
    }

    function _digest(bytes32 domain, bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
