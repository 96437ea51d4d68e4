// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Calls back from every one of its functions, with all the calls that were planted.
/// @dev `balanceOf` too: it is no view here, but its caller asks statically, so nothing can be noted there.
contract HookedToken {
    enum Hook {
        Transfer,
        TransferFrom,
        Permit,
        ReceiveWithAuthorization,
        BalanceOf
    }

    address private _target;
    bytes[] private _planted;
    mapping(address account => uint256) private _balances;
    mapping(Hook hook => bytes[]) private _answers;

    error Reentered(uint256 call);
    error OnlyItself();

    function plant(address target, bytes[] calldata planted) external {
        _target = target;
        delete _planted;
        for (uint256 i = 0; i < planted.length; ++i) {
            _planted.push(planted[i]);
        }
    }

    function answersAt(Hook hook) external view returns (bytes[] memory) {
        return _answers[hook];
    }

    function mint(address to, uint256 amount) external {
        _balances[to] += amount;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(Hook.Transfer, msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(Hook.TransferFrom, from, to, amount);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _reenter(Hook.Permit);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _move(Hook.ReceiveWithAuthorization, from, to, amount);
    }

    function balanceOf(address account) external returns (uint256) {
        if (msg.sender == _target) _reenter(Hook.BalanceOf);
        return _balances[account];
    }

    function note(Hook hook, bytes calldata answer) external {
        if (msg.sender != address(this)) revert OnlyItself();
        _answers[hook].push(answer);
    }

    function _move(Hook hook, address from, address to, uint256 amount) private returns (bool) {
        _reenter(hook);
        _balances[from] -= amount;
        _balances[to] += amount;
        return true;
    }

    /// @dev A call that succeeds makes the token's own function fail, which no test can overlook.
    function _reenter(Hook hook) private {
        for (uint256 i = 0; i < _planted.length; ++i) {
            (bool succeeded, bytes memory answer) = _target.call(_planted[i]);
            if (succeeded) revert Reentered(i);
            if (hook != Hook.BalanceOf) this.note(hook, answer);
        }
    }
}
