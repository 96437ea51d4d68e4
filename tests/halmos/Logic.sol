// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Connectives that do not branch: `&&` and `||` would double the paths to be explored, once for each of them.
library Logic {
    function and(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := and(a, b)
        }
    }

    function or(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := or(a, b)
        }
    }

    function implies(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := or(iszero(a), b)
        }
    }

    /// @notice The figure if it is true, else zero.
    function times(bool a, uint256 figure) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := and(sub(0, a), figure)
        }
    }
}
