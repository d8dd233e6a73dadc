"""Every way round the gate that was thought of, proved shut by opening it: python benchmarks/bypass_guards.py [WORD]

For each class of bypass the guard is taken out of a copy of the project, and the test of that class must fail there.
What one computer cannot stop at all is told by ``desist verify`` and in docs/guides/board.md.
"""

from __future__ import annotations

import sys

from guards import Guard, main

APPROVAL, PIPELINES = "tests/fairness/approval", "tests/pipelines/test_gate_causes.py"
RELEASE, TERMS = f"{APPROVAL}/test_release.py", f"{APPROVAL}/test_terms.py"
ASKED, SIGNOFF = f"{APPROVAL}/test_asked.py", f"{APPROVAL}/test_signoff.py"
AGAINST = "tests/pipelines/test_against_log.py"

CLASSES = (
    Guard(
        "edited file: one changed byte in what was sealed",
        "fairness/approval/candidate.py",
        "        elif name in files and hash_bytes(files[name]) != seal.files[name]:\n",
        "        elif False:\n",
        f"{RELEASE}::test_each_bound_file_is_needed_whole_and_unlinked",
    ),
    Guard(
        "edited file: a release that says something else than was approved",
        "fairness/approval/release.py",
        '    if rendered(body).encode("utf-8") != content or body["id"] != release_id:\n',
        "    if False:\n",
        f"{RELEASE}::test_a_release_under_another_name_or_date_is_not_what_was_approved",
    ),
    Guard(
        "replayed release: signatures of a revoked one used again",
        "fairness/approval/release.py",
        "        if sign_off.signature in withdrawn:\n",
        "        if False:\n",
        f"{RELEASE}::test_the_signatures_of_a_revoked_release_approve_nothing_more",
    ),
    Guard(
        "replayed release: an older one than the log's last",
        "pipelines/gate.py",
        "    if not approved or approved[-1] != found.id:\n",
        "    if not approved:\n",
        f"{PIPELINES}::test_a_release_older_than_the_logs_last_one_is_a_replay",
    ),
    Guard(
        "copied signature",
        "fairness/approval/gate.py",
        '        yield Cause(ALTERED, f"the signature of {sign_off.holder} does not fit what it stands under")\n',
        "        return\n",
        f"{RELEASE}::test_a_copied_signature_does_not_fit_another_sign_off",
    ),
    Guard(
        "swapped model: sealed to match by somebody else than the trainer",
        "fairness/approval/candidate.py",
        '            causes.append(Cause(ALTERED, "the trainer\'s signature does not fit the candidate"))\n',
        "            pass\n",
        f"{RELEASE}::test_a_swapped_model_with_a_seal_to_match_does_not_fit_the_trainers_signature",
    ),
    Guard(
        "swapped model: sealed again by its trainer after the board signed",
        "fairness/approval/gate.py",
        "    if sign_off.candidate_hash != evidence.candidate_hash or sign_off.audit_hash != evidence.audit_hash:\n",
        "    if False:\n",
        f"{RELEASE}::test_a_model_sealed_again_by_its_trainer_is_not_what_the_board_approved",
    ),
    Guard(
        "clock set back behind the log",
        "fairness/approval/release.py",
        "    if day is not None and asked.today < day:\n",
        "    if False:\n",
        f"{RELEASE}::test_a_clock_set_back_behind_the_log_withholds",
    ),
    Guard(
        "clock set back behind the release, without a log",
        "fairness/approval/release.py",
        "    if released_on > asked.today:\n",
        "    if False:\n",
        f"{RELEASE}::test_a_clock_set_back_behind_the_release_withholds_without_any_log",
    ),
    Guard(
        "policy deleted or loosened",
        "fairness/approval/release.py",
        '    if read_plain(asked.workspace.policy) != candidate.files["policy.toml"]:\n',
        "    if False:\n",
        f"{RELEASE}::test_a_policy_deleted_or_loosened_in_the_workspace_withholds",
    ),
    Guard(
        "symlink in the place of a file",
        "fairness/approval/candidate.py",
        "    if path.is_symlink() or not path.is_file():\n        return None\n    try:\n"
        '        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)',
        "    if not path.is_file():\n        return None\n    try:\n        handle = os.open(path, os.O_RDONLY",
        f"{RELEASE}::test_each_bound_file_is_needed_whole_and_unlinked",
    ),
    Guard(
        "change between check and use: a reader takes the bytes that were checked",
        "fairness/approval/release.py",
        "                (folder / name).write_bytes(content)\n",
        '                (folder / name).write_bytes((Path(self.bindings["x"]) / name).read_bytes())\n',
        f"{RELEASE}::test_a_change_between_check_and_use_does_not_reach_the_reader",
    ),
    Guard(
        "internals imported: a release that no check made",
        "fairness/approval/release.py",
        "        if token is not _MADE_HERE:\n",
        "        if False:\n",
        f"{RELEASE}::test_a_reader_that_skips_verification_has_no_release_to_show",
    ),
    Guard(
        "stale cache: a list of an earlier release",
        "pipelines/lists.py",
        '    if told["release_id"] != release_id:\n',
        "    if False:\n",
        f"{PIPELINES}::test_a_list_of_an_earlier_release_is_not_shown_under_a_later_one",
    ),
    Guard(
        "trainer under a second name",
        "fairness/approval/gate.py",
        "or same_person(sign_off.holder, trainer.holder)):\n",
        "or False):\n",
        f"{RELEASE}::test_the_trainer_cannot_sign_under_a_second_key_in_other_letters",
    ),
    Guard(
        "revoked key, in the register",
        "fairness/approval/gate.py",
        '        causes.append(Cause(SUSPENDED, f"the key of {key.holder} was revoked on {key.revoked_on}"))\n',
        "        pass\n",
        f"{RELEASE}::test_a_revoked_key_suspends_what_it_signed",
    ),
    Guard(
        "revoked key, in the log although the register was blanked",
        "pipelines/gate.py",
        '        yield gate.Cause(gate.SUSPENDED, f"the log says that the key {key_id} was revoked")\n',
        "        pass\n",
        f"{PIPELINES}::test_a_revocation_and_a_revoked_key_stand_in_the_log_whatever_the_files_say",
    ),
    Guard(
        "truncated log",
        "pipelines/gate.py",
        "    for wrong in session.log.verify():\n",
        "    for wrong in ():\n",
        f"{PIPELINES}::test_a_log_with_events_taken_out_or_its_end_cut_off_withholds",
    ),
    Guard(
        "truncated log: its end",
        "records/log.py",
        "        if not self._end_fits(before):\n            wrong.append",
        "        if False:\n            wrong.append",
        f"{PIPELINES}::test_a_log_with_events_taken_out_or_its_end_cut_off_withholds",
    ),
    Guard(
        "deleted refusal",
        "pipelines/against_log.py",
        '        elif (key_id, row["reason"]) not in kept:\n',
        "        elif False:\n",
        f"{AGAINST}::test_a_refusal_whose_file_is_deleted_is_still_told_of",
    ),
    Guard(
        "a decision put there by hand",
        "pipelines/against_log.py",
        "    for key_id, _ in sorted(kept - known):\n",
        "    for key_id, _ in ():\n",
        f"{AGAINST}::test_a_decision_that_the_log_knows_nothing_of_is_told_of",
    ),
    Guard(
        "an earlier decision lost",
        "fairness/approval/signoff.py",
        '    write_json(run_folder / FOLDER / HISTORY / f"{sign_off.hash}.json", sign_off.as_json())\n',
        "",
        f"{AGAINST}::test_an_earlier_decision_is_never_lost",
    ),
    Guard(
        "an entry of the key register changed",
        "pipelines/against_log.py",
        "        elif made[key.key_id] != key.entry_hash:\n",
        "        elif False:\n",
        f"{AGAINST}::test_an_entry_of_the_key_register_that_was_changed_is_told_of",
    ),
    Guard(
        "a key put into the register by hand",
        "pipelines/against_log.py",
        "        if key.key_id not in made:\n",
        "        if False:\n",
        f"{AGAINST}::test_a_key_put_into_the_register_by_hand_is_told_of",
    ),
    Guard(
        "a refusal after the release",
        "pipelines/against_log.py",
        "    for who in refused_since(session, found.run):\n",
        "    for who in ():\n",
        f"{AGAINST}::test_a_later_refusal_pauses_the_release_until_it_is_taken_back",
    ),
    Guard(
        "a shadow walked away from",
        "pipelines/shadow_kept.py",
        '    if begun and not any(row["operation"] == "shadow.closed" for row in rows):\n',
        "    if False:\n",
        f"{PIPELINES}::test_a_shadow_that_was_begun_must_end_whatever_reason_a_member_gives",
    ),
    Guard(
        "a pilot's list deleted",
        "pipelines/bounds.py",
        "    for list_id in dict.fromkeys(made):\n",
        "    for list_id in (one for one in made if (session.workspace.lists / one).exists()):\n",
        "tests/pipelines/test_bounds.py::test_a_list_of_the_pilot_that_was_deleted_withholds",
    ),
    Guard(
        "a revocation stopped by a damaged file",
        "pipelines/gate.py",
        "    except Exception as error:\n",
        "    except KeyboardInterrupt as error:\n",
        f"{PIPELINES}::test_a_damaged_release_file_and_a_candidate_that_is_gone_stop_no_revocation",
    ),
    Guard(
        "a condition said to be met after its day",
        "pipelines/conditions.py",
        "        if condition.due < session.today:\n",
        "        if False:\n",
        "tests/pipelines/test_conditions.py::test_after_its_day_the_board_decides_anew",
    ),
    Guard(
        "a condition said to be met by the trainer",
        "pipelines/conditions.py",
        "        if key.key_id == trainer.key_id or same_person(holder, trainer.holder):\n",
        "        if False:\n",
        "tests/pipelines/test_conditions.py::test_whoever_trained_the_model_cannot_say_that_a_condition_was_met",
    ),
    Guard(
        "expired condition",
        "fairness/approval/release_files.py",
        "        if condition.due < today:\n",
        "        if False:\n",
        f"{RELEASE}::test_an_overdue_condition_lapses_the_release_unless_it_was_met_in_time",
    ),
    Guard(
        "expired approval or pilot",
        "fairness/approval/gate.py",
        "    if sign_off.last_day < today:\n",
        "    if False:\n",
        f"{TERMS}::test_a_pilot_ends_on_its_last_day",
    ),
)

