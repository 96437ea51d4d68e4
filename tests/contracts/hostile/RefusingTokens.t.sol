// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";
import {Channel, Phase} from "../../../contracts/types/ChannelTypes.sol";
import {VictimToken} from "../mocks/HostileTokens.sol";
import {HostileTokenTest} from "./HostileTokenTest.sol";

/// @notice Tokens that refuse a party, each in its manner: a push becomes a claim, and the other party is paid.
abstract contract RefusingTokenTest is HostileTokenTest {
    VictimToken.Manner private immutable _manner;

    constructor(VictimToken.Manner manner) {
        _manner = manner;
    }

    function deployToken() internal override returns (address) {
        return address(new VictimToken());
    }

    function turn(address victim) internal override {
        VictimToken(token).setManner(_manner, victim);
    }

    function heal() internal override {
        VictimToken(token).setManner(VictimToken.Manner.Honest, address(0));
    }

    function refuses(address to) internal view override returns (bool) {
        return to == VictimToken(token).victim();
    }

    function acceptsDeposits() internal view override returns (bool) {
        return VictimToken(token).victim() != payer.addr;
    }
}

contract RevertingTokenTest is RefusingTokenTest(VictimToken.Manner.Reverts) {}

contract FalseReturningTokenTest is RefusingTokenTest(VictimToken.Manner.ReturnsFalse) {}

/// @notice Oversized return data, in a revert.
contract RevertBombTokenTest is RefusingTokenTest(VictimToken.Manner.RevertsWithBomb) {}

/// @notice Oversized return data, all zeros: not `true`.
contract ReturnBombTokenTest is RefusingTokenTest(VictimToken.Manner.ReturnsBomb) {}

/// @notice Burns all the gas it is given: a 64th is left, which records the claim and pays the other party.
contract GasBurningTokenTest is RefusingTokenTest(VictimToken.Manner.BurnsAllGas) {
    /// @dev Why untrusted tokens do not belong in one batch with others: with too little gas it fails as a whole.
    function test_WhenItStarvesABatch_NothingHappensAndTheOthersSettleWithoutIt() public {
        startCloseBare(both());
        startCloseBare(honest());
        skip(PERIOD);
        turn(payer.addr);
        Channel[] memory batch = new Channel[](2);
        (batch[0], batch[1]) = (both(), honest());

        (bool done,) = address(channels).call{gas: 1_000_000}(abi.encodeCall(channels.settleMany, (batch)));

        assertFalse(done);
        assertPhase(both(), Phase.Closing);
        assertPhase(honest(), Phase.Closing);
        batch[0] = batch[1];
        (done,) = address(channels).call{gas: 1_000_000}(abi.encodeCall(channels.settleMany, (batch)));
        assertTrue(done);
        assertPhase(honest(), Phase.Settled);
    }
}

contract BlacklistingTokenTest is HostileTokenTest {
    address private _victim;

    function deployToken() internal virtual override returns (address) {
        return address(new DevUSDC());
    }

    function turn(address victim) internal override {
        DevUSDC(token).setBlacklisted(victim, true);
        _victim = victim;
    }

    function heal() internal override {
        DevUSDC(token).setBlacklisted(_victim, false);
    }

    function refuses(address to) internal view override returns (bool) {
        return to == _victim;
    }

    function acceptsDeposits() internal view override returns (bool) {
        return _victim != payer.addr;
    }
}

/// @notice Refuses everybody for a while.
contract PausingTokenTest is HostileTokenTest {
    function deployToken() internal override returns (address) {
        return address(new DevUSDC());
    }

    function turn(address) internal override {
        DevUSDC(token).setPaused(true);
    }

    function heal() internal override {
        DevUSDC(token).setPaused(false);
    }

    function refuses(address) internal pure override returns (bool) {
        return true;
    }

    function acceptsDeposits() internal pure override returns (bool) {
        return false;
    }
}
