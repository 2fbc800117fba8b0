//! Which of several waiting agents gets the ticket.

use super::script::check;

/// Bob has waited longest, Ann has the lowest load, Cid the best French; Dee was served least recently.
fn check_choice(choice: &str, script: &str) {
    check(&format!(
        "policy edf v1; skills french; tier gold 1h desk; pool desk choice {choice}
         agent ann desk can french=2 capacity 9
         agent bob desk can french=3 capacity 2
         agent cid desk can french=9 capacity 2
         agent dee desk capacity 2
         0s here dee
         0s submit d1 gold voice
         0s pull dee -> d1 #1 earliest-deadline
         1s here bob
         1s submit b1 gold voice
         1s pull bob -> b1 #2 earliest-deadline
         2s here cid
         2s submit c1 gold voice
         2s pull cid -> c1 #3 earliest-deadline
         3s here ann
         3s submit a1 gold voice
         3s pull ann -> a1 #4 earliest-deadline
         4s complete d1 #1 -> ended 1
         4s submit d2 gold voice only=dee
         5s pull dee -> d2 #5 earliest-deadline
         6s pull ann until=1h -> waits
         6s pull bob until=1h -> waits
         6s pull cid until=1h -> waits
         6s pull dee until=1h -> waits
         {script}"
    ));
}

#[test]
fn least_loaded_is_the_default() {
    check_choice("least-loaded", "7s submit t1 gold voice\n 7s * ann gets t1 #6 earliest-deadline");
    check(
        "policy edf v1; tier gold 1h desk; pool desk
         agent ann desk capacity 2
         here ann
         agent bob desk
         1s here bob
         1s submit t1 gold voice
         1s pull ann -> t1 #1 earliest-deadline
         2s pull ann until=1h -> waits
         2s pull bob until=1h -> waits
         3s submit t2 gold voice
         3s * bob gets t2 #2 earliest-deadline",
    );
}

#[test]
fn longest_idle_looks_at_nothing_but_the_time() {
    check_choice(
        "longest-idle",
        "7s submit t1 gold voice
         7s * bob gets t1 #6 earliest-deadline
         8s submit t2 gold voice
         8s * cid gets t2 #7 earliest-deadline
         9s submit t3 gold voice
         9s * ann gets t3 #8 earliest-deadline
         10s submit t4 gold voice
         10s * dee gets t4 #9 earliest-deadline",
    );
}

#[test]
fn round_robin_takes_whose_last_assignment_is_longest_ago() {
    check_choice(
        "round-robin",
        "7s submit t1 gold voice
         7s * bob gets t1 #6 earliest-deadline
         8s submit t2 gold voice
         8s * cid gets t2 #7 earliest-deadline
         9s submit t3 gold voice
         9s * ann gets t3 #8 earliest-deadline
         10s submit t4 gold voice
         10s * dee gets t4 #9 earliest-deadline",
    );
}

#[test]
fn best_level_takes_the_highest_in_what_the_ticket_asks_for() {
    check_choice(
        "best-level",
        "7s submit t1 gold voice require=french
         7s * cid gets t1 #6 earliest-deadline
         8s submit t2 gold voice require=french
         8s * bob gets t2 #7 earliest-deadline
         9s submit t3 gold voice
         9s * ann gets t3 #8 earliest-deadline",
    );
}

#[test]
fn ties_go_by_id() {
    for choice in ["least-loaded", "longest-idle", "best-level", "round-robin"] {
        check(&format!(
            "policy edf v1; tier gold 1h desk; pool desk choice {choice}
             agent bob desk
             agent ann desk
             0s here bob
             0s here ann
             0s pull bob until=1h -> waits
             0s pull ann until=1h -> waits
             1s submit t1 gold voice
             1s * ann gets t1 #1 earliest-deadline"
        ));
    }
}

#[test]
fn the_choice_is_that_of_the_pool_the_ticket_is_served_for() {
    check(
        "policy edf v1; tier gold 1h desk; tier low 2h back; pool desk choice longest-idle; pool back
         agent ann desk+back capacity 2
         agent bob desk+back capacity 2
         0s here ann
         0s submit t0 low voice
         0s pull ann -> t0 #1 earliest-deadline
         1s here bob
         2s pull ann until=1h -> waits
         2s pull bob until=1h -> waits
         3s submit t1 low voice
         3s * bob gets t1 #2 earliest-deadline
         4s pull bob until=1h -> waits
         5s submit t2 gold voice
         5s * ann gets t2 #3 earliest-deadline",
    );
}

#[test]
fn an_agent_with_another_ticket_first_is_not_chosen_for_this_one() {
    check(
        "policy edf v1; tier gold 1h desk; tier low 2h back; pool desk choice longest-idle; pool back
         0s submit t1 gold voice
         0s submit t2 low voice
         agent ann desk+back
         agent bob desk
         agent cid back
         0s here ann
         1s here bob
         1s here cid
         1s pull bob -> t1 #1 earliest-deadline
         1s pull ann -> t2 #2 earliest-deadline",
    );
}

#[test]
fn who_suits_best_is_passed_over_while_something_else_is_next_for_them() {
    check(
        "policy edf v1; skills french; tier vip 10m desk; tier gold 1h desk; pool desk
         agent ann desk
         here ann
         agent bob desk can french=5
         1s here bob
         2s pause desk drill
         2s pull ann until=1h -> waits
         2s pull bob until=1h -> waits
         3s submit plain gold voice prefer=french
         4s submit urgent vip voice require=french
         5s resume-pool desk
         5s * ann gets plain #1 earliest-deadline
         5s * bob gets urgent #2 earliest-deadline",
    );
}