RULES = (
    Guard(
        "a scope wider than the evidence allows",
        "fairness/approval/gate.py",
        "        if sign_off.scope not in allowed.scopes:\n",
        "        if False:\n",
        f"{TERMS}::test_a_full_release_is_not_possible_while_a_group_cannot_be_told",
    ),
    Guard(
        "every group of a primary unassessable",
        "fairness/approval/kinds.py",
        "        if len(list(open_parts(finding, region))) == len(finding.parts):\n",
        "        if False:\n",
        f"{ASKED}::test_a_primary_that_no_group_can_be_told_for_withholds",
    ),
    Guard(
        "a gross gap",
        "fairness/approval/kinds.py",
        "_harm_shown(part, rule.harm) >= policy.pilot.gross_gap:\n",
        "_harm_shown(part, rule.harm) >= 9:\n",
        f"{ASKED}::test_a_gross_gap_that_is_shown_lets_nothing_out_whatever_the_region_says",
    ),
    Guard(
        "a question without an answer",
        "fairness/approval/gate.py",
        "        if silent or not approving:\n            whose",
        "        if False:\n            whose",
        f"{TERMS}::test_a_question_of_the_scrutiny_needs_an_answer_too",
    ),
    Guard(
        "a pilot larger than the policy's",
        "fairness/approval/gate.py",
        "        elif pilot and rule and pilot.most_people > rule.most_people:\n",
        "        elif False:\n",
        f"{TERMS}::test_a_pilot_keeps_to_the_policys_bounds",
    ),
    Guard(
        "a pilot or conditions that run too long",
        "fairness/approval/gate.py",
        "        if rule and bounded and sign_off.last_day",
        "        if False and sign_off.last_day",
        f"{TERMS}::test_what_goes_out_for_groups_that_cannot_be_told_ends_with_the_months",
    ),
    Guard(
        "one reason renewed for ever",
        "fairness/approval/earlier.py",
        "            if reason and used > MOST_RENEWALS:\n",
        "            if False:\n",
        f"{TERMS}::test_one_reason_is_renewed_twice_and_not_a_third_time",
    ),
    Guard(
        "releases deleted so that a reason looks new",
        "fairness/approval/release.py",
        "        supersedes += [name for name in dict.fromkeys(asked.approved) if name not in told]\n",
        "",
        f"{TERMS}::test_a_release_whose_file_is_gone_counts_against_every_reason",
    ),
    Guard(
        "a first release without a shadow or a reason",
        "fairness/approval/release.py",
        "    yield from shadow_causes(folder, candidate.hash, sign_offs, first=not names)\n",
        "",
        f"{TERMS}::test_a_first_release_needs_a_shadow_or_a_reason_why_not",
    ),
    Guard(
        "audited until it pleases: intervals not corrected",
        "fairness/approval/candidate.py",
        "        found.problems += _level_problems(audit, found.scrutiny)\n",
        "        pass\n",
        f"{TERMS}::test_a_second_look_at_the_same_outcomes_needs_wider_intervals",
    ),
    Guard(
        "audited until it pleases: an attempt left out of the candidate",
        "pipelines/gate.py",
        "    if told < found:\n",
        "    if False:\n",
        f"{PIPELINES}::test_a_second_audit_of_the_same_outcomes_that_calls_itself_the_first_withholds",
    ),
    Guard(
        "more people than the pilot may bring to review",
        "pipelines/bounds.py",
        "    if len(people) <= release.pilot.most_people:\n        return\n",
        "    return\n",
        "tests/pipelines/test_bounds.py",
    ),
    Guard(
        "a second reviewer for some people of the groups only",
        "fairness/approval/second_review.py",
        "    return Draw(own | frozenset(others",
        "    return Draw(frozenset(others",
        f"{APPROVAL}/test_second_review.py",
    ),
    Guard(
        "words of a decision outside its signature",
        "fairness/approval/signoff.py",
        '        del told["signature"]\n',
        '        del told["signature"], told["pilot"]\n',
        f"{SIGNOFF}::test_every_word_of_a_sign_off_is_under_its_signature",
    ),
)

if __name__ == "__main__":
    sys.exit(main((*CLASSES, *RULES)))
