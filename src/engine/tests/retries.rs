//! Everything may be asked twice.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 2h desk; tier standard 4h desk; pool desk
                    agent ann desk capacity 2
                    here ann";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn the_same_submit_again_is_the_same_ticket() {
    check_desk(
        "0s submit t1 gold email about=door
         1s submit t1 gold email about=door -> again t1
         1s queues -> gold/email/desk: t1 (0 late)
         1s pull ann -> t1 #1 earliest-deadline
         2s submit t1 gold email about=door -> again t1",
    );
}

#[test]
fn the_same_id_with_other_content_is_refused() {
    check_desk(
        "0s submit t1 gold email about=door
         1s submit t1 gold email about=window -> TicketExists
         1s submit t1 gold voice about=door -> TicketExists
         1s cancel t1 -> ended 1
         1s submit t1 gold email about=window -> TicketExists",
    );
}

#[test]
fn a_retry_counts_by_what_was_asked_at_first_not_by_what_it_became() {
    check_desk(
        "0s submit t1 gold email about=door
         1s update t1 window
         1s retier t1 standard found
         2s submit t1 gold email about=door -> again t1
         2s submit t1 gold email about=window -> TicketExists",
    );
}

#[test]
fn a_submit_repeated_after_the_end_finds_the_end() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         0s complete t1 #1 -> ended 1
         1s submit t1 gold email -> ended 1
         1s queues -> none",
    );
}

#[test]
fn a_ticket_that_left_memory_is_found_in_the_history() {
    check_desk(
        "0s submit t1 gold email earlier 7 by #3 -> ended 7
         0s submit t1 gold email earlier 7 other -> TicketExists
         0s cancel t1 earlier 7 -> ended 7
         0s cancel t1 earlier 7 by #3 -> TicketCompleted
         0s complete t1 #3 earlier 7 by #3 -> ended 7
         0s complete t1 #2 earlier 7 by #3 -> TicketCompleted
         0s complete t1 #2 earlier 7 -> TicketCancelled
         0s queues -> none",
    );
}

#[test]
fn what_lives_counts_before_what_the_history_remembers() {
    check_desk(
        "0s submit t1 gold email
         0s cancel t1 earlier 7 by #3 -> ended 1",
    );
}

#[test]
fn a_pull_repeated_by_its_name_gets_the_same_ticket() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold email
         1s pull ann as=r1 -> t1 #1 earliest-deadline
         2s pull ann as=r1 -> again t1 #1 earliest-deadline
         3s pull ann as=r2 -> t2 #2 earliest-deadline
         4s pull ann as=r1 -> again t1 #1 earliest-deadline
         5s pull ann as=r2 -> again t2 #2 earliest-deadline
         6s complete t1 #1 -> ended 1
         7s pull ann as=r1 -> nothing",
    );
}

#[test]
fn a_pull_that_waited_is_repeated_by_its_name_too() {
    check_desk(
        "0s pull ann as=r1 until=60s -> waits
         1s submit t1 gold email
         1s * ann gets t1 #1 earliest-deadline
         2s submit t2 gold email
         2s pull ann as=r1 until=60s -> again t1 #1 earliest-deadline",
    );
}

#[test]
fn an_agent_with_full_hands_gets_what_came_last_again() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold email
         0s submit t3 gold email
         1s pull ann -> t1 #1 earliest-deadline
         1s pull ann -> t2 #2 earliest-deadline
         2s pull ann -> again t2 #2 earliest-deadline
         2s pull ann as=new -> again t2 #2 earliest-deadline
         3s complete t2 #2 -> ended 2
         3s pull ann -> t3 #3 earliest-deadline",
    );
}

#[test]
fn a_completion_repeated_gets_the_same_answer() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         0s complete t1 #1 -> ended 1
         9s complete t1 #1 -> ended 1
         9s complete t1 #2 -> TicketCompleted",
    );
}

#[test]
fn a_cancellation_repeated_gets_the_same_answer() {
    check_desk(
        "0s submit t1 gold email
         0s cancel t1 -> ended 1
         9s cancel t1 -> ended 1",
    );
}

#[test]
fn what_was_completed_cannot_be_cancelled() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         0s complete t1 #1 -> ended 1
         9s cancel t1 -> TicketCompleted",
    );
}

#[test]
fn what_never_was_is_not_found() {
    check_desk(
        "0s cancel t1 -> TicketNotFound
         0s update t1 door -> TicketNotFound
         0s retier t1 gold found -> TicketNotFound
         0s release t1 #1 -> TicketNotFound
         0s extend t1 #1 -> TicketNotFound",
    );
}
