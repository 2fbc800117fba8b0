//! Contacts that we begin fill idle time and take nobody from a customer who waits.

use super::script::check;

const DESK: &str =
    "policy guarded-edf v1; tier gold 60s desk; tier standard 4h desk; pool desk fills 1
                    agent ann desk capacity 2
                    agent bob desk";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_contact_waits_until_more_agents_are_idle_than_are_left_idle() {
    check_desk(
        "here ann
         0s submit o1 gold outbound
         0s pull ann until=600s -> waits
         1s here bob
         1s pull bob until=600s -> waits
         1s * ann gets o1 #1 at-risk",
    );
}

#[test]
fn a_contact_is_never_served_while_the_agent_may_take_a_ticket() {
    check_desk(
        "here ann
         here bob
         0s pull bob until=600s -> waits
         0s submit o1 gold outbound
         0s submit t1 standard email
         0s * bob gets t1 #1 earliest-deadline
         0s pull ann -> held",
    );
}

#[test]
fn an_overdue_contact_does_not_starve_its_way_to_an_agent() {
    check_desk(
        "here ann
         0s submit o1 gold outbound
         60.001s * o1 late for response
         1000s submit t1 standard email
         1000s pull ann -> t1 #1 earliest-deadline
         1001s complete t1 #1 -> ended 2
         1001s pull ann -> held",
    );
}

#[test]
fn what_a_supervisor_has_moved_to_the_front_fills_no_idle_time() {
    check(
        "policy guarded-edf v1; tier gold 60s desk; tier standard 4h desk; pool desk fills 0
         agent ann desk capacity 2
         here ann
         0s submit o1 gold outbound
         0s submit t1 standard email
         0s submit t2 standard email
         0s pull ann -> t1 #1 earliest-deadline
         1s front o1
         1s pull ann -> o1 #2 promoted",
    );
}
