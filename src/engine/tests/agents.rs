//! Agents: presence, waiting for work, being changed and forgotten.

use super::script::check;

const DESK: &str =
    "policy guarded-edf v1; tier gold 15s desk; tier standard 180s back; pool desk; pool back
                    agent ann desk capacity 2";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_new_agent_is_away_and_cannot_pull() {
    check_desk(
        "0s pull ann -> AgentAway
         0s pull bob -> AgentNotFound
         1s here ann
         1s agent? ann -> Available in desk, holds nothing, idle since 1s
         1s pull ann -> nothing",
    );
}

#[test]
fn going_away_ends_the_wait_and_keeps_what_is_held() {
    check_desk(
        "here ann
         0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s pull ann until=60s -> waits
         3s away ann
         3s * ann waits no more: Away
         4s submit t2 gold voice
         4s agent? ann -> Away in desk, holds t1, idle since 0s
         5s complete t1 #1 -> ended 1",
    );
}

#[test]
fn presence_told_twice_changes_nothing() {
    check_desk(
        "0s here ann
         5s here ann
         5s agent? ann -> Available in desk, holds nothing, idle since 0s
         5s away ann
         6s away ann
         7s here ann
         7s agent? ann -> Available in desk, holds nothing, idle since 7s
         7s here bob -> AgentNotFound",
    );
}

#[test]
fn a_wait_ends_at_its_own_instant_with_the_reason() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
         agent ann desk
         here ann
         0s pull ann until=10s -> waits
         10s * ann waits no more: Nothing
         11s submit t1 standard voice
         11s pull ann until=20s -> waits
         20s * ann waits no more: HeldForTier",
    );
}

#[test]
fn a_caller_who_is_gone_waits_no_more() {
    check_desk(
        "here ann
         0s pull ann until=60s -> waits
         1s stop ann
         1s * ann waits no more: CallerGone
         2s stop ann
         2s submit t1 gold voice
         17.001s * t1 late for response
         60s pass -> woken",
    );
}

#[test]
fn a_newer_pull_replaces_the_one_that_waits() {
    check_desk(
        "here ann
         0s pull ann as=r1 until=60s -> waits
         1s pull ann as=r2 until=90s -> waits
         1s * ann waits no more: Replaced
         2s submit t1 gold voice
         2s * ann gets t1 #1 at-risk
         3s pull ann as=r2 -> again t1 #1 at-risk
         4s submit t2 gold voice
         4s pull ann as=r1 -> t2 #2 at-risk",
    );
}

#[test]
fn a_pull_that_does_not_want_to_wait_still_has_its_turn_among_those_who_do() {
    check_desk(
        "here ann
         agent bob back
         here bob
         0s pull bob until=60s -> waits
         1s pull ann -> waits
         1s * ann waits no more: Nothing
         2s submit t1 gold voice
         3s pull ann -> waits
         3s * ann gets t1 #1 at-risk",
    );
}

#[test]
fn a_start_of_the_server_ends_every_wait() {
    check_desk(
        "here ann
         agent bob back
         here bob
         0s pull ann until=60s -> waits
         0s pull bob until=60s -> waits
         1s start
         1s next -> never
         2s submit t1 gold voice
         2s agent? ann -> Available in desk, holds nothing, idle since 0s",
    );
}

#[test]
fn a_changed_agent_keeps_presence_wait_and_work() {
    check_desk(
        "here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s pull ann until=60s -> waits
         2s submit t2 standard voice
         3s agent ann desk+back capacity 2
         3s * ann gets t2 #2 at-risk
         4s agent? ann -> Available in desk+back, holds t1 t2, idle since 0s",
    );
}

/// A pull that waited outlived the change and brought the agent a second ticket for one pair of hands.
#[test]
fn an_agent_whose_hands_are_full_by_a_smaller_capacity_waits_no_more() {
    check_desk(
        "here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s pull ann until=60s -> waits
         2s agent ann desk capacity 1
         2s * ann waits no more: Nothing
         3s submit t2 gold voice
         4s pull ann -> again t1 #1 at-risk
         18.001s * t2 late for response",
    );
}

#[test]
fn an_agent_serves_in_pools_of_the_policy() {
    check_desk("0s agent bob nowhere -> PoolNotFound");
}

#[test]
fn an_agent_is_forgotten_only_with_empty_hands() {
    check_desk(
        "here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s delete ann -> AgentBusy
         2s complete t1 #1 -> ended 1
         3s pull ann until=60s -> waits
         4s delete ann
         4s * ann waits no more: Away
         5s delete ann -> AgentNotFound
         5s pull ann -> AgentNotFound
         5s submit t2 gold voice",
    );
}

#[test]
fn no_more_agents_than_the_limit() {
    check_desk(
        "limit 9 1 -> set
         0s agent bob desk -> AgentLimit { max: 1 }
         0s agent ann back
         0s delete ann
         0s agent bob desk",
    );
}

#[test]
fn the_busy_agent_with_a_hand_free_is_idle_since_the_last_completion() {
    check_desk(
        "here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         1s pull ann -> t2 #2 at-risk
         2s complete t1 #1 -> ended 1
         3s agent? ann -> Available in desk, holds t2, idle since 2s
         4s pull ann until=60s -> waits
         5s complete t2 #2 -> ended 2
         6s agent? ann -> Available in desk, holds nothing, idle since 5s, waits",
    );
}

#[test]
fn an_agent_moved_to_another_pool_keeps_what_is_held_and_gets_the_work_of_the_new_pool() {
    check(
        "policy guarded-edf v1; tier gold 1h desk; tier standard 4h back; pool desk lease 60s; pool back lease 60s
         agent ann desk capacity 2
         here ann
         0s submit g1 gold email
         0s submit g2 gold email
         0s submit s1 standard email
         1s pull ann -> g1 #1 earliest-deadline
         2s agent ann back capacity 2
         2s agent? ann -> Available in back, holds g1, idle since 0s
         3s pull ann -> s1 #2 earliest-deadline
         4s complete g1 #1 -> ended 1
         5s complete s1 #2 -> ended 3
         5s see g2 -> waiting, gold, in desk, due 3600s",
    );
}
