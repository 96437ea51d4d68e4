// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Does at every transfer what was chosen last: calls back, lies about success, keeps a part, sends too much or
///         fails.
contract TreacherousToken is ERC20 {
    enum Mood {
        Honest,
        CallsBack,
        Lies,
        KeepsAPart,
        SendsMore,
        Fails
    }

    Mood private _mood;
    address private _target;
    bytes private _planted;
    /// @notice Whether a call back was ever let in.
    bool public wasLetIn;

    error NotToday();

    constructor() ERC20("Treacherous", "TREACHEROUS") {}

    function mint(address to, uint256 amount) external {
        super._update(address(0), to, amount);
    }

    function choose(Mood mood, address target, bytes calldata planted) external {
        (_mood, _target, _planted) = (mood, target, planted);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_mood == Mood.Fails) revert NotToday();
        if (_mood == Mood.CallsBack) {
            (bool succeeded,) = _target.call(_planted);
            if (succeeded) wasLetIn = true;
        }
        if (_mood == Mood.Lies) return;
        super._update(from, to, amount);
        if (_mood == Mood.KeepsAPart && amount != 0) super._update(to, address(0), 1);
        if (_mood == Mood.SendsMore) super._update(address(0), to, 1);
    }
}
