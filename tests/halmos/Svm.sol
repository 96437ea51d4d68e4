// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the proofs ask of halmos besides forge's cheat codes.
interface Svm {
    /// @notice Lets every storage slot of the account hold any value.
    function enableSymbolicStorage(address account) external;
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createAddress(string calldata name) external returns (address);
    function createBytes32(string calldata name) external returns (bytes32);
}

/// @dev Where halmos answers: `address(uint160(uint256(keccak256("svm cheat code"))))`.
Svm constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
