//! Explanations: every candidate, its slack, the step and the policy.

use super::script::check;

#[test]
fn an_explanation_names_every_head_with_slack_and_guard_and_the_step_that_decides() {
    check(
        "policy guarded-edf v7; tier gold 2h desk; tier standard 4h desk; pool desk
         agent ann desk
         here ann
         0h submit t1 standard email
         0h submit t2 gold email
         0h submit t3 gold email
         0h submit t4 gold chat
         0h explain t3 -> by v7, 1 ahead; desk: t4 7200s/1800s, t2 7200s/1800s, t1 14400s/3600s, t2 by earliest-deadline
         1.6h explain t1 -> by v7, 3 ahead; desk: t4 1440s/1800s risk, t2 1440s/1800s risk, t1 8640s/3600s, t2 by at-risk",
    );
}

#[test]
fn an_explanation_shows_starving_heads_and_negative_slack() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 60s desk; pool desk
         agent ann desk
         here ann
         0s submit s1 standard voice
         60.001s * s1 late for response
         121.5s submit g1 gold voice
         121.5s explain s1 -> by v1, 1 ahead; desk: g1 15s/15s risk, s1 -61.500s/60s risk starving, g1 by at-risk",
    );
}

#[test]
fn an_explanation_names_the_pool_whose_reserve_holds_a_ticket() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk+back; pool desk keep 1 gold; pool back
         agent ann desk
         here ann
         agent bob back
         agent cid desk+back
         0s submit t1 standard voice
         1s pull ann until=60s -> waits
         2s explain t1 -> by v1, 0 ahead; desk waiting: t1 178s/180s risk held by desk, held; back: t1 178s/180s risk, t1 by at-risk; desk+back: t1 178s/180s risk, t1 by at-risk",
    );
}

#[test]
fn without_agents_every_pool_of_the_ticket_is_explained() {
    check(
        "policy guarded-edf v1; tier gold 15s desk+back; pool desk; pool back
         0s submit t1 gold voice
         0s explain t1 -> by v1, 0 ahead; desk: t1 15s/15s risk, t1 by at-risk; back: t1 15s/15s risk, t1 by at-risk",
    );
}

#[test]
fn a_ticket_in_an_agents_hands_is_explained_by_its_assignment() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent ann desk
         here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         0s explain t1 -> by v1
         0s explain t2 -> gone",
    );
}
