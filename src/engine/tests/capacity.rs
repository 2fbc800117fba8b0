//! Capacity in units: costs, maxima, exclusive channels and interruptions.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk;
    channel voice cost 4 alone over email+chat; channel chat cost 2; channel email cost 1";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn an_agent_holds_as_many_units_as_the_capacity_has() {
    check_desk(
        "agent ann desk capacity 5
         here ann
         0s submit c1 gold chat
         0s submit c2 gold chat
         0s submit c3 gold chat
         0s submit e1 gold email
         1s pull ann -> c1 #1 at-risk
         1s pull ann -> c2 #2 at-risk
         1s pull ann -> e1 #3 at-risk
         1s pull ann -> nothing
         2s complete c1 #1 -> ended 1
         2s pull ann -> c3 #4 at-risk",
    );
}

#[test]
fn work_that_costs_more_than_the_whole_capacity_goes_to_others() {
    check_desk(
        "agent ann desk capacity 3
         agent bob desk capacity 4
         here ann
         here bob
         0s submit v1 gold voice
         1s pull ann -> nothing
         1s pull bob -> v1 #1 at-risk",
    );
}

#[test]
fn a_call_in_hand_closes_every_other_channel() {
    check_desk(
        "agent ann desk capacity 20
         here ann
         0s submit v1 gold voice
         0s submit e1 gold email
         0s submit v2 gold voice
         1s pull ann -> v1 #1 at-risk
         1s pull ann -> again v1 #1 at-risk
         2s complete v1 #1 -> ended 1
         2s pull ann -> e1 #2 at-risk",
    );
}

#[test]
fn a_call_interrupts_chats_and_mails_and_takes_no_notice_of_their_units() {
    check_desk(
        "agent ann desk capacity 4
         here ann
         0s submit c1 gold chat
         0s submit c2 gold chat
         1s pull ann -> c1 #1 at-risk
         1s pull ann -> c2 #2 at-risk
         2s submit e1 gold email
         2s submit v1 gold voice
         3s pull ann -> v1 #3 at-risk
         4s complete v1 #3 -> ended 4
         4s complete c1 #1 -> ended 1
         4s pull ann -> e1 #4 at-risk",
    );
}

#[test]
fn a_call_is_not_begun_beside_work_that_it_does_not_interrupt() {
    check_desk(
        "agent ann desk capacity 20
         here ann
         0s submit w1 gold web
         1s pull ann -> w1 #1 at-risk
         2s submit v1 gold voice
         2s submit w2 gold web
         2s pull ann -> w2 #2 at-risk
         3s pull ann -> nothing
         4s complete w1 #1 -> ended 1
         4s complete w2 #2 -> ended 3
         4s pull ann -> v1 #3 at-risk",
    );
}

#[test]
fn an_agent_takes_no_more_of_a_channel_than_its_maximum() {
    check_desk(
        "agent ann desk capacity 20 most chat=1 email=0
         here ann
         0s submit c1 gold chat
         0s submit c2 gold chat
         0s submit e1 gold email
         0s submit w1 gold web
         1s pull ann -> c1 #1 at-risk
         1s pull ann -> w1 #2 at-risk
         1s pull ann -> nothing",
    );
}

#[test]
fn the_load_is_counted_in_units_when_two_agents_wait() {
    check_desk(
        "agent ann desk capacity 8
         agent bob desk capacity 8
         here ann
         here bob
         0s submit e1 gold email
         0s pull ann -> e1 #1 at-risk
         0s submit e2 gold email
         0s pull ann -> e2 #2 at-risk
         0s submit v1 gold voice
         0s pull bob -> v1 #3 at-risk
         1s complete v1 #3 -> ended 3
         1s submit c1 gold chat
         1s pull bob -> c1 #4 at-risk
         1s submit c2 gold chat
         1s pull bob -> c2 #5 at-risk
         2s pull bob until=60s -> waits
         2s pull ann until=60s -> waits
         3s submit w1 gold web
         3s * ann gets w1 #6 at-risk
         3s submit w2 gold web
         3s * bob gets w2 #7 at-risk",
    );
}

#[test]
fn a_new_policy_that_leaves_no_channel_open_ends_the_wait() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent ann desk capacity 2
         here ann
         0s pull ann until=60s -> waits
         1s policy guarded-edf v2; tier gold 15s desk; pool desk; channel voice cost 3;
            channel chat cost 3; channel email cost 3; channel web cost 3; channel callback cost 3;
            channel outbound cost 3
         1s * ann waits no more: Nothing",
    );
}

#[test]
fn a_capacity_that_shrinks_below_what_is_held_ends_the_wait_and_keeps_the_work() {
    check_desk(
        "agent ann desk capacity 3
         here ann
         0s submit c1 gold chat
         0s pull ann -> c1 #1 at-risk
         1s pull ann until=60s -> waits
         2s agent ann desk capacity 2
         2s * ann waits no more: Nothing
         3s complete c1 #1 -> ended 1",
    );
}
