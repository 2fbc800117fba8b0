//! Pools on whose behalf nothing is dispatched for a while.

use super::script::check;

const TWO: &str =
    "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk+back; pool desk; pool back
    agent ann desk
    agent bob desk+back capacity 2
    here ann
    here bob";

fn check_two(script: &str) {
    check(&format!("{TWO}\n{script}"));
}

#[test]
fn while_a_pool_is_paused_its_tickets_wait_and_their_clocks_run_on() {
    check_two(
        "0s submit t1 gold voice
         1s pause desk fire drill
         1s pool? desk -> 0 handled, 300s each, paused since 1s by ada: fire drill
         2s pull ann -> nothing
         2s pull bob -> nothing
         15.001s * t1 late for response
         20s resume-pool desk
         20s pool? desk -> 0 handled, 300s each
         20s pull ann -> t1 #1 at-risk",
    );
}

#[test]
fn who_waits_is_matched_by_the_resumption() {
    check_two(
        "0s pause desk fire drill
         1s pull ann until=60s -> waits
         2s submit t1 gold voice
         3s resume-pool desk
         3s * ann gets t1 #1 at-risk",
    );
}

#[test]
fn what_is_held_stays_with_its_agent_and_is_finished() {
    check_two(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         0s pull ann -> t1 #1 at-risk
         1s pause desk fire drill
         2s extend t1 #1 -> t1 #1 at-risk
         3s complete t1 #1 -> ended 1
         3s pull ann -> nothing",
    );
}

#[test]
fn tickets_with_another_pool_go_there_by_agents_who_serve_in_it() {
    check_two(
        "0s submit t1 standard voice
         0s submit t2 gold voice
         1s pause desk fire drill
         2s pull ann -> nothing
         2s pull bob -> t1 #1 at-risk
         2s see t1 -> with bob of back until 902s, standard, in desk+back, due 180s, picked up 2s
         2s pull bob -> nothing",
    );
}

#[test]
fn a_pool_is_paused_once_and_a_repetition_keeps_the_first_reason() {
    check_two(
        "1s pause desk fire drill
         2s pause desk lunch -> already
         2s pool? desk -> 0 handled, 300s each, paused since 1s by ada: fire drill
         3s resume-pool desk
         4s resume-pool desk -> already
         5s pause cellar lunch -> PoolNotFound",
    );
}

#[test]
fn a_pause_goes_with_the_name_of_its_pool_from_policy_to_policy() {
    check_two(
        "0s submit t1 gold voice
         1s pause desk fire drill
         2s policy guarded-edf v2; tier gold 15s desk; tier standard 180s desk; pool front; pool desk
         2s pool? desk -> 0 handled, 300s each, paused since 1s by ada: fire drill
         2s pool? front -> 0 handled, 300s each
         3s pull ann -> nothing
         4s resume-pool desk
         4s pull ann -> t1 #1 at-risk",
    );
}

#[test]
fn a_pause_ends_with_its_pool() {
    check_two(
        "1s pause desk fire drill
         2s policy guarded-edf v2; tier gold 15s back; tier standard 180s back; pool back
         3s policy guarded-edf v3; tier gold 15s back; tier standard 180s back; pool back; pool desk
         3s pool? desk -> 0 handled, 300s each",
    );
}

#[test]
fn every_explanation_names_the_pause() {
    check_two(
        "0s submit t1 gold voice
         0s submit t2 standard voice
         1s pause desk fire drill
         2s why t1 ann -> desk paused since 1s by ada: fire drill
         2s why t1 bob -> desk paused since 1s by ada: fire drill
         2s why t2 bob -> gets it
         2s get? ann -> nothing; desk paused since 1s by ada: fire drill; gold/voice/desk: desk paused since 1s by ada: fire drill; standard/voice/desk+back: desk paused since 1s by ada: fire drill
         2s explain t1 -> by v1, 0 ahead; desk paused since 1s
         2s explain t2 -> by v1, 1 ahead; desk paused since 1s; back: t2 178s/180s risk, t2 by at-risk",
    );
}

#[test]
fn the_agents_of_a_paused_pool_are_no_staff_to_a_forecast() {
    check_two(
        "0s submit t1 gold voice
         0s submit t2 standard voice
         0s outlook t1 -> 0 ahead, 2 signed in, 0 of 0 hands free, 300s each assumed
         0s outlook t2 -> 1 ahead, 2 signed in, 0 of 0 hands free, 300s each assumed
         1s pause desk fire drill
         1s outlook t1 -> 0 ahead, 0 signed in, 0 of 0 hands free, 300s each assumed
         1s outlook t2 -> 0 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed",
    );
}

#[test]
fn a_paused_pool_keeps_nobody_in_reserve() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s back; pool desk keep 1 gold; pool back
         agent bob desk+back
         here bob
         0s submit t1 standard voice
         1s pull bob -> held
         2s pause desk fire drill
         2s pull bob -> t1 #1 at-risk",
    );
}

#[test]
fn dispatches_do_not_pass_by_a_tier_that_starves_in_a_paused_pool() {
    check(
        "policy guarded-edf v1 floor 500; tier gold 15s back; tier standard 20s desk; pool desk; pool back
         agent bob desk+back capacity 9
         here bob
         0s submit s1 standard voice
         20.001s * s1 late for response
         60s submit g1 gold voice
         60s submit g2 gold voice
         60s submit g3 gold voice
         60s pause desk fire drill
         60s pull bob -> g1 #1 at-risk
         60s pull bob -> g2 #2 at-risk
         60s pool? desk -> 0 handled, 300s each, paused since 60s by ada: fire drill
         60s resume-pool desk
         60s pull bob -> g3 #3 at-risk
         60s pool? desk -> 0 handled, 300s each, standard passed by 1
         60s submit g4 gold voice
         60s pull bob -> s1 #4 floor",
    );
}

#[test]
fn what_is_dispatched_through_another_pool_settles_nothing_in_a_paused_one() {
    check(
        "policy guarded-edf v1 floor 500; tier gold 15s back; tier standard 20s desk+back; pool desk; pool back
         agent bob desk+back capacity 9
         here bob
         0s submit s1 standard voice
         0s submit s2 standard voice
         20.001s * s1 late for response
         20.001s * s2 late for response
         60s submit g1 gold voice
         60s pull bob -> g1 #1 at-risk
         60s pool? desk -> 0 handled, 300s each, standard passed by 1
         60s pause desk fire drill
         60s pull bob -> s1 #2 floor
         60s pool? desk -> 0 handled, 300s each, paused since 60s by ada: fire drill, standard passed by 1
         60s pool? back -> 0 handled, 300s each",
    );
}

#[test]
fn an_agent_asked_for_by_name_serves_through_a_pool_that_is_open() {
    check_two(
        "0s submit t1 gold voice only=bob
         0s submit t2 gold voice only=ann
         1s pause desk fire drill
         2s why t2 ann -> desk paused since 1s by ada: fire drill
         2s pull ann -> nothing
         2s pull bob -> t1 #1 at-risk
         2s see t1 -> with bob of back until 902s, gold, in desk, due 15s needing only bob, picked up 2s",
    );
}

#[test]
fn a_supervisor_gives_a_ticket_in_spite_of_a_pause() {
    check_two(
        "0s submit t1 gold voice
         1s pause desk fire drill
         2s assign t1 ann -> t1 #1 forced",
    );
}

#[test]
fn an_offer_that_is_out_stands_and_no_other_follows() {
    check_two(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s pause desk fire drill
         2s accept t1 #1 -> t1 #1 at-risk
         3s complete t1 #1 -> ended 1
         4s submit t2 gold voice",
    );
}
