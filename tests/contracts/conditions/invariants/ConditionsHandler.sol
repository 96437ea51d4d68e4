// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICondition} from "../../../../contracts/interfaces/ICondition.sol";
import {Signature} from "../../../../contracts/types/ChannelTypes.sol";
import {Part, Terms} from "../../../../contracts/types/ConditionTypes.sol";
import {ConditionsTest} from "../ConditionsTest.sol";

/// @notice Drives all four conditions with random calls, and notes what they answer after each.
/// @dev Work number i has a preimage, a case, an assertion that the case decides after an objection, and a list of these
///      three; the last list has the other lists for parts. What the handler's own notes say will be refused is tried all
///      the same, and fails if it is done.
contract ConditionsHandler is ConditionsTest {
    uint256 public constant WORKS = 2;
    uint256 public constant QUESTIONS = 4 * WORKS + 1;
    uint32 private constant WINDOW = 100;

    /// @notice What is known of a key from its answers alone.
    struct Seen {
        uint16 shareBps;
        uint40 decidedAt;
        uint256 undecidedAt; // when it was undecided last
    }

    /// @notice A condition and what to ask it: all preimages, all cases, all assertions, all lists.
    struct Question {
        ICondition asked;
        bytes32 key;
    }

    Question[] private _questions;
    mapping(uint256 question => Seen) private _seen;
    mapping(uint256 work => uint256) private _verdict; // the share plus one, once recorded
    mapping(uint256 work => uint256) private _decidesAt;
    mapping(uint256 work => bool) private _objected;
    mapping(bytes32 name => uint256) public calls;
    uint40 private immutable _notAfter;

    constructor() {
        setUp();
        _notAfter = uint40(vm.getBlockTimestamp() + 2000);
        for (uint256 work = 0; work < WORKS; ++work) {
            _questions.push(Question(hashLock, sha256(abi.encode(preimage(work)))));
        }
        for (uint256 work = 0; work < WORKS; ++work) {
            _questions.push(Question(arbitration, caseKey(bytes32(work))));
        }
        for (uint256 work = 0; work < WORKS; ++work) {
            _questions.push(Question(optimistic, keccak256(abi.encode(termsOf(work)))));
        }
        for (uint256 list = 0; list <= WORKS; ++list) {
            _questions.push(Question(allOf, keccak256(abi.encode(partsOf(list), _notAfter))));
        }
        observe();
    }

    /// @dev The law of `ICondition`, after every call; time passes by `wait` alone.
    modifier lawful() {
        _;
        observe();
    }

    /* ACTIONS */

    function reveal(uint256 work) external lawful {
        work = bound(work, 0, WORKS - 1);

        done("reveal", stranger, address(hashLock), abi.encodeCall(hashLock.reveal, (preimage(work))));
    }

    function record(uint256 work, uint16 shareBps, uint256 second) external lawful {
        work = bound(work, 0, WORKS - 1);
        // Few shares, so that the same one comes twice.
        shareBps = uint16(bound(shareBps, 0, 2) * 5000);
        Signature[] memory signatures = signVerdict(caseOf(work), shareBps, 0, bound(second, 1, 2));
        bytes memory call_ = abi.encodeCall(arbitration.record, (arbiters(), 2, bytes32(work), shareBps, signatures));
        if (_verdict[work] != 0 && _verdict[work] != shareBps + 1) {
            return refused(stranger, address(arbitration), call_);
        }

        done("record", stranger, address(arbitration), call_);
        _verdict[work] = shareBps + 1;
    }

    function assertDone(uint256 work) external lawful {
        work = bound(work, 0, WORKS - 1);
        bytes memory call_ =
            abi.encodeWithSignature("assertDone((address,address,uint32,address,bytes32))", termsOf(work));
        refused(payer.addr, address(optimistic), call_);

        done("assertDone", payee.addr, address(optimistic), call_);
        if (_decidesAt[work] == 0) _decidesAt[work] = vm.getBlockTimestamp() + WINDOW;
    }

    function object(uint256 work) external lawful {
        work = bound(work, 0, WORKS - 1);
        bytes memory call_ = abi.encodeWithSignature("object((address,address,uint32,address,bytes32))", termsOf(work));
        refused(payee.addr, address(optimistic), call_);
        bool late = vm.getBlockTimestamp() >= _decidesAt[work];
        if (!_objected[work] && late) return refused(payer.addr, address(optimistic), call_);

        done("object", payer.addr, address(optimistic), call_);
        _objected[work] = true;
    }

    function evaluate(uint256 list) external lawful {
        list = bound(list, 0, WORKS);
        Part[] memory parts = partsOf(list);
        bytes memory call_ = abi.encodeCall(allOf.evaluate, (parts, _notAfter));
        uint256 question = 3 * WORKS + list;
        bool late = vm.getBlockTimestamp() > _notAfter;
        (bool decidable, uint16 shareBps) = leastOf(parts);
        if (_seen[question].decidedAt == 0 && (late || !decidable)) return refused(stranger, address(allOf), call_);

        done("evaluate", stranger, address(allOf), call_);
        assertOutcomeSince(question, shareBps);
    }

    function wait(uint256 seconds_) external lawful {
        skip(bound(seconds_, 1, WINDOW));
        ++calls["wait"];
    }

    /* WHAT THE INVARIANT READS */

    function questionAt(uint256 question) external view returns (Question memory) {
        return _questions[question];
    }

    function seenAt(uint256 question) external view returns (Seen memory) {
        return _seen[question];
    }

    /* THE LAW */

    function observe() private {
        for (uint256 question = 0; question < QUESTIONS; ++question) {
            (uint16 shareBps, uint40 decidedAt) = _questions[question].asked.outcome(_questions[question].key);
            Seen storage seen = _seen[question];
            assertLe(shareBps, 10_000, "at most everything");
            assertLe(decidedAt, vm.getBlockTimestamp(), "not in the future");
            if (seen.decidedAt != 0) {
                assertEq(decidedAt, seen.decidedAt, "never another time");
                assertEq(shareBps, seen.shareBps, "never another share");
            } else if (decidedAt == 0) {
                assertEq(shareBps, 0, "nothing without a decision");
                seen.undecidedAt = vm.getBlockTimestamp();
            } else {
                assertGe(decidedAt, seen.undecidedAt, "not backwards: a later block gives it already");
                (seen.shareBps, seen.decidedAt) = (shareBps, decidedAt);
            }
        }
    }

    /// @dev What a list comes to by its parts as they answer now.
    function leastOf(Part[] memory parts) private view returns (bool decidable, uint16 least) {
        (decidable, least) = (true, 10_000);
        for (uint256 i = 0; i < parts.length; ++i) {
            (uint16 shareBps, uint40 decidedAt) = ICondition(parts[i].condition).outcome(parts[i].key);
            if (decidedAt == 0) decidable = false;
            else if (shareBps == 0) return (true, 0);
            else if (shareBps < least) least = shareBps;
        }
    }

    function assertOutcomeSince(uint256 question, uint16 shareBps) private view {
        uint40 before = _seen[question].decidedAt;
        assertOutcome(
            _questions[question].asked,
            _questions[question].key,
            shareBps,
            before == 0 ? vm.getBlockTimestamp() : before
        );
    }

    /* THE WORKS */

    function preimage(uint256 work) private pure returns (bytes32) {
        return keccak256(abi.encode("preimage", work));
    }

    function caseOf(uint256 work) private view returns (bytes32) {
        return _questions[WORKS + work].key;
    }

    function termsOf(uint256 work) private view returns (Terms memory) {
        return Terms(payee.addr, payer.addr, WINDOW, address(arbitration), caseOf(work));
    }

    function partsOf(uint256 list) private view returns (Part[] memory parts) {
        bool ofLists = list == WORKS;
        parts = new Part[](ofLists ? WORKS : 3);
        for (uint256 i = 0; i < parts.length; ++i) {
            Question memory part = _questions[ofLists ? 3 * WORKS + i : i * WORKS + list];
            parts[i] = Part(address(part.asked), part.key);
        }
    }

    /* HOW IT ACTS */

    function done(bytes32 name, address caller, address target, bytes memory call_) private {
        vm.prank(caller);
        (bool success, bytes memory reason) = target.call(call_);
        assertTrue(success, string.concat("refused: ", vm.toString(reason)));
        ++calls[name];
    }

    function refused(address caller, address target, bytes memory call_) private {
        vm.prank(caller);
        (bool success,) = target.call(call_);
        assertFalse(success, "done, but must be refused");
        ++calls["refused"];
    }
}
