//! Agents who finish what they hold, get nothing new, and are away when it is done.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk;
    pool desk offer 20s off 10s 25s misses 2
    agent ann desk capacity 2
    agent bob desk";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn who_drains_finishes_what_is_held_gets_nothing_new_and_is_then_away() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann as=a -> t1 #1 at-risk
         2s drain ann
         2s agent? ann -> Draining in desk, holds t1, idle since 0s
         2s pull ann -> AgentDraining
         2s pull ann as=a -> again t1 #1 at-risk
         2s see t2 -> waiting, gold, in desk, due 15s
         3s extend t1 #1 -> t1 #1 at-risk
         4s complete t1 #1 -> ended 1
         4s * ann is Away
         5s pull ann -> AgentAway
         6s here ann
         6s pull ann -> t2 #2 at-risk",
    );
}

#[test]
fn who_drains_with_nothing_in_hand_is_away_at_once() {
    check_desk(
        "0s here ann
         0s drain ann
         0s * ann is Away
         1s drain ann
         1s * ann is Away
         1s agent? ann -> Away in desk, holds nothing, idle since 0s",
    );
}

#[test]
fn draining_ends_a_pull_that_waits() {
    check_desk(
        "0s here ann
         0s pull ann until=60s -> waits
         1s drain ann
         1s * ann waits no more: Away
         1s * ann is Away
         2s submit t1 gold voice",
    );
}

#[test]
fn draining_takes_offers_back_and_leaves_the_stream_open() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         0s accept t1 #1 -> t1 #1 at-risk
         1s submit t2 gold voice
         1s * ann is offered t2 #2 at-risk
         2s drain ann
         2s * offer #2 of t2 is taken back: Away
         2s accept t2 #2 -> OfferEnded
         2s agent? ann -> Draining in desk, holds t1, idle since 0s, streams
         3s complete t1 #1 -> ended 1
         3s * ann is Away
         3s agent? ann -> Away in desk, holds nothing, idle since 3s, streams
         4s here ann
         4s * ann is offered t2 #3 at-risk",
    );
}

#[test]
fn work_that_is_given_back_parked_or_withdrawn_ends_the_draining_too() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         0s pull ann -> t1 #1 at-risk
         0s pull ann -> t2 #2 at-risk
         1s drain ann
         2s release t1 #1
         3s cancel t2 -> ended 2
         3s * ann is Away",
    );
}

#[test]
fn who_drains_may_be_made_available_again_before_the_end() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         0s pull ann -> t1 #1 at-risk
         1s drain ann
         2s here ann
         2s pull ann -> t2 #2 at-risk",
    );
}

#[test]
fn who_drains_writes_up_what_is_completed_before_going_away() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk; channel voice wrap 30s
         agent ann desk
         here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s drain ann
         2s complete t1 #1 -> ended 1
         2s agent? ann -> Draining in desk, holds nothing, idle since 2s, writes up t1 until 32s
         32s * ann's wrap-up of t1 ends: Limit
         32s * ann is Away",
    );
}

#[test]
fn a_supervisor_gives_nothing_to_one_who_drains_and_why_not_says_so() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s submit t2 standard voice
         0s pull ann -> t1 #1 at-risk
         1s drain ann
         1s assign t2 ann -> AgentDraining
         1s why t2 ann -> draining
         1s get? ann -> nothing; draining",
    );
}

#[test]
fn who_drains_is_on_duty_for_nobody_and_is_not_waited_for() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s submit t2 gold voice first=ann/60s
         1s drain ann
         1s * t2 is for others too: Unavailable
         1s outlook t2 -> 0 ahead, 0 signed in, 0 of 0 hands free, 300s each assumed",
    );
}

#[test]
fn draining_outlives_a_policy_and_a_start() {
    check_desk(
        "0s here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         1s drain ann
         2s policy fifo v2; tier gold 15s back+desk; tier standard 180s desk; pool back; pool desk
         3s start
         3s agent? ann -> Draining in desk, holds t1, idle since 0s
         4s complete t1 #1 -> ended 1
         4s * ann is Away",
    );
}
