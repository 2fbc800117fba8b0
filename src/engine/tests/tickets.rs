//! What happens to a ticket besides being served: cancel, update, a corrected tier, its place, limits.

use super::script::check;

const DESK: &str =
    "policy guarded-edf v1; tier gold 2h desk solve 4h; tier standard 4h back then 60s back+desk;
                           pool desk; pool back
                    agent ann desk
                    here ann";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_caller_who_hangs_up_leaves_the_queue() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold email
         0s submit t3 gold email
         1s cancel t1 -> ended 1
         1s cancel t3 -> ended 3
         2s queues -> gold/email/desk: t2 (0 late)
         2s pull ann -> t2 #1 earliest-deadline",
    );
}

#[test]
fn an_update_changes_the_content_and_nothing_else() {
    check_desk(
        "0s submit t1 gold email about=door
         1s update t1 window
         1s see t1 -> waiting, gold, in desk, due 7200s, solved by 14400s, about window
         1s pull ann -> t1 #1 earliest-deadline
         2s update t1 roof
         2s see t1 -> with ann of desk until 901s, gold, in desk, due 7200s, solved by 14400s, picked up 1s, about roof",
    );
}

#[test]
fn the_directory_may_find_a_customer_or_not_or_be_silent() {
    check_desk(
        "0s submit t1 gold email found
         0s submit t2 gold email stale 5m
         0s submit t3 ? email unknown
         0s submit t4 ? email unavailable
         0s submit t5 platinum email found
         0s submit t6 platinum email -> TierNotFound
         0s see t1 -> waiting, gold (found), in desk, due 7200s, solved by 14400s, of c1
         0s see t2 -> waiting, gold (stale), in desk, due 7200s, solved by 14400s, known for 300s, of c1
         0s see t3 -> waiting, standard (unknown_customer), in back, due 14400s
         0s see t4 -> waiting, gold (unavailable), in desk, due 7200s, solved by 14400s
         0s see t5 -> waiting, standard (unknown_tier), in back, due 14400s, of c1
         0s unconfirmed -> t2 t4",
    );
}

#[test]
fn a_higher_tier_counts_the_wait_from_the_submit() {
    check_desk(
        "0s submit t1 standard email found
         30s submit t2 gold email
         31s retier t1 gold found
         31s see t1 -> waiting, gold (found), in desk, due 7200s, solved by 14400s, of c1
         31s queues -> gold/email/desk: t1 t2 (0 late)
         31s pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_lower_tier_keeps_the_deadlines_that_were_promised() {
    check_desk(
        "0s submit t1 gold email found
         61s retier t1 standard found
         61s see t1 -> waiting, standard (found), in desk+back, due 7200s, solved by 14400s, of c1",
    );
}

#[test]
fn a_policy_may_let_deadlines_move_later_until_they_are_missed() {
    check(
        "policy guarded-edf v1 later; tier gold 2h desk solve 4h; tier standard 4h desk; pool desk
         0s submit t1 gold email found
         61s retier t1 standard found
         61s see t1 -> waiting, standard (found), in desk, due 14400s, of c1
         61s submit t2 gold email found
         7261.001s * t2 late for response
         7262s retier t2 standard found
         7262s see t2 -> waiting, standard (found), in desk, due 7261s, of c1",
    );
}

#[test]
fn each_tier_says_what_becomes_of_it_while_the_directory_is_silent() {
    check(
        "policy guarded-edf v1; tier best 1h desk; tier gold 2h desk stale keep;
                tier silver 3h desk stale hold-high; tier standard 4h desk stale fall-back; pool desk
         0s submit t1 gold email stale 5m
         0s submit t2 silver email stale 5m
         0s submit t3 standard email stale 5m
         0s see t1 -> waiting, gold (stale), in desk, due 7200s, known for 300s, of c1
         0s see t2 -> waiting, best (stale), in desk, due 3600s, known for 300s, of c1
         0s see t3 -> waiting, best (stale), in desk, due 3600s, known for 300s, of c1
         0s unconfirmed -> t1 t2 t3
         1s retier t2 silver found
         1s see t2 -> waiting, silver (found), in desk, due 3600s, of c1",
    );
}

#[test]
fn a_corrected_tier_takes_the_overflow_steps_its_wait_has_earned() {
    check_desk(
        "0s submit t1 gold email found
         59.999s retier t1 standard found
         59.999s see t1 -> waiting, standard (found), in back, due 7200s, solved by 14400s, of c1
         60s * t1 opens to desk+back",
    );
}

#[test]
fn a_correction_that_comes_too_late_for_the_new_deadline_is_a_breach_at_once() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk
         0s submit t1 standard voice found
         20s retier t1 gold found
         20s * t1 late for response",
    );
}

