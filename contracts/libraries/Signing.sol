// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IChannels} from "../interfaces/IChannels.sol";
import {Signature} from "../types/ChannelTypes.sol";

/// @title Signing
/// @notice Who signed a digest. Only ECDSA: what an ERC-1271 wallet signed it could revoke, and its counterparty relies
///         on it.
library Signing {
    /// @notice Checks a signature; `expected` is not zero.
    /// @return err Empty, or the encoded error.
    function check(address expected, bytes32 digest, Signature calldata signature)
        internal
        pure
        returns (bytes memory err)
    {
        address recovered = recover(digest, signature);
        if (recovered != expected) {
            return abi.encodeWithSelector(IChannels.InvalidSignature.selector, expected, recovered);
        }
    }

    /// @notice The signer; zero if the signature is malformed or high-s.
    function recover(bytes32 digest, Signature calldata signature) internal pure returns (address recovered) {
        // The error and its detail only say why nothing was recovered.
        // slither-disable-next-line unused-return
        (recovered,,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
    }
}
