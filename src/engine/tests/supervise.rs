//! What supervisors do to single tickets, past the rule.

use super::script::check;

const FLOOR: &str = "policy guarded-edf v1; tier gold 1h desk; tier standard 4h desk; pool desk lease 60s; pool back
                     agent ann desk
                     here ann
                     0s submit g1 gold email
                     1s submit g2 gold email
                     2s submit s1 standard email";

fn check_floor(script: &str) {
    check(&format!("{FLOOR}\n{script}"));
}

#[test]
fn a_ticket_moved_to_the_front_goes_before_every_tier() {
    check_floor(
        "3s front s1
         3s place s1 -> 0
         3s queues -> gold/email/desk: g1 g2 (0 late); standard/email/desk: s1 (0 late)
         3s pull ann -> s1 #1 promoted",
    );
}

#[test]
fn of_several_moved_to_the_front_the_one_moved_first_goes_first() {
    check_floor(
        "3s front g2
         4s front s1
         5s front g2 -> again g2
         6s queues -> gold/email/desk: g2 g1 (0 late); standard/email/desk: s1 (0 late)
         6s pull ann -> g2 #1 promoted
         6s complete g2 #1 -> ended 2
         6s pull ann -> s1 #2 promoted",
    );
}

#[test]
fn who_was_at_the_front_and_was_given_back_stands_in_its_old_place() {
    check_floor(
        "3s front s1
         3s pull ann -> s1 #1 promoted
         4s release s1 #1
         4s pull ann -> g1 #2 earliest-deadline",
    );
}

#[test]
fn an_answer_that_nobody_saw_leaves_a_ticket_at_the_front() {
    check_floor(
        "3s front s1
         3s pull ann -> s1 #1 promoted
         4s release s1 #1 undelivered
         4s pull ann -> s1 #2 promoted",
    );
}

#[test]
fn the_front_takes_nobody_out_of_a_reserve() {
    check(
        "policy guarded-edf v1; tier gold 1h desk; tier standard 4h desk; pool desk keep 1 gold
         agent ann desk
         here ann
         0s submit s1 standard email
         1s front s1
         1s pull ann -> held",
    );
}

#[test]
fn a_ticket_is_given_to_an_agent_past_pools_and_rule() {
    check_floor(
        "3s agent bob back
         3s assign s1 bob -> AgentAway
         3s here bob
         3s assign s1 bob -> s1 #1 forced
         3s assign s1 bob -> again s1 #1 forced
         3s see s1 -> with bob of desk until 63s, standard, in desk, due 14402s, picked up 3s
         3s assign g1 bob -> AgentFull
         3s assign g1 nobody -> AgentNotFound
         4s complete s1 #1 -> ended 3",
    );
}

#[test]
fn a_ticket_in_other_hands_is_taken_from_them_first() {
    check_floor(
        "3s pull ann -> g1 #1 earliest-deadline
         3s agent bob back
         3s here bob
         4s assign g1 bob -> g1 #2 forced
         4s complete g1 #1 -> LeaseSuperseded
         4s pull ann -> g2 #3 earliest-deadline
         4s complete g1 #2 -> ended 1",
    );
}

#[test]
fn a_requeued_ticket_voids_its_token_and_stands_in_its_old_place() {
    check_floor(
        "3s pull ann -> g1 #1 earliest-deadline
         4s requeue g1
         4s requeue g1 -> again g1
         4s complete g1 #1 -> LeaseEnded
         4s front g1
         4s requeue g1 -> again g1
         4s pull ann -> g1 #2 promoted",
    );
}

#[test]
fn a_withdrawn_ticket_ends_wherever_it_is() {
    check_floor(
        "3s pull ann -> g1 #1 earliest-deadline
         4s front g1 -> TicketNotWaiting
         4s withdraw g1 -> ended 1
         4s withdraw g1 -> ended 1
         4s complete g1 #1 -> TicketCancelled
         4s withdraw s1 -> ended 3
         4s front s1 -> TicketCancelled",
    );
}

#[test]
fn another_policy_keeps_who_stands_at_the_front() {
    check_floor(
        "3s front s1
         4s policy fifo v2; tier gold 1h desk; tier standard 4h desk; pool desk
         4s pull ann -> s1 #1 promoted",
    );
}

const STREAM: &str =
    "policy guarded-edf v1; tier gold 1h desk; pool desk offer 20s off 10s 25s misses 2; pool back
                      agent ann desk capacity 2
                      agent bob back
                      0s work ann
                      1s submit g1 gold email
                      1s * ann is offered g1 #1 earliest-deadline";

fn check_stream(script: &str) {
    check(&format!("{STREAM}\n{script}"));
}

#[test]
fn an_offered_ticket_is_taken_back_before_it_is_given_to_someone_else() {
    check_stream(
        "2s here bob
         2s assign g1 bob -> g1 #2 forced
         2s * offer #1 of g1 is taken back: Supervisor
         3s accept g1 #1 -> OfferEnded
         3s see g1 -> with bob of desk until 902s, gold, in desk, due 3601s, picked up 2s",
    );
}

#[test]
fn who_works_on_a_stream_is_offered_what_a_supervisor_gives() {
    check_stream(
        "2s work bob
         2s assign g1 bob
         2s * offer #1 of g1 is taken back: Supervisor
         2s assign g1 bob -> again g1
         3s accept g1 #2 -> g1 #2 forced
         4s complete g1 #2 -> ended 1",
    );
}

#[test]
fn a_requeued_offer_is_taken_back_and_the_ticket_is_offered_anew() {
    check_stream(
        "2s requeue g1
         2s * offer #1 of g1 is taken back: Supervisor
         2s * ann is offered g1 #2 earliest-deadline
         3s accept g1 #1 -> OfferEnded
         3s accept g1 #2 -> g1 #2 earliest-deadline",
    );
}

#[test]
fn a_withdrawn_offer_leaves_the_agent_as_free_as_before() {
    check_stream(
        "2s withdraw g1 -> ended 1
         2s accept g1 #1 -> TicketCancelled
         3s agent? ann -> Available in desk, holds nothing, idle since 0s, streams",
    );
}