#[test]
fn a_ticket_in_an_agents_hands_can_be_corrected() {
    check_desk(
        "0s submit t1 ? email unavailable
         0s pull ann -> t1 #1 earliest-deadline
         61s retier t1 standard found
         61s see t1 -> with ann of desk until 900s, standard (found), in desk+back, due 7200s, solved by 14400s, picked up 0s, of c1
         62s release t1 #1
         62s queues -> standard/email/desk+back: t1 (0 late)",
    );
}

#[test]
fn a_confirmed_tier_is_not_looked_up_again() {
    check_desk(
        "0s submit t1 ? email unavailable
         0s submit t2 gold email stale 5m
         0s submit t3 gold email stale 5m
         0s submit t4 ? email unavailable
         0s unconfirmed -> t1 t2 t3 t4
         1s retier t1 gold found
         1s unconfirmed -> t2 t3 t4
         2s retier t2 ? unknown
         2s unconfirmed -> t3 t4
         3s cancel t3 -> ended 3
         3s unconfirmed -> t4
         4s pull ann -> t1 #1 earliest-deadline
         4s complete t1 #1 -> ended 1
         4s pull ann -> t4 #2 earliest-deadline
         4s unconfirmed -> t4
         4s complete t4 #2 -> ended 4
         4s unconfirmed -> none",
    );
}

#[test]
fn a_correction_names_a_tier_of_the_policy_or_falls_back() {
    check_desk(
        "0s submit t1 gold email found
         1s retier t1 platinum -> TierNotFound
         1s retier t1 platinum found
         1s see t1 -> waiting, standard (unknown_tier), in back, due 7200s, solved by 14400s, of c1",
    );
}

/// A corrector whose directory fell silent again moved a known customer to the fallback tier.
#[test]
fn a_silent_directory_corrects_nothing() {
    check_desk(
        "0s submit t1 standard email found
         0s submit t2 gold email stale 5m
         1s retier t1 ? unavailable
         1s retier t2 standard stale 6m
         1s see t1 -> waiting, standard (found), in back, due 14400s, of c1
         1s see t2 -> waiting, gold (stale), in desk, due 7200s, solved by 14400s, known for 300s, of c1
         1s unconfirmed -> t2",
    );
}

#[test]
fn a_correction_that_says_what_is_known_writes_nothing() {
    check_desk(
        "0s submit t1 standard email found
         1s recorded -> 4
         1s retier t1 standard found
         1s recorded -> 4
         1s retier t1 gold found
         1s recorded -> 5",
    );
}

#[test]
fn the_place_counts_the_own_and_higher_tiers_that_share_a_pool() {
    check(
        "policy guarded-edf v1; tier gold 2h desk; tier standard 4h desk; tier low 8h back; pool desk; pool back
         0s submit s1 standard email
         1s submit s2 standard email
         2s submit s3 standard chat
         3s submit g1 gold email
         4s submit l1 low email
         5s submit s4 standard email
         5s place g1 -> 0
         5s place s1 -> 1
         5s place s2 -> 2
         5s place s3 -> 3
         5s place s4 -> 4
         5s place l1 -> 0",
    );
}

#[test]
fn no_more_live_tickets_than_the_limit() {
    check_desk(
        "limit 2 1 -> set
         0s submit t1 gold email
         0s submit t2 gold email
         0s submit t3 gold email -> TicketLimit { max: 2 }
         0s submit t1 gold email -> again t1
         0s pull ann -> t1 #1 earliest-deadline
         0s submit t3 gold email -> TicketLimit { max: 2 }
         0s complete t1 #1 -> ended 1
         0s submit t3 gold email",
    );
}
