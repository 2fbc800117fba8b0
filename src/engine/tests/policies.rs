//! A new policy comes into force over what waits.

use super::script::check;

const OLD: &str = "policy guarded-edf v1; tier gold 1h desk; tier standard 4h desk+back; pool desk lease 60s; pool back
                   agent ann desk+back capacity 3
                   here ann
                   0s submit s1 standard email found
                   1s submit g1 gold email";

fn check_old(script: &str) {
    check(&format!("{OLD}\n{script}"));
}

#[test]
fn tickets_keep_their_deadlines_and_follow_the_new_pools() {
    check_old(
        "2s policy guarded-edf v2; tier gold 10s back; tier standard 20s desk; pool desk; pool back
         2s see g1 -> waiting, gold, in back, due 3601s
         2s see s1 -> waiting, standard (found), in desk, due 14400s, of c1
         3s submit g2 gold email
         3s see g2 -> waiting, gold, in back, due 13s",
    );
}

#[test]
fn another_rule_orders_anew() {
    check_old(
        "2s retier s1 gold found
         2s queues -> gold/email/desk: s1 g1 (0 late)
         2s retier s1 standard found
         2s policy fifo v2; tier gold 1h desk; tier standard 4h desk; pool desk
         2s pull ann -> s1 #1 fifo
         2s pull ann -> g1 #2 fifo",
    );
}

#[test]
fn a_rule_of_arrivals_orders_what_deadlines_had_ordered() {
    check(
        "policy edf v1; tier gold 1h desk; tier standard 4h desk; pool desk
         agent ann desk capacity 3
         here ann
         0s submit t1 standard email
         1s submit t2 gold email found
         2s retier t2 standard found
         2s queues -> standard/email/desk: t2 t1 (0 late)
         3s policy accumulating v2; tier gold 1h desk; tier standard 4h desk; pool desk
         3s queues -> standard/email/desk: t1 t2 (0 late)
         3s pull ann -> t1 #1 accumulated",
    );
}

#[test]
fn tiers_and_pools_may_change_their_places_and_keep_their_names() {
    check_old(
        "2s pull ann -> g1 #1 earliest-deadline
         3s policy guarded-edf v2; tier top 10s back; tier standard 4h back+desk; tier gold 1h desk; pool back; pool desk lease 60s
         3s agent? ann -> Available in back+desk, holds g1, idle since 0s
         3s see g1 -> with ann of desk until 62s, gold, in desk, due 3601s, picked up 2s
         3s see s1 -> waiting, standard (found), in back+desk, due 14400s, of c1
         4s complete g1 #1 -> ended 2
         4s pool? desk -> 1 handled, 300s each
         4s pool? back -> 0 handled, 300s each",
    );
}

#[test]
fn a_dropped_pool_leaves_its_agents_and_leases_behind_in_peace() {
    check_old(
        "2s agent bob desk
         2s here bob
         2s pull bob -> g1 #1 earliest-deadline
         3s policy guarded-edf v2; tier gold 1h back; tier standard 4h back; pool back
         3s agent? bob -> Available in no pool, holds g1, idle since 2s
         3s see g1 -> with bob of no pool until 62s, gold, in back, due 3601s, picked up 2s
         4s extend g1 #1 -> g1 #1 earliest-deadline
         4s see g1 -> with bob of no pool until 904s, gold, in back, due 3601s, picked up 2s
         5s complete g1 #1 -> ended 2
         6s pull bob until=9s -> waits
         9s * bob waits no more: Nothing",
    );
}

#[test]
fn work_that_was_done_keeps_the_name_of_its_pool_while_there_is_one() {
    check_old(
        "2s agent bob back
         2s here bob
         2s pull ann -> g1 #1 earliest-deadline
         5s release g1 #1
         6s pull bob -> s1 #2 earliest-deadline
         8s transfer s1 #2 pool desk
         8s policy guarded-edf v2; tier gold 1h desk; tier standard 4h desk; pool other; pool desk
         8s worked g1 -> desk 3s
         8s worked s1 -> nowhere 2s",
    );
}

#[test]
fn a_tier_that_live_tickets_have_cannot_be_dropped() {
    check_old(
        "2s policy guarded-edf v2; tier standard 4h desk; pool desk -> PolicyStrandsTickets { tier: TierIx(0), count: 1 }
         2s cancel g1 -> ended 2
         2s policy guarded-edf v2; tier standard 4h desk; pool desk
         2s see s1 -> waiting, standard (found), in desk, due 14400s, of c1",
    );
}

#[test]
fn a_new_policy_takes_the_overflow_steps_that_waits_have_earned() {
    check_old(
        "61s policy guarded-edf v2; tier gold 1h desk then 60s desk+back then 2m back; tier standard 4h desk; pool desk; pool back
         61s see g1 -> waiting, gold, in desk+back, due 3601s
         121s * g1 opens to back",
    );
}

#[test]
fn a_new_policy_may_bring_a_waiting_agent_work() {
    check_old(
        "2s cancel s1 -> ended 1
         3s agent bob back
         3s here bob
         3s pull bob until=60s -> waits
         4s policy guarded-edf v2; tier gold 1h desk+back; tier standard 4h desk; pool desk; pool back
         4s * bob gets g1 #1 earliest-deadline",
    );
}

#[test]
fn a_new_policy_does_not_confirm_a_tier() {
    check_old(
        "2s submit u1 ? email unavailable
         3s policy fifo v2; tier gold 1h desk; tier standard 4h desk; pool desk
         3s unconfirmed -> u1",
    );
}

#[test]
fn after_a_new_policy_the_history_answers_retries() {
    check_old(
        "2s pull ann -> g1 #1 earliest-deadline
         2s complete g1 #1 -> ended 2
         3s policy fifo v2; tier gold 1h desk; tier standard 4h desk; pool desk
         3s complete g1 #1 earlier 2 by #1 -> ended 2
         3s complete g1 #1 -> TicketNotFound",
    );
}
