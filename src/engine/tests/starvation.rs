//! The floor: which starving tier has its turn, and when. The bound for all policies and loads is a property
//! test of its own, `tests/starvation.rs`.

use super::script::check;

#[test]
fn a_starving_ticket_is_taken_by_the_kth_dispatch_that_could_take_it() {
    check(
        "policy guarded-edf v1 floor 300; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         0s submit s2 standard voice
         60.001s * s1 late for response
         60.001s * s2 late for response
         121s submit g1 gold voice
         121s submit g2 gold voice
         121s submit g3 gold voice
         121s submit g4 gold voice
         121s submit g5 gold voice
         121s pull ann -> g1 #1 at-risk
         121s pull ann -> g2 #2 at-risk
         121s pull ann -> g3 #3 at-risk
         121s pool? desk -> 0 handled, 300s each, standard passed by 3
         121s pull ann -> s1 #4 floor
         121s pool? desk -> 0 handled, 300s each
         121s pull ann -> g4 #5 at-risk
         121s pool? desk -> 0 handled, 300s each, standard passed by 1",
    );
}

#[test]
fn dispatches_before_it_starves_do_not_count() {
    check(
        "policy guarded-edf v1 floor 500; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         0s submit g1 gold voice
         0s submit g2 gold voice
         0s pull ann -> g1 #1 at-risk
         0s pull ann -> g2 #2 at-risk
         0s pool? desk -> 0 handled, 300s each
         60.001s * s1 late for response
         121s submit g3 gold voice
         121s pull ann -> g3 #3 at-risk
         121s pull ann -> s1 #4 floor",
    );
}

#[test]
fn a_ticket_starves_only_after_the_multiple_of_its_target() {
    let both =
        "policy guarded-edf v1 floor 1000; tier gold 15s desk; tier standard 60s desk; pool desk
                agent ann desk capacity 9
                here ann
                0s submit g0 gold voice
                0s pull ann -> g0 #1 at-risk
                0s submit s1 standard voice
                60.001s * s1 late for response
                110s submit g1 gold voice";
    check(&format!("{both}\n 120s pull ann -> g1 #2 at-risk"));
    check(&format!("{both}\n 120.001s pull ann -> s1 #2 floor"));
}

#[test]
fn starving_tiers_take_turns_and_the_one_passed_by_most_often_comes_first() {
    check(
        "policy guarded-edf v1 floor 1000; tier a 10s desk; tier b 10s desk; tier c 10s desk; pool desk
         agent ann desk capacity 20
         here ann
         0s submit c1 c voice
         0s submit c2 c voice
         0s submit b1 b voice
         0s submit b2 b voice
         0s submit a1 a voice
         10.001s * c1 late for response
         10.001s * c2 late for response
         10.001s * b1 late for response
         10.001s * b2 late for response
         10.001s * a1 late for response
         30s pull ann -> a1 #1 floor
         30s submit a2 a voice
         30s pull ann -> b1 #2 floor
         30s pool? desk -> 0 handled, 300s each, c passed by 2
         30s pull ann -> c1 #3 floor
         30s pull ann -> b2 #4 floor
         30s pull ann -> c2 #5 floor
         30s pull ann -> a2 #6 at-risk",
    );
}

/// The share was once taken from the pool through which the ticket would go. Agents of two pools who were
/// kept busy through one of them never filled the other's, and its tickets starved for ever.
#[test]
fn a_dispatch_counts_in_every_pool_of_its_agent() {
    check(
        "policy guarded-edf v1 floor 300; tier gold 15s first; tier standard 60s second;
                pool first; pool second
         agent ann first+second capacity 9
         here ann
         0s submit s1 standard voice
         60.001s * s1 late for response
         121s submit g1 gold voice
         121s submit g2 gold voice
         121s submit g3 gold voice
         121s submit g4 gold voice
         121s pull ann -> g1 #1 at-risk
         121s pull ann -> g2 #2 at-risk
         121s pull ann -> g3 #3 at-risk
         121s pool? second -> 0 handled, 300s each, standard passed by 3
         121s pull ann -> s1 #4 floor",
    );
}

#[test]
fn who_cannot_serve_a_starving_ticket_does_not_pass_it_by() {
    check(
        "policy guarded-edf v1 floor 500; tier gold 15s first; tier standard 60s second;
                pool first; pool second
         agent ann first capacity 9
         agent bob first+second capacity 9
         here ann
         here bob
         0s submit s1 standard voice
         60.001s * s1 late for response
         121s submit g1 gold voice
         121s submit g2 gold voice
         121s submit g3 gold voice
         121s submit g4 gold voice
         121s pull ann -> g1 #1 at-risk
         121s pull ann -> g2 #2 at-risk
         121s pool? first -> 0 handled, 300s each
         121s pull bob -> g3 #3 at-risk
         121s pull bob -> s1 #4 floor",
    );
}

#[test]
fn a_tiers_turn_goes_to_its_earliest_deadline_whoever_starved() {
    check(
        "policy guarded-edf v1 floor 1000; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         60.001s * s1 late for response
         70s submit s2 gold chat found
         71s retier s2 standard found
         85.001s * s2 late for response
         101s submit g1 gold voice
         101s pull ann -> s1 #1 floor
         101s pull ann -> s2 #2 floor
         101s pull ann -> g1 #3 at-risk",
    );
}

#[test]
fn the_floor_does_not_break_the_reserve() {
    check(
        "policy guarded-edf v1 floor 1000; tier gold 10s desk; tier standard 10s desk;
                pool desk keep 1 gold
         agent ann desk capacity 2
         here ann
         0s submit g1 gold voice
         0s pull ann -> g1 #1 at-risk
         0s submit s1 standard voice
         10.001s * s1 late for response
         60s pull ann -> held",
    );
}

#[test]
fn where_the_reserve_yields_a_starving_tiers_turn_takes_the_agent_kept_free() {
    check(
        "policy guarded-edf v1 floor 500; tier gold 10s desk; tier standard 10s desk;
                pool desk keep 1 gold yields
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         5s pull ann -> held
         10.001s * s1 late for response
         21s pull ann -> held
         21s submit g1 gold voice
         21s pull ann -> g1 #1 at-risk
         21s pool? desk -> 0 handled, 300s each, standard passed by 1
         21s pull ann -> s1 #2 floor",
    );
}

#[test]
fn a_policy_keeps_the_counts_of_the_tiers_it_keeps() {
    check(
        "policy guarded-edf v1 floor 300; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         60.001s * s1 late for response
         121s submit g1 gold voice
         121s pull ann -> g1 #1 at-risk
         122s policy guarded-edf v2 floor 300; tier new 15s desk; tier gold 15s desk; tier standard 60s desk; pool desk
         122s pool? desk -> 0 handled, 300s each, standard passed by 1",
    );
}

#[test]
fn under_a_rule_without_a_floor_nothing_is_counted() {
    check(
        "policy static-priority v1; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk capacity 9
         here ann
         0s submit s1 standard voice
         60.001s * s1 late for response
         121s submit g1 gold voice
         121s pull ann -> g1 #1 priority
         121s pool? desk -> 0 handled, 300s each",
    );
}
